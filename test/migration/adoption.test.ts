import t from 'tap'
import type { SessionEvent } from '../../lib/index.ts'
import type { LegacyAdapter, LegacySession } from '../../lib/migration/index.ts'
import { cookieOf, gate, setCookies } from '../helpers/app.ts'
import { hour, newApp, oldExpressSession, oldFastifySession, once } from '../helpers/legacy.ts'

t.test('the old record goes once the new cookie has come back and settled, then its cookie', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const oldCookies = browser.copy()
  const { url, app, clock, events } = await newApp(t, old)
  const jar = browser.at(url)
  await jar.get('/me')
  t.equal((await jar.get('/me')).headers.getSetCookie().length, 0, 'it has come back, but browsers write late')
  t.match(await (await oldCookies.get('/me')).json(), { user: { id: 'ada' } })
  await app.sessions.flush()
  clock.now += 91_000
  const retired = once(app, 'migration', { result: 'retired' })
  await jar.get('/me')
  t.match(await retired, { source: 'express-session', userId: null })
  t.match(await (await oldCookies.get('/me')).json(), { user: null })
  t.match((await jar.get('/me')).headers.getSetCookie(), [
    'connect.sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly'
  ])
  t.equal((await jar.get('/me')).headers.getSetCookie().length, 0)
  t.equal((await oldCookies.at(url).get('/me')).status, 401)
  t.equal(events.filter(({ type }) => type === 'ended').length, 0)
})

t.test('a browser that lost the answer comes again with the old cookie, and has the same session', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url, app, clock } = await newApp(t, old)
  const first = await (await browser.copy().at(url).get('/me')).json() as { id: string }
  clock.now += 2 * hour
  const again = browser.copy().at(url)
  t.equal((await (await again.get('/me')).json() as { id: string }).id, first.id)
  t.match((await again.get('/me')).headers.getSetCookie(), [/^sid=/], 'rotated by age')
  t.equal((await (await again.get('/me')).json() as { id: string }).id, first.id)
  await app.sessions.flush()
  t.equal((await browser.copy().at(url).get('/me')).status, 200, 'a request that was under way')
})

t.test('an old cookie whose browser has long had the new one is a copy', async t => {
  const old = await oldFastifySession(t, { maxAge: 0 })
  const browser = await old.signIn('ada')
  const { url, app, clock } = await newApp(t, old)
  const jar = browser.copy().at(url)
  await jar.get('/me')
  await jar.get('/me')
  await app.sessions.flush()
  clock.now += 89_000
  t.equal((await browser.copy().at(url).get('/me')).status, 200, 'not yet: browsers write late')
  clock.now += 2000
  const refused = once(app, 'migration-rejected', { why: 'superseded' })
  const late = await browser.copy().at(url).get('/me')
  t.equal(late.status, 401)
  t.match(await late.json(), { code: 'FST_SESSION_REQUIRED' })
  t.match(await refused, { source: '@fastify/session', ip: '127.0.0.1', count: 1 })
  t.equal((await jar.get('/me')).status, 200, 'the session is not harmed')
})

t.test('a session lives no longer than the old one would have', async t => {
  const old = await oldFastifySession(t, { maxAge: hour })
  const browser = await old.signIn('ada')
  const { url, clock } = await newApp(t, old)
  const jar = browser.at(url)
  const [cookie = ''] = (await jar.get('/me')).headers.getSetCookie()
  t.ok(Number(/Max-Age=(\d+)/.exec(cookie)?.[1]) <= 3600, 'it outlives the browser as the old one did, and not for longer')
  for (let i = 0; i < 5; i++) {
    clock.now += 11 * 60_000
    t.equal((await jar.get('/me')).status, 200)
  }
  clock.now += 5 * 60_000
  t.match(await (await jar.get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'absolute-timeout' })
})

t.test('an old expiry that moved with each request becomes the idle time, if the app says so', async t => {
  const old = await oldExpressSession(t, { maxAge: hour, rolling: true })
  const [busy, idle] = [await old.signIn('ada'), await old.signIn('ada')]
  const { url, clock } = await newApp(t, old)
  const [jar, other] = [busy.at(url), idle.at(url)]
  await Promise.all([jar.get('/me'), other.get('/me')])
  for (let i = 0; i < 5; i++) {
    clock.now += 50 * 60_000
    t.equal((await jar.get('/me')).status, 200)
  }
  t.match(await (await other.get('/me')).json(), { reason: 'idle-timeout' })
})

