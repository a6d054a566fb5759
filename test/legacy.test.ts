import t from 'tap'
import type { LegacyAdapter } from '../lib/legacy/index.ts'
import { api } from './helpers/app.ts'
import { hour, newApp, oldExpressSession, oldFastifySession, once } from './helpers/legacy.ts'
import type { Old } from './helpers/legacy.ts'
import { oldAuthJs, oldBetterAuth, oldIronSession, oldSecureSession } from './helpers/legacyothers.ts'

type Test = Parameters<typeof oldFastifySession>[0]

const sources: Record<string, (t: Test) => Promise<Old>> = {
  '@fastify/session': oldFastifySession,
  'express-session': oldExpressSession,
  '@fastify/secure-session': oldSecureSession,
  'iron-session': oldIronSession,
  'better-auth': oldBetterAuth,
  'auth.js': oldAuthJs
}

for (const [name, open] of Object.entries(sources)) {
  t.test(`${name}: who is signed in stays so after the switch, once, with the data`, async t => {
    const old = await open(t)
    const ada = await old.signIn('ada')
    const linus = await old.signIn('linus')
    const userId = await old.idOf?.(ada) ?? 'ada'
    const { url, app, events } = await newApp(t, old)

    const before = ada.copy().at(url)
    const answers = await Promise.all(Array.from({ length: 6 }, () => ada.at(url).get('/who')))
    const cookies = new Set(answers.map(answer => answer.headers.getSetCookie().find(cookie => cookie.startsWith('sid='))))
    t.equal(cookies.size, 1, 'one token for all')
    t.match([...cookies][0], /^sid=[\w-]{68}\./)
    for (const answer of answers) t.match(await answer.json(), { userId, data: { cart: /book/ } })
    t.equal(await app.sessions.count({ userId }), 1, 'one session')
    t.equal(events.filter(({ type }) => type === 'adopted').length, 1)

    t.equal((await before.get('/me')).status, 200, 'a seventh request that was late')
    const me = await (await before.get('/me')).json()
    t.match(me, { userId, info: { authenticatedAt: null, methods: [`adopted:${name}`] } })
    t.equal((await linus.at(url).get('/me')).status, 200)
    t.equal(await app.sessions.count({}), 2)
  })

  t.test(`${name}: a sign-out is final on both sides`, async t => {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const stolen = browser.copy()
    const { url } = await newApp(t, old)
    const jar = browser.at(url)
    t.equal((await jar.get('/me')).status, 200)
    const copied = jar.copy()
    t.equal((await jar.post(`${api}/logout`, {})).status, 200)
    for (const [who, cookies] of Object.entries({ jar, copied, stolen: stolen.at(url) })) t.equal((await cookies.get('/me')).status, 401, who)
    t.match(await (await stolen.at(url).get('/me')).json(), old.stored ? { code: 'FST_SESSION_REQUIRED' } : { code: 'FST_SESSION_ENDED', reason: 'logout' })
    if (old.stored) t.match(await (await stolen.at(old.url).get('/me')).json(), { user: null })
  })
}

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
  const retired = once(app, 'legacy', { result: 'retired' })
  await jar.get('/me')
  t.match(await retired, { source: 'express-session', userId: null })
  t.match(await (await oldCookies.get('/me')).json(), { user: null })
  t.match((await jar.get('/me')).headers.getSetCookie(), ['connect.sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly'])
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
  const refused = once(app, 'legacy-refused', { why: 'superseded' })
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
  t.match(await (await jar.get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'absolute' })
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
  t.match(await (await other.get('/me')).json(), { reason: 'idle' })
})

t.test('an old session without an end gets the absolute one of the app', async t => {
  const old = await oldFastifySession(t, { maxAge: 0 })
  const browser = await old.signIn('ada')
  const { url, clock } = await newApp(t, old, {}, { idle: '6h', absolute: '12h' })
  const jar = browser.at(url)
  const response = await jar.get('/me')
  t.notMatch(response.headers.getSetCookie()[0], /Max-Age/, 'it dies with the browser, as the old one did')
  const { info } = await response.json() as { info: { absoluteAt: number } }
  t.equal(info.absoluteAt, clock.now + 12 * hour)
})

t.test('an old session that is over opens nothing', async t => {
  const old = await oldFastifySession(t, { maxAge: hour })
  const browser = await old.signIn('ada')
  const { url, app, clock } = await newApp(t, old)
  clock.now += hour
  const over = once(app, 'legacy', { result: 'over' })
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
  for (const bad of [flipped, genuine.slice(0, -2), genuine.replace('s%3A', ''), genuine.replace('s%3A', 's%3Ax'), 's%3A', 's%3A.', '%', '"x', `${genuine}; connect.sid=${flipped.slice(4)}x`.replace(genuine, flipped)]) {
    t.equal((await send('/me', { cookie: `connect.sid=${bad}` })).statusCode, 401, bad)
  }
  t.equal(loads, 0)
  t.match(events.filter(({ type }) => type === 'legacy-refused'), [{ source: 'express-session', why: 'forged', count: 1 }])
  t.equal((await send('/me', { cookie: `connect.sid=${flipped}; connect.sid=${genuine}` })).statusCode, 200, 'the only genuine one counts')
  t.equal(await app.sessions.count({}), 1)
})

t.test('two genuine cookies of different sessions are an attack', async t => {
  const old = await oldExpressSession(t)
  const [one, two] = [await old.signIn('ada'), await old.signIn('eve')]
  const { send } = await newApp(t, old)
  t.equal((await send('/me', { cookie: [...one.cookies(), ...two.cookies()].join('; ') })).statusCode, 401)
})

t.test('a broken cookie of ours never reaches the old library', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  let matches = 0
  const { send, signIn } = await newApp(t, old, { adapters: [{ ...old.adapter, match: cookies => { matches++; return old.adapter.match(cookies) } }] })
  const ours = await signIn('grace')
  for (const cookie of ['sid=', 'sid=x', `${ours}x`, ours.slice(0, -1), ours.replace('sid=A', 'sid=B')]) {
    t.equal((await send('/me', { cookie: [cookie, ...browser.cookies()].join('; ') })).statusCode, 401, cookie)
  }
  t.equal(matches, 0)
  t.equal((await send('/nowhere', { cookie: browser.cookies().join('; ') })).statusCode, 404)
  t.equal(matches, 0, 'nor does a page that is not there')
})
