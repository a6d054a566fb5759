import { deepEqual, equal } from 'node:assert/strict'
import type { StatisticsSlice } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'

const day = 24 * hour

/** Law 9: apps see no names, ids or data of other apps. Law 10: the store is empty when all sessions have ended and history is purged. */
export const isolationLaws = [
  law('9 two apps in one store cannot see each other', async fixture => {
    const other = await fixture.environment.open({ app: 'other' })
    const mine = await fixture.created({ userId: 'ada' })
    const theirs = fixture.record({ userId: 'ada', id: mine.id })
    const created = await other.create(theirs, {
      at: fixture.clock.now,
      limit: { max: 1, onExceeded: 'reject' },
      replaces: mine.id,
      adopts: null
    })
    equal(created.status, 'created', 'ids, limits and users belong to one app')
    equal((await fixture.live(mine.id))?.hash, mine.hash)
    equal((await fixture.live(mine.id, other))?.hash, theirs.hash)
    await other.end({ userId: 'ada' }, { reason: 'revoked', by: null })
    equal((await fixture.live(mine.id))?.id, mine.id)
    await other.saveStatistics({ node: 'n', start: fixture.clock.now, interval: 300_000, value: '{}', until: fixture.clock.now + day })
    deepEqual((await fixture.store.statistics(0, fixture.clock.now + 1)).slices, [])
    deepEqual((await fixture.store.history({}, { limit: 5, cursor: null, order: 'newest' })).items, [])
    fixture.clock.now += hour
    deepEqual(await fixture.cleanUp(other), [])
    deepEqual((await fixture.cleanUp()).map(({ id }) => id), [mine.id])
  }),
  law('10 totals count live sessions', async fixture => {
    const { store } = fixture
    const figures = async (): Promise<number[]> => {
      const { live, users, guests, remembered } = await store.statistics(0, 1)
      return [live, users, guests, remembered]
    }
    deepEqual(await figures(), [0, 0, 0, 0])
    const records = await fixture.createMany(6, i => ({ userId: i > 4 ? null : `user ${i % 2}`, remembered: i === 0 }))
    deepEqual(await figures(), [6, 2, 1, 1])
    await store.end({ ids: [records[0].id, records[5].id] }, { reason: 'logout', by: null })
    deepEqual(await figures(), [4, 2, 0, 0])
    await store.end({ userId: 'user 1' }, { reason: 'revoked', by: null })
    deepEqual(await figures(), [2, 1, 0, 0])
    await fixture.created({ userId: 'user 0' }, { limit: { max: 1, onExceeded: 'evict-oldest' } })
    deepEqual(await figures(), [1, 1, 0, 0])
    fixture.clock.now += hour
    await fixture.cleanUp()
    deepEqual(await figures(), [0, 0, 0, 0])
  }),
  law('10 statistics slices are stored per node, overwritten, found by start time and purged', async fixture => {
    const { environment, store, clock } = fixture
    const node = await environment.open()
    const { now } = clock
    const slice = (fields: Partial<StatisticsSlice>): StatisticsSlice =>
      ({ node: 'a', start: now, interval: 300_000, value: '{"n":1}', until: now + hour, ...fields })
    await store.saveStatistics(slice({}))
    await node.saveStatistics(slice({ node: 'b', value: '{"text":"ü"}' }))
    await store.saveStatistics(slice({ value: '{"n":2}' }))
    await store.saveStatistics(slice({ interval: 3_600_000, until: now + day }))
    await store.saveStatistics(slice({ start: now + 300_000 }))
    const order = (a: StatisticsSlice, b: StatisticsSlice): number =>
      a.start - b.start || a.interval - b.interval || a.node.localeCompare(b.node)
    const found = async (from: number, to: number): Promise<StatisticsSlice[]> => [...(await node.statistics(from, to)).slices].sort(order)
    deepEqual(await found(now, now + 300_000), [
      slice({ value: '{"n":2}' }),
      slice({ node: 'b', value: '{"text":"ü"}' }),
      slice({ interval: 3_600_000, until: now + day })
    ])
    deepEqual(await found(now + 1, now + 300_001), [slice({ start: now + 300_000 })])
    clock.now += hour
    await fixture.cleanUp()
    deepEqual(await found(0, clock.now), [slice({ interval: 3_600_000, until: now + day })])
  }),
  law('10 the store is empty when all sessions have ended and history is purged', async fixture => {
    const { store, clock } = fixture
    const node = await fixture.environment.open()
    const records = await fixture.createMany(12, i => ({
      userId: i % 4 === 3 ? null : `user ${i % 3}`,
      data: { long: JSON.stringify('x'.repeat(i * 100)) }
    }))
    await fixture.created({ userId: 'adopted' }, { adopts: { key: 'k'.repeat(43), until: clock.now + hour } })
    await store.touch(records.map(({ id }) => fixture.activity(id, { userAgent: 'another' })), clock.now)
    await node.update(records[0].id, { set: { more: '1' }, deviceName: 'x' })
    await store.saveStatistics({ node: 'n', start: clock.now, interval: 300_000, value: '{}', until: clock.now + hour })
    await fixture.logout(records[1].id)
    await store.end({ userId: 'user 2' }, { reason: 'revoked', by: null })
    clock.now += hour
    await fixture.cleanUp()
    clock.now += day + minute
    await fixture.cleanUp(node)
    await fixture.cleanUp()
    for (const { id } of records) equal(await store.read(id), null)
    deepEqual((await store.list({}, { limit: 9, cursor: null, order: 'newest' })).items, [])
    deepEqual((await store.history({}, { limit: 9, cursor: null, order: 'newest' })).items, [])
    deepEqual(await store.statistics(0, clock.now), { live: 0, users: 0, guests: 0, remembered: 0, slices: [] })
    equal(await fixture.environment.countEntries?.() ?? 0, 0)
  })
]
