import { deepEqual, equal, rejects } from 'node:assert/strict'
import { pagesOf } from '../../async.ts'
import type { Filter } from '../../model/filter.ts'
import { byAge } from '../../model/record.ts'
import type { PageOptions } from '../../store.ts'
import { law, minute } from './fixture.ts'
import type { LawFixture } from './fixture.ts'

/** Law 8: a cursor is a value; pages neither repeat nor skip sessions while others end. */
export const pageLaws = [
  law('8 pages list every session once, in both orders', async fixture => {
    const all = (await several(fixture, 25)).sort(byAge).map(({ id }) => id)
    deepEqual(await fixture.listIds({}, { limit: 4, order: 'oldest' }), all)
    deepEqual(await fixture.listIds({}, { limit: 7, order: 'newest' }), all.toReversed())
    const ofUser = await fixture.listIds({ userId: 'user 1' }, { limit: 2, order: 'newest' })
    deepEqual(ofUser, await fixture.listIds({ userId: 'user 1' }, { limit: 100, order: 'newest' }))
  }),
  law('8 a session that stays live is listed once while others begin and end', async fixture => {
    const records = (await several(fixture, 30)).sort(byAge)
    for (const order of ['oldest', 'newest'] as const) {
      const stays = new Set(await fixture.listIds({}, { limit: 100, order }))
      const seen: string[] = []
      for await (const { items } of pagesOf(cursor => fixture.store.list({}, { limit: 4, cursor, order }))) {
        seen.push(...items.map(({ id }) => id))
        // the session at the cursor, one before and one after it
        for (const victim of [seen.at(-1), seen.at(-3), records.find(({ id }) => stays.has(id) && !seen.includes(id))?.id]) {
          if (victim === undefined) continue
          stays.delete(victim)
          await fixture.logout(victim)
        }
        fixture.clock.now++
        await fixture.created({ userId: 'late' })
      }
      equal(new Set(seen).size, seen.length, 'no session is listed twice')
      for (const id of stays) equal(seen.includes(id), true, 'no session is skipped')
    }
  }),
  law('8 a cursor is valid on every node, and only for its filter and order', async fixture => {
    const node = await fixture.environment.open()
    await several(fixture, 12)
    const { cursor } = await fixture.store.list({ remembered: false }, { limit: 5, cursor: null, order: 'newest' })
    equal(typeof cursor, 'string')
    const rest = await node.list({ remembered: false }, { limit: 50, cursor, order: 'newest' })
    equal(rest.items.length, 7)
    const refused = { code: 'FST_SESSION_INVALID_CURSOR' }
    const wrong: [Filter, PageOptions][] = [
      [{ remembered: true }, { limit: 5, cursor, order: 'newest' }],
      [{ remembered: false }, { limit: 5, cursor, order: 'oldest' }],
      ...['', 'x', '{}', '[]', 'null', `${cursor}x`, 'A'.repeat(5000), '../..', '%00']
        .map((text): [Filter, PageOptions] => [{ remembered: false }, { limit: 5, cursor: text, order: 'newest' }])
    ]
    for (const [filter, page] of wrong) {
      await rejects(async () => fixture.store.list(filter, page), refused)
    }
    await rejects(async () => fixture.store.history({ remembered: false }, { limit: 5, cursor, order: 'newest' }), refused)
    await rejects(async () => fixture.store.count({}, 'x'), refused)
    await rejects(async () => fixture.store.end({ filter: {}, limit: 5, cursor: 'x' }, { reason: 'revoked', by: null }), refused)
  }),
  law('8 history is paginated in the same way', async fixture => {
    const records = await several(fixture, 14)
    for (const { id } of records) {
      await fixture.logout(id)
      fixture.clock.now++
    }
    const all = records.map(({ id }) => id)
    deepEqual(await fixture.historyIds({}, { limit: 4, order: 'oldest' }), all)
    deepEqual(await fixture.historyIds({}, { limit: 5, order: 'newest' }), all.toReversed())
    deepEqual(await fixture.historyIds({ reason: 'revoked' }, { limit: 5, order: 'newest' }), [])
    fixture.clock.now += minute
    deepEqual((await fixture.historyIds({ userId: 'user 0' }, { limit: 2, order: 'newest' })).length, 3)
  })
]

async function several (fixture: LawFixture, count: number): ReturnType<typeof fixture.createMany> {
  // pairs with the same creation time, ordered by id
  const { now } = fixture.clock
  return fixture.createMany(count, i => ({ userId: `user ${i % 5}`, createdAt: now + Math.floor(i / 2) }))
}
