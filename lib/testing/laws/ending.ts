import { deepEqual, equal, ok } from 'node:assert/strict'
import { toEnded } from '../../model/record.ts'
import { hour, law, minute } from './fixture.ts'

/** Law 7: whatever ends a session says so once, with its reason. */
export const endingLaws = [
  law('7 an end tells what is left of the session, once', async stage => {
    const record = await stage.created({ userId: 'ada', name: 'Laptop', remembered: true })
    stage.clock.now += minute
    await stage.store.touch([stage.touch(record.id, { requests: 7 })], stage.clock.now)
    const live = await stage.live(record.id)
    ok(live)
    stage.clock.now += minute
    const { ended, cursor } = await stage.store.end({ ids: [record.id, record.id] }, { reason: 'revoked', by: 'an admin' })
    const expected = toEnded(live, { reason: 'revoked', by: 'an admin', at: stage.clock.now })
    deepEqual(ended, [expected])
    equal(cursor, null)
    deepEqual(await stage.ended(record.id), expected)
    stage.clock.now += minute
    deepEqual(await stage.logout(record.id), [], 'an end that comes again is silent')
    deepEqual(await stage.ended(record.id), expected, 'the first reason stands')
  }),
  law('7 of parallel ends on two nodes one tells', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const ids = (await stage.several(6, i => ({ userId: `user ${i}` }))).map(({ id }) => id)
    const answers = await Promise.all([
      store.end({ ids }, { reason: 'revoked', by: null }), node.end({ ids }, { reason: 'logout', by: null }),
      store.end({ ids: [...ids].reverse() }, { reason: 'revoked', by: null }), node.end({ userId: 'user 1' }, { reason: 'revoked', by: null })
    ])
    deepEqual(answers.flatMap(({ ended }) => ended.map(({ id }) => id)).sort(), [...ids].sort())
  }),
  law('7 all sessions of a user end but the one that is kept, and nobody else\'s', async stage => {
    const records = await stage.several(5, i => ({ userId: i === 4 ? 'bob' : 'ada' }))
    const [kept] = records
    const { ended } = await stage.store.end({ userId: 'ada', except: kept.id }, { reason: 'revoked', by: 'user' })
    deepEqual(ended.map(({ id, reason, by }) => [id, reason, by]), records.slice(1, 4).map(({ id }) => [id, 'revoked', 'user']), 'oldest first')
    deepEqual(await stage.idsOf('ada'), [kept.id])
    equal((await stage.idsOf('bob')).length, 1)
    equal((await stage.store.end({ userId: 'ada' }, { reason: 'revoked', by: null })).ended.length, 1)
    equal((await stage.store.end({ userId: 'nobody' }, { reason: 'revoked', by: null })).ended.length, 0)
  }),
  law('7 ends by filter go step by step until nothing is left to look at', async stage => {
    const { store } = stage
    await stage.several(23, i => ({ userId: `user ${i % 7}`, remembered: i % 2 === 0 }))
    const ended: string[] = []
    let cursor: string | null = null
    do {
      const step: Awaited<ReturnType<typeof store.end>> = await store.end({ filter: { remembered: true }, limit: 5, cursor }, { reason: 'revoked', by: 'job' })
      equal(step.ended.length <= 5, true)
      ended.push(...step.ended.map(({ id }) => id))
      cursor = step.cursor
    } while (cursor !== null)
    equal(ended.length, 12)
    equal(new Set(ended).size, 12)
    deepEqual(await counts(store, {}), 11)
    deepEqual(await counts(store, { remembered: true }), 0)
  }),
  law('7 each expiry is told by one sweep over all nodes, with its reason and its instant', async stage => {
    const { ground, store } = stage
    const node = await ground.open()
    const start = stage.clock.now
    const records = await stage.several(30, i => ({ userId: `user ${i % 4}`, absoluteAt: i % 3 === 0 ? start + 10 * minute : start + hour }))
    await stage.created({ userId: 'ada', idle: 3 * hour })
    stage.clock.now = start + 2 * hour
    const answers = (await Promise.all([stage.sweep(store), stage.sweep(node), stage.sweep(store)])).flat()
    equal(answers.length, 30)
    for (const ended of answers) {
      const i = records.findIndex(({ id }) => id === ended.id)
      const record = records[i]
      ok(record)
      const absolute = i % 3 === 0
      equal(ended.reason, absolute ? 'absolute' : 'idle')
      equal(ended.endedAt, absolute ? start + 10 * minute : record.lastSeenAt + 30 * minute)
      equal(ended.by, null)
    }
    equal(new Set(answers.map(({ id }) => id)).size, 30)
    deepEqual(await stage.sweep(node), [])
    equal((await stage.idsOf('ada')).length, 1)
  }),
  law('7 a sweep ends at most as many as it is told to, and says that there is more', async stage => {
    await stage.several(7, i => ({ userId: `user ${i}` }))
    stage.clock.now += hour
    let told = 0
    for (let more = true; more;) {
      const step = await stage.store.sweep(3)
      equal(step.ended.length <= 3, true)
      told += step.ended.length
      more = step.more
    }
    equal(told, 7)
  }),
  law('7 history keeps the ended sessions of a user, the newest so many, and none of guests', async stage => {
    const records = await stage.several(5)
    const guest = await stage.created({ userId: null })
    for (const { id } of [...records, guest]) {
      stage.clock.now += minute
      await stage.logout(id)
    }
    const history = async (order: 'newest' | 'oldest'): Promise<string[]> => (await stage.store.history({ userId: 'ada' }, { limit: 10, cursor: null, order })).items.map(({ id }) => id)
    const last = records.slice(2).map(({ id }) => id)
    deepEqual(await history('oldest'), last)
    deepEqual(await history('newest'), last.reverse())
    equal(await stage.store.read(records[0].id), null)
    equal(await stage.store.read(guest.id), null)
  }, { historyPerUser: 3 }),
  law('7 history of length 0 keeps nothing', async stage => {
    const { id } = await stage.created()
    equal((await stage.logout(id)).length, 1)
    equal(await stage.store.read(id), null)
    deepEqual((await stage.store.history({}, { limit: 10, cursor: null, order: 'newest' })).items, [])
    deepEqual(await stage.store.update(id, { seen: true }), { status: 'gone', ended: null })
  }, { history: 0 }),
  law('7 history is forgotten when it is old', async stage => {
    const [a, b] = await stage.several(2)
    await stage.logout(a.id)
    stage.clock.now += 10 * minute
    await stage.logout(b.id)
    stage.clock.now += 51 * minute
    await stage.sweep()
    deepEqual((await stage.store.history({}, { limit: 10, cursor: null, order: 'newest' })).items.map(({ id }) => id), [b.id])
    equal(await stage.store.read(a.id), null)
  }, { history: hour })
]

async function counts (store: { count: (filter: { remembered?: boolean }, cursor: string | null) => unknown }, filter: { remembered?: boolean }): Promise<number> {
  let total = 0
  let cursor: string | null = null
  do {
    const step = await store.count(filter, cursor) as { count: number, cursor: string | null }
    total += step.count
    cursor = step.cursor
  } while (cursor !== null)
  return total
}
