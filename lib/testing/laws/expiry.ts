import { deepEqual, equal } from 'node:assert/strict'
import type { SessionRecord } from '../../model/record.ts'
import { hour, law, minute } from './fixture.ts'
import type { LawFixture } from './fixture.ts'

const lives: readonly [string, Partial<SessionRecord>, 'idle-timeout' | 'absolute-timeout'][] = [
  ['idle', {}, 'idle-timeout'],
  ['absolute', { idleTimeout: 24 * hour }, 'absolute-timeout']
]

/** Law 1: reads never return an expired session, even before cleanup. */
export const expiryLaws = [
  ...lives.map(([name, fields, reason]) => law(`1 a session expires exactly at its ${name} timeout`, async fixture => {
    const record = await fixture.created(fields)
    fixture.advanceToExpiry(record)
    const deadline = fixture.clock.now
    fixture.clock.now--
    equal((await fixture.live(record.id))?.id, record.id)
    fixture.clock.now++
    equal((await fixture.ended(record.id)).reason, reason)
    fixture.clock.now += minute
    const left = await fixture.ended(record.id)
    equal(left.endedAt, deadline)
    await fixture.cleanUp()
    deepEqual(await fixture.ended(record.id), left, 'cleanup does not change the ended-session record')
  })),
  law('1 before cleanup, an expired session accepts no write, counts toward no limit and is in no list', async fixture => {
    const { store } = fixture
    const record = await fixture.created()
    await fixture.live(record.id)
    fixture.advanceToExpiry(record)
    deepEqual(await store.touch([fixture.activity(record.id)], fixture.clock.now), [record.id])
    equal((await fixture.ended(record.id)).reason, 'idle-timeout')
    equal((await store.update(record.id, { seen: true })).status, 'gone')
    equal((await store.update(record.id, { authenticate: { methods: [], idleTimeout: hour, absoluteTimeout: hour } })).status, 'gone')
    deepEqual((await store.end({ ids: [record.id] }, { reason: 'logout', by: null })).ended, [])
    deepEqual((await store.end({ userId: 'ada' }, { reason: 'revoked', by: null })).ended, [])
    deepEqual(await fixture.idsOf('ada'), [])
    equal((await store.count({}, null)).count, 0)
    const next = await fixture.create({}, { limit: { max: 1, onExceeded: 'reject' } })
    equal(next.status, 'created')
    deepEqual((await fixture.cleanUp()).map(({ id, reason }) => [id, reason]), [[record.id, 'idle-timeout']])
  }),
  law('1 activity resets the idle timeout, and cleanup leaves the session alone', async fixture => {
    const [kept, left] = await fixture.createMany(2)
    const [keptId, leftId] = [kept.id, left.id]
    await seen(fixture, keptId, 20 * minute)
    fixture.clock.now += 20 * minute
    deepEqual((await fixture.cleanUp()).map(({ id }) => id), [leftId])
    equal((await fixture.live(keptId))?.id, keptId)
    await seen(fixture, keptId, 5 * minute)
    fixture.clock.now += 30 * minute
    deepEqual((await fixture.cleanUp()).map(({ id }) => id), [keptId])
  }),
  law('1 cleanup ends a session with changed timeouts when it expires, not before and not much later', async fixture => {
    const [short, long] = await fixture.createMany(2)
    await fixture.store.update(short.id, { shorten: { absoluteTimeout: minute } })
    await fixture.store.update(long.id, { authenticate: { methods: [], idleTimeout: 2 * hour, absoluteTimeout: 20 * hour } })
    fixture.clock.now += minute
    deepEqual((await fixture.cleanUp()).map(({ id, reason }) => [id, reason]), [[short.id, 'absolute-timeout']])
    fixture.clock.now += hour
    deepEqual(await fixture.cleanUp(), [])
    fixture.clock.now += hour
    deepEqual((await fixture.cleanUp()).map(({ id }) => id), [long.id])
  })
]

async function seen (fixture: LawFixture, id: string, after: number): Promise<void> {
  fixture.clock.now += after
  await fixture.store.touch([fixture.activity(id)], fixture.clock.now)
}
