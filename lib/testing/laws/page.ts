import { deepEqual, equal, rejects } from 'node:assert/strict'
import type { Filter } from '../../model/filter.ts'
import { byAge } from '../../model/record.ts'
import type { Page, PageOptions } from '../../store.ts'
import { law, minute } from './fixture.ts'

type Listing<T> = (filter: Filter, page: PageOptions) => PromiseLike<Page<T>> | Page<T>

/** Law 8: a cursor is a value: pages neither repeat nor skip when sessions end meanwhile. */
export const pageLaws = [
  law('8 pages show every session once, in order, both ways', async stage => {
    const all = (await several(stage, 25)).sort(byAge).map(({ id }) => id)
    deepEqual(await ids(stage.store.list.bind(stage.store), {}, 'oldest', 4), all)
    deepEqual(await ids(stage.store.list.bind(stage.store), {}, 'newest', 7), all.toReversed())
    deepEqual(await ids(stage.store.list.bind(stage.store), { userId: 'user 1' }, 'newest', 2), await ids(stage.store.list.bind(stage.store), { userId: 'user 1' }, 'newest', 100))
  }),
  law('8 what stays while pages are read is shown once, whatever ends or begins meanwhile', async stage => {
    const records = (await several(stage, 30)).sort(byAge)
    for (const order of ['oldest', 'newest'] as const) {
      const stays = new Set(await ids(stage.store.list.bind(stage.store), {}, order, 100))
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: Page<{ id: string }> = await stage.store.list({}, { limit: 4, cursor, order })
        seen.push(...page.items.map(({ id }) => id))
        // the one the cursor stands on, one before and one after it
        for (const victim of [seen.at(-1), seen.at(-3), records.find(({ id }) => stays.has(id) && !seen.includes(id))?.id]) {
          if (victim === undefined) continue
          stays.delete(victim)
          await stage.logout(victim)
        }
        stage.clock.now++
        await stage.created({ userId: 'late' })
        cursor = page.cursor
      } while (cursor !== null)
      equal(new Set(seen).size, seen.length, 'nothing is shown twice')
      for (const id of stays) equal(seen.includes(id), true, 'nothing is skipped')
    }
  }),
  law('8 a cursor works on every node, and only for its filter and order', async stage => {
    const node = await stage.ground.open()
    await several(stage, 12)
    const { cursor } = await stage.store.list({ remembered: false }, { limit: 5, cursor: null, order: 'newest' })
    equal(typeof cursor, 'string')
    const rest = await node.list({ remembered: false }, { limit: 50, cursor, order: 'newest' })
    equal(rest.items.length, 7)
    const refused = { code: 'FST_SESSION_INVALID_CURSOR' }
    const wrong: [Filter, PageOptions][] = [
      [{ remembered: true }, { limit: 5, cursor, order: 'newest' }],
      [{ remembered: false }, { limit: 5, cursor, order: 'oldest' }],
      ...['', 'x', '{}', '[]', 'null', `${cursor}x`, 'A'.repeat(5000), '../..', '%00'].map((text): [Filter, PageOptions] => [{ remembered: false }, { limit: 5, cursor: text, order: 'newest' }])
    ]
    for (const [filter, page] of wrong) {
      await rejects(async () => stage.store.list(filter, page), refused)
    }
    await rejects(async () => stage.store.history({ remembered: false }, { limit: 5, cursor, order: 'newest' }), refused)
    await rejects(async () => stage.store.count({}, 'x'), refused)
    await rejects(async () => stage.store.end({ filter: {}, limit: 5, cursor: 'x' }, { reason: 'revoked', by: null }), refused)
  }),
  law('8 history has pages, too', async stage => {
    const records = await several(stage, 14)
    for (const { id } of records) {
      await stage.logout(id)
      stage.clock.now++
    }
    const all = records.map(({ id }) => id)
    deepEqual(await ids(stage.store.history.bind(stage.store), {}, 'oldest', 4), all)
    deepEqual(await ids(stage.store.history.bind(stage.store), {}, 'newest', 5), all.toReversed())
    deepEqual(await ids(stage.store.history.bind(stage.store), { reason: 'revoked' }, 'newest', 5), [])
    stage.clock.now += minute
    deepEqual((await ids(stage.store.history.bind(stage.store), { userId: 'user 0' }, 'newest', 2)).length, 3)
  })
]

async function several (stage: Parameters<Parameters<typeof law>[1]>[0], count: number): ReturnType<typeof stage.several> {
  // pairs of one instant: the id decides
  const { now } = stage.clock
  return stage.several(count, i => ({ userId: `user ${i % 5}`, createdAt: now + Math.floor(i / 2) }))
}

async function ids <T extends { readonly id: string }> (listing: Listing<T>, filter: Filter, order: 'newest' | 'oldest', limit: number): Promise<string[]> {
  const found: string[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await listing(filter, { limit, cursor, order })
    equal(page.items.length <= limit, true)
    found.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  } while (cursor !== null)
  return found
}
