import { deepEqual, equal } from 'node:assert/strict'
import type { Slice } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'

const day = 24 * hour

/** Law 9: names, ids and data of one app never reach another's. Law 10: when everything is over, the store holds nothing. */
export const apartLaws = [
  law('9 two apps in one place do not see each other', async stage => {
    const other = await stage.ground.open({ app: 'other' })
    const mine = await stage.created({ userId: 'ada' })
    const theirs = stage.record({ userId: 'ada', id: mine.id })
    equal((await other.create(theirs, { at: stage.clock.now, limit: { max: 1, onLimit: 'reject' }, replaces: mine.id, adopts: null })).status, 'created', 'an id, a limit and a user are each app\'s own')
    equal((await stage.live(mine.id))?.hash, mine.hash)
    equal((await stage.live(mine.id, other))?.hash, theirs.hash)
    await other.end({ userId: 'ada' }, { reason: 'revoked', by: null })
    equal((await stage.live(mine.id))?.id, mine.id)
    await other.observe({ node: 'n', at: stage.clock.now, span: 300_000, value: '{}', until: stage.clock.now + day })
    deepEqual((await stage.store.statistics(0, stage.clock.now + 1)).slices, [])
    deepEqual((await stage.store.history({}, { limit: 5, cursor: null, order: 'newest' })).items, [])
    stage.clock.now += hour
    deepEqual(await stage.sweep(other), [])
    deepEqual((await stage.sweep()).map(({ id }) => id), [mine.id])
  }),
  law('10 counts follow what lives', async stage => {
    const { store } = stage
    const figures = async (): Promise<number[]> => {
      const { live, users, guests, remembered } = await store.statistics(0, 1)
      return [live, users, guests, remembered]
    }
    deepEqual(await figures(), [0, 0, 0, 0])
    const records = await stage.several(6, i => ({ userId: i > 4 ? null : `user ${i % 2}`, remembered: i === 0 }))
    deepEqual(await figures(), [6, 2, 1, 1])
    await store.end({ ids: [records[0].id, records[5].id] }, { reason: 'logout', by: null })
    deepEqual(await figures(), [4, 2, 0, 0])
    await store.end({ userId: 'user 1' }, { reason: 'revoked', by: null })
    deepEqual(await figures(), [2, 1, 0, 0])
    await stage.created({ userId: 'user 0' }, { limit: { max: 1, onLimit: 'oldest' } })
    deepEqual(await figures(), [1, 1, 0, 0])
    stage.clock.now += hour
    await stage.sweep()
    deepEqual(await figures(), [0, 0, 0, 0])
  }),
  law('10 slices are each node\'s own, written over, found by when they began, and purged', async stage => {
    const { ground, store, clock } = stage
    const node = await ground.open()
    const { now } = clock
    const slice = (fields: Partial<Slice>): Slice => ({ node: 'a', at: now, span: 300_000, value: '{"n":1}', until: now + hour, ...fields })
    await store.observe(slice({}))
    await node.observe(slice({ node: 'b', value: '{"text":"ü"}' }))
    await store.observe(slice({ value: '{"n":2}' }))
    await store.observe(slice({ span: 3_600_000, until: now + day }))
    await store.observe(slice({ at: now + 300_000 }))
    const order = (a: Slice, b: Slice): number => a.at - b.at || a.span - b.span || a.node.localeCompare(b.node)
    const found = async (from: number, to: number): Promise<Slice[]> => [...(await node.statistics(from, to)).slices].sort(order)
    deepEqual(await found(now, now + 300_000), [slice({ value: '{"n":2}' }), slice({ node: 'b', value: '{"text":"ü"}' }), slice({ span: 3_600_000, until: now + day })])
    deepEqual(await found(now + 1, now + 300_001), [slice({ at: now + 300_000 })])
    clock.now += hour
    await stage.sweep()
    deepEqual(await found(0, clock.now), [slice({ span: 3_600_000, until: now + day })])
  }),
  law('10 when everything has ended and history is purged, nothing is left', async stage => {
    const { store, clock } = stage
    const node = await stage.ground.open()
    const records = await stage.several(12, i => ({ userId: i % 4 === 3 ? null : `user ${i % 3}`, data: { long: JSON.stringify('x'.repeat(i * 100)) } }))
    await stage.created({ userId: 'adopted' }, { adopts: { key: 'k'.repeat(43), until: clock.now + hour } })
    await store.touch(records.map(({ id }) => stage.touch(id, { agent: 'another' })), clock.now)
    await node.update(records[0].id, { set: { more: '1' }, name: 'x' })
    await store.observe({ node: 'n', at: clock.now, span: 300_000, value: '{}', until: clock.now + hour })
    await stage.logout(records[1].id)
    await store.end({ userId: 'user 2' }, { reason: 'revoked', by: null })
    clock.now += hour
    await stage.sweep()
    clock.now += day + minute
    await stage.sweep(node)
    await stage.sweep()
    for (const { id } of records) equal(await store.read(id), null)
    deepEqual((await store.list({}, { limit: 9, cursor: null, order: 'newest' })).items, [])
    deepEqual((await store.history({}, { limit: 9, cursor: null, order: 'newest' })).items, [])
    deepEqual(await store.statistics(0, clock.now), { live: 0, users: 0, guests: 0, remembered: 0, slices: [] })
    equal(await stage.ground.remains?.() ?? 0, 0)
  })
]