t.test('an old session without an expiry gets the app\'s absolute timeout', async t => {
  const old = await oldFastifySession(t, { maxAge: 0 })
  const browser = await old.signIn('ada')
  const { url, clock } = await newApp(t, old, {}, { idleTimeout: '6h', absoluteTimeout: '12h' })
  const jar = browser.at(url)
  const response = await jar.get('/me')
  t.notMatch(response.headers.getSetCookie()[0], /Max-Age/, 'it dies with the browser, as the old one did')
  const { info } = await response.json() as { info: { absoluteExpiresAt: number } }
  t.equal(info.absoluteExpiresAt, clock.now + 12 * hour)
})

t.test('an old session that is over opens nothing', async t => {
  const old = await oldFastifySession(t, { maxAge: hour })
  const browser = await old.signIn('ada')
  const { url, app, clock } = await newApp(t, old)
  clock.now += hour
  const over = once(app, 'migration', { result: 'over' })
  t.equal((await browser.at(url).get('/me')).status, 401)
  await over
})

t.test('forged cookies of an old library are refused before its store is asked', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const [value = ''] = browser.cookies().slice(0, 1)
  let loads = 0
  const adapter: LegacyAdapter = { ...old.adapter, load: id => { loads++; return old.adapter.load(id) } }
  const { app, events, send } = await newApp(t, old, { adapters: [adapter] })
  const genuine = value.slice('connect.sid='.length)
  const flipped = genuine.slice(0, -1) + (genuine.endsWith('A') ? 'B' : 'A')
  for (const bad of [
    flipped,
    genuine.slice(0, -2),
    genuine.replace('s%3A', ''),
    genuine.replace('s%3A', 's%3Ax'),
    's%3A',
    's%3A.',
    '%',
    '"x',
    `${genuine}; connect.sid=${flipped.slice(4)}x`.replace(genuine, flipped)
  ]) {
    t.equal((await send('/me', { cookie: `connect.sid=${bad}` })).statusCode, 401, bad)
  }
  t.equal(loads, 0)
  t.match(events.filter(({ type }) => type === 'migration-rejected'), [{ source: 'express-session', why: 'forged', count: 1 }])
  t.equal((await send('/me', { cookie: `connect.sid=${flipped}; connect.sid=${genuine}` })).statusCode, 200, 'the only genuine one counts')
  t.equal(await app.sessions.count({}), 1)
})

t.test('two genuine cookies of different sessions are an attack', async t => {
  const old = await oldExpressSession(t)
  const [one, two] = [await old.signIn('ada'), await old.signIn('eve')]
  const { send } = await newApp(t, old)
  t.equal((await send('/me', { cookie: [...one.cookies(), ...two.cookies()].join('; ') })).statusCode, 401)
})

t.test('of two genuine cookies the one with a live session is adopted, once, and a log-out deletes both in every form', async t => {
  const old = await oldExpressSession(t)
  const [dead, live] = [await old.signIn('ada'), await old.signIn('ada')]
  const ids = dead.cookies().map(cookie => decodeURIComponent(cookie).replace(/^connect\.sid=s:([^.]+)\..*$/, '$1'))
  for (const id of ids) await old.adapter.retire?.(id)
  const { send, app, events } = await newApp(t, old)
  const both = [...dead.cookies(), ...live.cookies()].join('; ')
  const adopted = await send('/me', { cookie: both })
  t.match([adopted.statusCode, adopted.json()], [200, { userId: 'ada' }])
  t.match(await app.sessions.listByUser('ada'), { length: 1 })
  const ours = cookieOf(adopted)
  const left = await send('/api/v1/auth/sessions/logout', {
    method: 'POST',
    cookie: `${ours}; ${both}`,
    headers: { host: 'app.localhost' }
  })
  t.equal(left.statusCode, 200)
  const deletions = setCookies(left).filter(cookie => cookie.startsWith('connect.sid='))
  for (const form of [/; Path=\/; HttpOnly/, /; Domain=app\.localhost;/, /; Path=\/api;/]) {
    t.ok(
      deletions.some(cookie => form.test(cookie)),
      String(form)
    )
  }
  t.equal((await send('/me', { cookie: both })).statusCode, 401, 'the log-out is final')
  t.strictSame(
    events
      .filter(({ type }) => type === 'migration-rejected')
      .map(event => 'why' in event && event.why)
      .filter(why => why !== 'ended'),
    []
  )
})

t.test('a broken cookie of this package never reaches the old library', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  let matches = 0
  const { send, signIn } = await newApp(t, old, {
    adapters: [
      {
        ...old.adapter,
        match: cookies => {
          matches++
          return old.adapter.match(cookies)
        }
      }
    ]
  })
  const ours = await signIn('grace')
  for (const cookie of ['sid=', 'sid=x', `${ours}x`, ours.slice(0, -1), ours.replace('sid=A', 'sid=B')]) {
    t.equal((await send('/me', { cookie: [cookie, ...browser.cookies()].join('; ') })).statusCode, 401, cookie)
  }
  t.equal(matches, 0)
  t.equal((await send('/nowhere', { cookie: browser.cookies().join('; ') })).statusCode, 404)
  t.equal(matches, 0, 'nor does a page that is not there')
})

