import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { Page } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'
import type { Stage } from './fixture.ts'

const devices = ['Firefox 144|Linux|desktop', 'Safari 18|iOS|mobile', 'Chrome 140.0|Windows 11|desktop', null]
const addresses = ['192.0.2.1', '192.0.2.77', '2001:db8::1', '198.51.100.9', null]

/** Every store reads the one filter language alike. */
export const filterLaws = [
  law('8 lists, counts and ends mean the same by a filter', async stage => {
    const start = stage.clock.now
    const records: SessionRecord[] = []
    for (const [i, record] of (await stage.several(24, fields)).entries()) {
      await stage.store.touch([stage.touch(record.id, { requests: i, seenAt: stage.clock.now })], stage.clock.now)
      const live = await stage.live(record.id)
      ok(live)
      records.push(live)
      stage.clock.now += minute
    }
    const [record] = records
    ok(record)
    const filters = cases(start, record.id)
    for (const filter of filters) {
      const expected = records.filter(compileFilter(filter)).map(({ id }) => id).sort()
      deepEqual(await listed(stage, filter), expected, JSON.stringify(filter))
      equal(await counted(stage, filter), expected.length, JSON.stringify(filter))
    }
    for (const ip of ['x', '192.0.2.0/33', '192.0.2.0/x', '2001:db8::/129', '192.0.2.0/24/7', '']) {
      await rejects(async () => stage.store.list({ ip }, { limit: 5, cursor: null, order: 'newest' }), { code: 'FST_SESSION_INVALID_FILTER' })
    }
  }),
  law('8 history is filtered by the same language', async stage => {
    const start = stage.clock.now
    const left: EndedSession[] = []
    for (const record of await stage.several(20, fields)) {
      stage.clock.now += minute
      left.push(...(await stage.store.end({ ids: [record.id] }, { reason: left.length % 2 === 0 ? 'logout' : 'revoked', by: null })).ended)
    }
    const kept = left.filter(({ userId }) => userId !== null)
    const [first] = kept
    ok(first)
    const filters = [...cases(start, first.id), { reason: 'logout' }, { endedAfter: start + 5 * minute, endedBefore: start + 12 * minute }] satisfies Filter[]
    for (const filter of filters) {
      const found: string[] = []
      let cursor: string | null = null
      do {
        const page: Page<EndedSession> = await stage.store.history(filter, { limit: 3, cursor, order: 'newest' })
        found.push(...page.items.map(({ id }) => id))
        cursor = page.cursor
      } while (cursor !== null)
      deepEqual(found.sort(), kept.filter(compileFilter(filter)).map(({ id }) => id).sort(), JSON.stringify(filter))
    }
  })
]

function fields (i: number): Partial<SessionRecord> {
  return {
    userId: i % 6 === 5 ? null : `user ${i % 4}`,
    remembered: i % 3 === 0,
    ip: addresses[i % addresses.length] ?? null,
    device: devices[i % devices.length] ?? null,
    name: i % 7 === 0 ? '100% Küche_' : null,
    idle: i % 2 === 0 ? 5 * hour : 8 * hour
  }
}

function cases (start: number, id: string): Filter[] {
  return [
    {}, { userId: 'user 2' }, { userId: 'nobody' }, { guest: true }, { guest: false }, { remembered: true }, { remembered: false },
    { ip: '192.0.2.1' }, { ip: '192.0.2.0/24' }, { ip: '2001:db8::/32' }, { ip: '0.0.0.0/0' }, { ip: '::/0' },
    { browser: 'firefox' }, { browser: 'Chrome' }, { browser: 'none' }, { system: 'ios' }, { system: 'Windows 11' },
    { createdAfter: start + 5 * minute }, { createdBefore: start + 5 * minute }, { createdAfter: start + 2 * minute, createdBefore: start + 9 * minute },
    { seenAfter: start + 10 * minute }, { seenBefore: start + 10 * minute }, { expiresAfter: start + 6 * hour }, { expiresBefore: start + 6 * hour },
    { requestsMin: 10 }, { requestsMax: 5 }, { requestsMin: 3, requestsMax: 4 }, { reason: 'idle' }, { endedAfter: 0 }, { endedBefore: start + hour },
    { search: 'USER 1' }, { search: 'safari' }, { search: '198.51' }, { search: '100% k' }, { search: 'küche_' }, { search: '%' }, { search: '_' }, { search: id.slice(0, 9) }, { search: 'nothing like it' },
    { userId: 'user 0', remembered: true, browser: 'firefox' }, { guest: true, userId: 'user 1' }
  ]
}

async function listed (stage: Stage, filter: Filter): Promise<string[]> {
  const found: string[] = []
  let cursor: string | null = null
  do {
    const page: Page<SessionRecord> = await stage.store.list(filter, { limit: 5, cursor, order: 'newest' })
    found.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  } while (cursor !== null)
  return found.sort()
}

async function counted (stage: Stage, filter: Filter): Promise<number> {
  let total = 0
  let cursor: string | null = null
  do {
    const step: { count: number, cursor: string | null } = await stage.store.count(filter, cursor)
    total += step.count
    cursor = step.cursor
  } while (cursor !== null)
  return total
}
