import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { api, cookieOf, gate, setCookies, testApp } from '../helpers/app.ts'

/** A memory store that a test breaks: `trouble` answers instead of a verb, or lets it through with `undefined`. */
function breakableStore (): { store: Store, break: (trouble: ((verb: string) => unknown) | null) => void } {
  let trouble: ((verb: string) => unknown) | null = null
  const store = new Proxy(memoryStore(), {
    get (target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) =>
        (name === 'open' || name === 'close' ? undefined : trouble?.(String(name))) ??
        (value as (...args: unknown[]) => unknown).apply(target, args)
    }
  })
  return { store, break: value => { trouble = value } }
}

const fail = (): never => { throw new Error('connect ECONNREFUSED redis://user:password@10.0.0.1') }
const reject = async (): Promise<never> => fail()

for (const [name, trouble] of [['throws', fail], ['rejects', reject]] as const) {
  t.test(`row 69, 70: a store that ${name} causes a 503 on routes that need the session, and only there`, async t => {
    const { store, break: breakStore } = breakableStore()
    const { send, signIn, events } = await testApp(t, { store })
    const cookie = await signIn()
    breakStore(trouble)
    const needed = await send('/me', { cookie })
    t.match(needed.json(), { statusCode: 503, code: 'FST_SESSION_STORE_UNAVAILABLE' })
    t.equal(needed.headers['retry-after'], '1')
    t.equal(needed.headers['cache-control'], 'no-store')
    t.notMatch(needed.body, /redis|password|ECONN/)
    t.strictSame(setCookies(needed), [], 'the cookie stays')
    t.equal((await send('/public', { cookie })).statusCode, 200, 'a route that does not touch it works')
    t.match((await send('/who', { cookie })).json(), { statusCode: 503 }, 'never silently anonymous')
    t.match((await send('/who')).json(), { userId: null }, 'no cookie, no store')
    t.match((await send('/login', { method: 'POST', payload: { userId: 'ada' } })).json(), { statusCode: 503 })
    t.match(events.filter(event => event.type === 'store-failed'), [{ operation: 'read', error: 'Error', count: 1 }])
    breakStore(null)
  })
}

t.test('row 71: a store that hangs is timed out, then skipped by the circuit breaker, then probed', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn, app, events } = await testApp(t, { store, storeTimeout: 20 })
  const cookie = await signIn()
  let asked = 0
  breakStore(() => { asked++; return new Promise(() => {}) })
  for (let i = 0; i < 8; i++) t.equal((await send('/me', { cookie })).statusCode, 503)
  t.ok(asked >= 5 && asked < 8, `${asked} of eight were asked`)
  breakStore(null)
  // the breaker lets one through each 250 ms: as soon as it does, everything works
  while ((await send('/me', { cookie })).statusCode !== 200) await new Promise(resolve => { setImmediate(resolve) })
  await app.sessions.ping()
  t.ok(events.some(event => event.type === 'store-recovered'))
})

t.test('by option a store in trouble makes everybody anonymous, who write nothing', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn } = await testApp(t, { store, onStoreError: 'anonymous' })
  const cookie = await signIn()
  breakStore(fail)
  t.strictSame((await send('/who', { cookie })).json(), { userId: null, data: {} })
  t.equal((await send('/me', { cookie })).statusCode, 503, 'what needs a user says so')
})

t.test('row 72: logout during an outage reports that it is pending, holds on this node and is retried', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn, app } = await testApp(t, { store })
  const cookie = await signIn()
  breakStore(fail)
  const out = await send(`${api}/logout`, { cookie, method: 'POST' })
  t.match(out.json(), { statusCode: 503, code: 'FST_SESSION_REVOCATION_PENDING' })
  t.match(setCookies(out)[0], /Max-Age=0/)
  breakStore(verb => verb === 'end' ? fail() : undefined)
  t.equal((await send('/me', { cookie })).statusCode, 401, 'refused here, although the store still has it')
  t.not(await app.sessions.get((await app.sessions.listByUser('ada'))[0]?.id ?? ''), null)
  breakStore(null)
  await app.close()
  t.match(store.read((await Promise.resolve(store.history({}, { limit: 1, cursor: null, order: 'newest' }))).items[0]?.id ?? ''), {
    reason: 'logout'
  })
})

t.test('row 72: a read-only store serves reads, and writes are reported as not done', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn } = await testApp(t, { store })
  const cookie = await signIn()
  const id = (await send('/me', { cookie: await signIn() })).json<{ id: string }>().id
  breakStore(verb => ['read', 'list', 'history', 'count', 'statistics'].includes(verb) ? undefined : fail())
  t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal((await send(api, { cookie })).statusCode, 200)
  t.match((await send(`${api}/revoke`, { cookie, method: 'POST', payload: { id } })).json(), { code: 'FST_SESSION_REVOCATION_PENDING' })
  t.match((await send(`${api}/revoke`, { cookie, method: 'POST', payload: { scope: 'others' } })).json(), {
    code: 'FST_SESSION_STORE_UNAVAILABLE'
  })
  t.match((await send('/data', { cookie, method: 'POST', payload: { a: 1 } })).json(), { statusCode: 503 })
})

t.test('a commit that fails responds with 503, once, without a cookie', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send } = await testApp(t, { store })
  breakStore(verb => verb === 'create' ? fail() : undefined)
  const response = await send('/data', { method: 'POST', payload: { a: 1 } })
  t.match(response.json(), { statusCode: 503, code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.strictSame(setCookies(response), [])
})

t.test('activity that could not be written is written when the store is back: when, but not how often', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn, clock, app } = await testApp(t, { store })
  const cookie = await signIn()
  await send('/me', { cookie })
  clock.now += 5 * 60_000
  for (const trouble of [fail, reject]) {
    breakStore(verb => verb === 'touch' ? trouble() : undefined)
    await send('/me', { cookie })
    await send('/me', { cookie })
    await app.sessions.flush()
  }
  breakStore(null)
  await app.sessions.flush()
  t.match((await app.sessions.listByUser('ada'))[0], { lastSeenAt: clock.now })
})

t.test('flushes do not overlap', async t => {
  const { store, break: breakStore } = breakableStore()
  const { send, signIn, app } = await testApp(t, { store })
  const cookie = await signIn()
  const held = gate()
  let under = 0
  breakStore(verb => {
    if (verb !== 'touch') return undefined
    t.equal(++under, 1)
    return held.opened.then(() => { under--; return [] })
  })
  await send('/me', { cookie })
  await send('/me', { cookie })
  const flushes = [app.sessions.flush(), app.sessions.flush()]
  held.open()
  await Promise.all(flushes)
  breakStore(null)
})

t.test('an answer of the store that is a refusal is no trouble', async t => {
  const { send, app } = await testApp(t, { maxSessions: { max: 1, onExceeded: 'reject' } })
  const login = async () => send('/login', { method: 'POST', payload: { userId: 'ada' } })
  const cookie = cookieOf(await login())
  const refused = await login()
  t.match(refused.json(), { statusCode: 409, code: 'FST_SESSION_LIMIT_REACHED' })
  t.strictSame(setCookies(refused), [])
  t.equal((await send('/me', { cookie })).statusCode, 200)
  await t.rejects(app.sessions.list({ ip: 'nowhere' }), { code: 'FST_SESSION_INVALID_FILTER' })
})