t.test('data is carried over as it is; names of ours are changed, and nothing else is touched', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  await browser.post(
    '/set',
    JSON.parse('{"userId":7,"logout":"x","_get":1,"constructor":{"prototype":{"polluted":1}},"passport":{"user":"ada"}}')
  )
  const kept = old.store as unknown as { sessions: Record<string, string> }
  for (const [id, text] of Object.entries(kept.sessions)) kept.sessions[id] = text.replace('{', '{"__proto__":{"polluted":1},')
  const { url, events } = await newApp(t, old)
  const answer = await browser.at(url).get('/who')
  const text = await answer.text()
  t.match(text, '"__proto__":{"polluted":1}')
  const { data } = JSON.parse(text.replace('"__proto__"', '"proto"')) as { data: object }
  t.same(data, {
    proto: { polluted: 1 },
    user: { id: 'ada' },
    cart: ['book'],
    _userId: 7,
    _logout: 'x',
    __get: 1,
    constructor: { prototype: { polluted: 1 } },
    passport: { user: 'ada' }
  })
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.match(
    events.filter(({ type }) => type === 'key-renamed'),
    [
      { from: 'userId', to: '_userId' },
      { from: 'logout', to: '_logout' },
      { from: '_get', to: '__get' }
    ]
  )
})

t.test('the app decides what of the data is taken, and back', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const oldCookies = browser.copy()
  const mirrored = gate()
  const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { await old.adapter.mirror?.(id, session); mirrored.open() } }
  const { url } = await newApp(t, old, {
    adapters: [adapter],
    data: ({ cart }) => ({ basket: cart, userId: 'ada' }),
    rollback: { data: ({ basket, userId }) => ({ cart: basket, user: { id: userId } }) }
  })
  const jar = browser.at(url)
  t.match(await (await jar.get('/who')).json(), { userId: 'ada', data: { basket: ['book'], _userId: 'ada' } })
  await jar.post('/data', { basket: ['lamp'] })
  await mirrored.opened
  t.match(await (await oldCookies.get('/me')).json(), { user: { id: 'ada' }, cart: ['lamp'] })
})

t.test('guests take their data along; nothing comes of an empty session, of too much data, or beyond the limit', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const open = async (
    session: Partial<LegacySession>,
    options: object = {}
  ): Promise<{ status: number; who: { userId: string | null; data: object }; last: SessionEvent | undefined }> => {
    const { url, events } = await newApp(
      t,
      old,
      { adapters: [{ ...old.adapter, load: () => ({ userId: null, data: {}, expiresAt: null, ...session }) }] },
      options
    )
    const response = await browser.copy().at(url).get('/who')
    return { status: response.status, who: (await response.json()) as never, last: events.at(-1) }
  }
  t.match(await open({ data: { cart: ['book'] } }), { who: { userId: null, data: { cart: ['book'] } }, last: { type: 'adopted' } })
  t.match(await open({}), { who: { userId: null, data: {} }, last: { type: 'migration', result: 'empty' } })
  const nameless = await newApp(t, {
    url: old.url,
    cookie: old.cookie,
    stored: true,
    signIn: old.signIn,
    adapter: { ...old.adapter, identifies: true }
  })
  t.match(await (await browser.copy().at(nameless.url).get('/who')).json(), { userId: null, data: { cart: ['book'] } })
  const broken = await newApp(t, old, { resolveUserId: () => { throw new TypeError('no such user') } })
  t.equal((await browser.copy().at(broken.url).get('/me')).status, 401)
  t.match(broken.events.at(-1), { type: 'migration-rejected', why: 'unusable' })
  t.match(await open({ userId: 'x'.repeat(300) }), { who: { userId: null }, last: { type: 'migration-rejected', why: 'unusable' } })
  t.match(await open({ userId: 'ada', data: { big: 'x'.repeat(70_000) } }), {
    who: { userId: null },
    last: { type: 'migration-rejected', why: 'unusable' }
  })
  t.match(await open({ userId: 'ada', expiresAt: 5 }), { who: { userId: null }, last: { type: 'migration', result: 'over' } })
  const { url, signIn, events } = await newApp(t, old, {}, { maxSessions: { max: 1, onExceeded: 'reject' } })
  await signIn('ada')
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
  t.match(events.at(-1), { type: 'migration-rejected', why: 'limit' })
})
