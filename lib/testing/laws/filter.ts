import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import { blockIdOf } from '../../token/token.ts'
import { hour, law, minute } from './fixture.ts'
import { toDevice, unknownDevice } from '../../model/device.ts'

const devices = ['Firefox 144|Linux|desktop', 'Safari 18|iOS|mobile', 'Chrome 140.0|Windows 11|desktop', null].map(toDevice)
const addresses = ['192.0.2.1', '192.0.2.77', '2001:db8::1', '198.51.100.9', null]

/** Law 8: every store evaluates filters in the same way. */
export const filterLaws = [
  law('8 lists and counts match the same sessions for each filter', async fixture => {
    const start = fixture.clock.now
    const records: SessionRecord[] = []
    for (const [i, record] of (await fixture.createMany(24, fields)).entries()) {
      await fixture.store.touch([fixture.activity(record.id, { requestCount: i, seenAt: fixture.clock.now })], fixture.clock.now)
      const live = await fixture.live(record.id)
      ok(live)
      records.push(live)
      fixture.clock.now += minute
    }
    const [record] = records
    ok(record)
    const filters = cases(start, record.id)
    for (const filter of filters) {
      const expected = records.filter(compileFilter(filter)).map(({ id }) => id).sort()
      deepEqual((await fixture.listIds(filter, { limit: 5, order: 'newest' })).sort(), expected, JSON.stringify(filter))
      equal(await fixture.count(filter), expected.length, JSON.stringify(filter))
    }
    for (const ip of ['x', '192.0.2.0/33', '192.0.2.0/x', '2001:db8::/129', '192.0.2.0/24/7', '']) {
      const page = { limit: 5, cursor: null, order: 'newest' } as const
      await rejects(async () => fixture.store.list({ ip }, page), { code: 'FST_SESSION_INVALID_FILTER' })
    }
  }),
  law('8 history accepts the same filters', async fixture => {
    const start = fixture.clock.now
    const left: EndedSession[] = []
    for (const record of await fixture.createMany(20, fields)) {
      fixture.clock.now += minute
      const reason = left.length % 2 === 0 ? 'logout' : 'revoked'
      left.push(...(await fixture.store.end({ ids: [record.id] }, { reason, by: null })).ended)
    }
    const kept = left.filter(({ userId }) => userId !== null)
    const [first] = kept
    ok(first)
    const filters = [
      ...cases(start, first.id),
      { reason: 'logout' },
      { endedAfter: start + 5 * minute, endedBefore: start + 12 * minute }
    ] satisfies Filter[]
    for (const filter of filters) {
      const found = await fixture.historyIds(filter, { limit: 3, order: 'newest' })
      deepEqual(found.sort(), kept.filter(compileFilter(filter)).map(({ id }) => id).sort(), JSON.stringify(filter))
    }
  }),
  law('8 no filter, list or count includes a mark that blocks legacy credentials', async fixture => {
    const { clock, store } = fixture
    const id = blockIdOf('ada')
    const [guest, linus] = await fixture.createMany(2, i => ({ userId: i === 0 ? null : 'linus' }))
    const until = clock.now + 2 * hour
    await fixture.created({ id, userId: null, deviceName: 'Signed out everywhere', idleTimeout: 2 * hour, absoluteExpiresAt: until })
    const counted = async (): Promise<number[]> => {
      const { live, guests } = await store.statistics(0, 0)
      return [live, guests, await fixture.count({}), await fixture.count({ guest: true })]
    }
    deepEqual(await counted(), [2, 1, 2, 1])
    deepEqual((await fixture.listIds({}, { limit: 1, order: 'oldest' })).sort(), [guest.id, linus.id].sort())
    for (const filter of [{ search: id.slice(0, 9) }, { search: 'everywhere' }, { guest: true, maxRequests: 0, expiresAfter: until }]) {
      deepEqual(await fixture.listIds(filter, { limit: 5, order: 'newest' }), [], JSON.stringify(filter))
    }
    for (const filter of [{ guest: true }, {}]) {
      for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
        const step = await store.end({ filter, limit: 10, cursor }, { reason: 'revoked', by: null })
        ok(!step.ended.some(session => session.id === id), 'an end by filter must not end a mark')
        cursor = step.cursor
      }
    }
    deepEqual(await counted(), [0, 0, 0, 0])
    ok(await fixture.live(id))
    clock.now = until
    deepEqual(await counted(), [0, 0, 0, 0])
    await fixture.cleanUp()
    deepEqual(await counted(), [0, 0, 0, 0])
    equal(await fixture.live(id), null)
  })
]

function fields (i: number): Partial<SessionRecord> {
  return {
    userId: i % 6 === 5 ? null : `user ${i % 4}`,
    remembered: i % 3 === 0,
    ip: addresses[i % addresses.length] ?? null,
    device: devices[i % devices.length] ?? unknownDevice,
    deviceName: i % 7 === 0 ? '100% Küche_' : null,
    idleTimeout: i % 2 === 0 ? 5 * hour : 8 * hour
  }
}

function cases (start: number, id: string): Filter[] {
  return [
    {}, { userId: 'user 2' }, { userId: 'unknown user' }, { guest: true }, { guest: false }, { remembered: true }, { remembered: false },
    { ip: '192.0.2.1' }, { ip: '192.0.2.0/24' }, { ip: '2001:db8::/32' }, { ip: '0.0.0.0/0' }, { ip: '::/0' },
    { browser: 'firefox' }, { browser: 'Chrome' }, { browser: 'none' }, { os: 'ios' }, { os: 'Windows 11' },
    { createdAfter: start + 5 * minute }, { createdBefore: start + 5 * minute },
    { createdAfter: start + 2 * minute, createdBefore: start + 9 * minute },
    { lastSeenAfter: start + 10 * minute }, { lastSeenBefore: start + 10 * minute }, { expiresAfter: start + 6 * hour },
    { expiresBefore: start + 6 * hour },
    { minRequests: 10 }, { maxRequests: 5 }, { minRequests: 3, maxRequests: 4 }, { reason: 'idle-timeout' }, { endedAfter: 0 },
    { endedBefore: start + hour },
    { search: 'USER 1' }, { search: 'safari' }, { search: '198.51' }, { search: '100% k' }, { search: 'küche_' }, { search: '%' },
    { search: '_' }, { search: id.slice(0, 9) }, { search: 'nothing like it' },
    { userId: 'user 0', remembered: true, browser: 'firefox' }, { guest: true, userId: 'user 1' }
  ]
}
