import t from 'tap'
import { memoryStore } from '../../../lib/index.ts'
import type { EndResult, Store } from '../../../lib/index.ts'
import { api, testApp } from '../../helpers/app.ts'

interface List { readonly sessions: readonly { readonly id: string, readonly current: boolean }[], readonly cursor: string | null }

/** A server that needs longer than `storeTimeout` to end more than 1,000 sessions in one step, and ends them all the same. */
function slowServer (): Store {
  const store = memoryStore()
  return new Proxy(store, {
    get (target, verb: keyof Store) {
      if (verb === 'end') {
        return async (...args: Parameters<Store['end']>): Promise<EndResult> => {
          const result = await target.end(...args)
          return result.ended.length > 1000 ? new Promise<EndResult>(() => {}) : result
        }
      }
      const value = target[verb] as unknown
      return typeof value === 'function' ? value.bind(target) as unknown : value
    }
  })
}

t.test('a user with 2,500 sessions reads them in pages, the current one first, and signs out of all others', async t => {
  const { app, send, signIn } = await testApp(t, { maxSessions: Infinity, storeTimeout: 1000, store: slowServer() })
  const cookie = await signIn()
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  for (let i = 0; i < 2500; i++) await app.sessions.create({ userId: 'ada' })
  await app.sessions.create({ userId: 'linus' })

  const seen: string[] = []
  let cursor: string | null = null
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const list: List = (await send(`${api}/?limit=200${query}`, { cookie })).json()
    t.ok(list.sessions.length <= 200)
    t.strictSame(list.sessions.filter(({ current }) => current).length, cursor === null ? 1 : 0, 'the current one is on the first page')
    seen.push(...list.sessions.map(session => session.id))
    cursor = list.cursor
  } while (cursor !== null)
  t.equal(seen[0], id)
  t.equal(new Set(seen).size, 2501)
  t.equal(seen.length, 2501)
  t.equal((await send(`${api}/`, { cookie })).json<List>().sessions.length, 100, 'a page is bounded by default')

  const others = await send(`${api}/revoke`, { method: 'POST', cookie, payload: { scope: 'others' } })
  t.equal(others.statusCode, 200)
  t.strictSame(others.json(), { revoked: 2500 })
  t.equal(await app.sessions.count({ userId: 'ada' }), 1)
  t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal(await app.sessions.count({ userId: 'linus' }), 1)
})

t.test('pages of sessions: an invalid cursor or limit is refused, and the cursor of another user shows nothing of theirs', async t => {
  const { app, send, signIn } = await testApp(t)
  const [ada, linus] = [await signIn('ada'), await signIn('linus')]
  for (let i = 0; i < 3; i++) for (const userId of ['ada', 'linus']) await app.sessions.create({ userId })
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=']) {
    t.equal((await send(`${api}/?${query}`, { cookie: ada })).statusCode, 400, query)
  }
  const first = (await send(`${api}/?limit=2`, { cookie: linus })).json<List>()
  const answer = await send(`${api}/?cursor=${encodeURIComponent(first.cursor ?? '')}`, { cookie: ada })
  t.equal(answer.statusCode, 400)
  t.match(answer.json(), { code: 'FST_SESSION_INVALID_CURSOR' })
})
