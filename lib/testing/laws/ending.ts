import { deepEqual, equal, ok } from 'node:assert/strict'
import { pagesOf } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import { toEnded } from '../../model/record.ts'
import type { EndResult } from '../../store.ts'
import { hour, law, minute } from './fixture.ts'

/** Law 7: every ended session is reported exactly once, with a reason. */
export const endingLaws = [
  law('7 ending a session returns its ended-session record once', async fixture => {
    const record = await fixture.created({ userId: 'ada', deviceName: 'Laptop', remembered: true })
    fixture.clock.now += minute
    await fixture.store.touch([fixture.activity(record.id, { requestCount: 7 })], fixture.clock.now)
    const live = await fixture.live(record.id)
    ok(live)
    fixture.clock.now += minute
    const { ended, cursor } = await fixture.store.end({ ids: [record.id, record.id] }, { reason: 'revoked', by: 'an admin' })
    const expected = toEnded(live, { reason: 'revoked', by: 'an admin', at: fixture.clock.now })
    deepEqual(ended, [expected])
    equal(cursor, null)
    deepEqual(await fixture.ended(record.id), expected)
    fixture.clock.now += minute
    deepEqual(await fixture.logout(record.id), [], 'a repeated end reports nothing')
    deepEqual(await fixture.ended(record.id), expected, 'the first reason is not overwritten')
  }),
  law('7 the history of one user can be deleted: nothing of it can be read, and live sessions and other users stay', async fixture => {
    const { store } = fixture
    const records = await fixture.createMany(4, i => ({ userId: i === 3 ? 'bob' : 'ada' }))
    const [live] = records
    await store.end({ ids: records.slice(1).map(({ id }) => id) }, { reason: 'revoked', by: null })
    await store.deleteHistory('ada')
    await store.deleteHistory('unknown user')
    for (const { id } of records.slice(1, 3)) equal(await store.read(id), null)
    deepEqual(await fixture.historyIds({ userId: 'ada' }, { limit: 10, order: 'newest' }), [])
    deepEqual(await fixture.historyIds({}, { limit: 10, order: 'newest' }), [records[3].id])
    deepEqual(await fixture.idsOf('ada'), [live.id])
    await fixture.logout(live.id)
    deepEqual(await fixture.historyIds({ userId: 'ada' }, { limit: 10, order: 'newest' }), [live.id], 'later ends are kept again')
  }),
  law('7 of parallel ends on two nodes exactly one reports the session', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const ids = (await fixture.createMany(6, i => ({ userId: `user ${i}` }))).map(({ id }) => id)
    const answers = await Promise.all([
      store.end({ ids }, { reason: 'revoked', by: null }), node.end({ ids }, { reason: 'logout', by: null }),
      store.end({ ids: [...ids].reverse() }, { reason: 'revoked', by: null }),
      node.end({ userId: 'user 1' }, { reason: 'revoked', by: null })
    ])
    deepEqual(answers.flatMap(({ ended }) => ended.map(({ id }) => id)).sort(), [...ids].sort())
  }),
  law('7 ending all sessions of a user except one affects no other user', async fixture => {
    const records = await fixture.createMany(5, i => ({ userId: i === 4 ? 'bob' : 'ada' }))
    const [kept] = records
    const { ended } = await fixture.store.end({ userId: 'ada', except: kept.id }, { reason: 'revoked', by: 'user' })
    deepEqual(
      ended.map(({ id, reason, by }) => [id, reason, by]),
      records.slice(1, 4).map(({ id }) => [id, 'revoked', 'user']),
      'oldest first'
    )
    deepEqual(await fixture.idsOf('ada'), [kept.id])
    equal((await fixture.idsOf('bob')).length, 1)
    equal((await fixture.store.end({ userId: 'ada' }, { reason: 'revoked', by: null })).ended.length, 1)
    equal((await fixture.store.end({ userId: 'unknown user' }, { reason: 'revoked', by: null })).ended.length, 0)
  }),
  law('7 ending by filter takes bounded steps until the cursor is null', async fixture => {
    const { store } = fixture
    await fixture.createMany(23, i => ({ userId: `user ${i % 7}`, remembered: i % 2 === 0 }))
    const ended: string[] = []
    const next = (cursor: string | null): Awaitable<EndResult> =>
      store.end({ filter: { remembered: true }, limit: 5, cursor }, { reason: 'revoked', by: 'job' })
    for await (const step of pagesOf(next)) {
      equal(step.ended.length <= 5, true)
      ended.push(...step.ended.map(({ id }) => id))
    }
    equal(ended.length, 12)
    equal(new Set(ended).size, 12)
    deepEqual(await fixture.count({}), 11)
    deepEqual(await fixture.count({ remembered: true }), 0)
  }),
  law('7 exactly one cleanup on all nodes reports each expiry, with its reason and time', async fixture => {
    const { environment, store } = fixture
    const node = await environment.open()
    const start = fixture.clock.now
    const records = await fixture.createMany(30, i => ({
      userId: `user ${i % 4}`,
      absoluteExpiresAt: i % 3 === 0 ? start + 10 * minute : start + hour
    }))
    await fixture.created({ userId: 'ada', idleTimeout: 3 * hour })
    fixture.clock.now = start + 2 * hour
    const answers = (await Promise.all([fixture.cleanUp(store), fixture.cleanUp(node), fixture.cleanUp(store)])).flat()
    equal(answers.length, 30)
    for (const ended of answers) {
      const i = records.findIndex(({ id }) => id === ended.id)
      const record = records[i]
      ok(record)
      const absolute = i % 3 === 0
      equal(ended.reason, absolute ? 'absolute-timeout' : 'idle-timeout')
      equal(ended.endedAt, absolute ? start + 10 * minute : record.lastSeenAt + 30 * minute)
      equal(ended.by, null)
    }
    equal(new Set(answers.map(({ id }) => id)).size, 30)
    deepEqual(await fixture.cleanUp(node), [])
    equal((await fixture.idsOf('ada')).length, 1)
  }),
  law('7 a cleanup ends at most `max` sessions and reports that more remain', async fixture => {
    await fixture.createMany(7, i => ({ userId: `user ${i}` }))
    fixture.clock.now += hour
    let told = 0
    for (let more = true; more;) {
      const step = await fixture.store.cleanup(3)
      equal(step.ended.length <= 3, true)
      told += step.ended.length
      more = step.more
    }
    equal(told, 7)
  }),
  law('7 history stores the newest ended sessions of a user and none of guests', async fixture => {
    const records = await fixture.createMany(5)
    const guest = await fixture.created({ userId: null })
    for (const { id } of [...records, guest]) {
      fixture.clock.now += minute
      await fixture.logout(id)
    }
    const history = async (order: 'newest' | 'oldest'): Promise<string[]> =>
      (await fixture.store.history({ userId: 'ada' }, { limit: 10, cursor: null, order })).items.map(({ id }) => id)
    const last = records.slice(2).map(({ id }) => id)
    deepEqual(await history('oldest'), last)
    deepEqual(await history('newest'), last.reverse())
    equal(await fixture.store.read(records[0].id), null)
    equal(await fixture.store.read(guest.id), null)
  }, { historyPerUser: 3 }),
  law('7 with a history retention of 0 nothing is stored', async fixture => {
    const { id } = await fixture.created()
    equal((await fixture.logout(id)).length, 1)
    equal(await fixture.store.read(id), null)
    deepEqual((await fixture.store.history({}, { limit: 10, cursor: null, order: 'newest' })).items, [])
    deepEqual(await fixture.store.update(id, { seen: true }), { status: 'gone', ended: null })
  }, { history: 0 }),
  law('7 cleanup deletes history after its retention', async fixture => {
    const [a, b] = await fixture.createMany(2)
    await fixture.logout(a.id)
    fixture.clock.now += 10 * minute
    await fixture.logout(b.id)
    fixture.clock.now += 51 * minute
    await fixture.cleanUp()
    deepEqual((await fixture.store.history({}, { limit: 10, cursor: null, order: 'newest' })).items.map(({ id }) => id), [b.id])
    equal(await fixture.store.read(a.id), null)
  }, { history: hour })
]
