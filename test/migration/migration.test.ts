import { join } from 'node:path'
import Database from 'libsql'
import { Registry } from 'prom-client'
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import type { SessionEvent, Store } from '../../lib/index.ts'
import { expiringSetCookie } from '../../lib/migration/cookies.ts'
import { fromAuthJs, fromExpressSession, fromFastifySession, fromIronSession, fromSecureSession, preimport } from '../../lib/migration/index.ts'
import type { LegacyAdapter, LegacySession } from '../../lib/migration/index.ts'
import { SourceRecords } from '../../lib/migration/source-records.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { api, cookieOf, gate, setCookies, testApp } from '../helpers/app.ts'
import { oldAuthJs, oldBetterAuth, oldIronSession, oldSecureSession, sodium } from '../helpers/legacy-others.ts'
import { hour, newApp, oldExpressSession, oldFastifySession, once } from '../helpers/legacy.ts'
import type { Old } from '../helpers/legacy.ts'

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
  t.test(`${name}: a signed-in user stays signed in after the switch, in one session, with the data`, async t => {
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
    const other = linus.at(url)
    t.equal((await other.get('/me')).status, 200)
    t.equal((await other.post('/data', { more: 1 })).status, 200)
    t.match(await (await other.get('/who')).json(), { data: { cart: /book/, more: 1 } })
    t.equal(await app.sessions.count({}), 2)
  })

  t.test(`${name}: a logout is final in both libraries`, async t => {
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

for (const [name, open] of Object.entries(sources)) {
  t.test(`${name}: when the new cookie has been presented, the old one is invalid in both libraries and is deleted`, async t => {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const oldCookies = browser.copy()
    const { url, app, clock } = await newApp(t, old)
    const jar = browser.at(url)
    for (let i = 0; i < 2; i++) t.equal((await jar.get('/me')).status, 200)
    if (old.stored) t.notMatch(await (await oldCookies.get('/me')).json(), { user: null }, 'not before that')
    await app.sessions.flush()
    clock.now += 91_000
    const retired = once(app, 'migration', { source: name, result: 'retired' })
    await jar.get('/me')
    await retired
    t.ok((await jar.get('/me')).headers.getSetCookie().some(cookie => cookie.startsWith(`${old.cookie}=; Max-Age=0`)))
    t.strictSame(jar.cookies().filter(cookie => cookie.startsWith(`${old.cookie}=`)), [])
    t.equal((await jar.get('/me')).status, 200)
    t.equal((await oldCookies.copy().at(url).get('/me')).status, 401)
    if (old.stored) t.match(await (await oldCookies.get('/me')).json(), { user: null })
  })

  t.test(`${name}: logging out everywhere includes browsers that have not been migrated yet`, async t => {
    const old = await open(t)
    const [here, there] = [await old.signIn('ada'), await old.signIn('linus')]
    const userId = await old.idOf?.(there) ?? 'linus'
    const { url, app, clock } = await newApp(t, old)
    t.equal((await here.at(url).get('/me')).status, 200)
    clock.now += 1000
    await app.sessions.revokeUser(userId)
    t.match(await (await there.at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
    t.equal((await here.at(url).get('/me')).status, 200, 'others are not')
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
  const retired = once(app, 'migration', { result: 'retired' })
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
  for (const bad of [flipped, genuine.slice(0, -2), genuine.replace('s%3A', ''), genuine.replace('s%3A', 's%3Ax'), 's%3A', 's%3A.', '%', '"x', `${genuine}; connect.sid=${flipped.slice(4)}x`.replace(genuine, flipped)]) {
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
  const left = await send('/api/v1/auth/sessions/logout', { method: 'POST', cookie: `${ours}; ${both}`, headers: { host: 'app.localhost' } })
  t.equal(left.statusCode, 200)
  const deletions = setCookies(left).filter(cookie => cookie.startsWith('connect.sid='))
  for (const form of [/; Path=\/; HttpOnly/, /; Domain=app\.localhost;/, /; Path=\/api;/]) t.ok(deletions.some(cookie => form.test(cookie)), String(form))
  t.equal((await send('/me', { cookie: both })).statusCode, 401, 'the log-out is final')
  t.strictSame(events.filter(({ type }) => type === 'migration-rejected').map(event => 'why' in event && event.why).filter(why => why !== 'ended'), [])
})

t.test('a broken cookie of this package never reaches the old library', async t => {
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

t.test('while the way back is open the old library goes on: in step, and signed out together', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const other = await old.signIn('grace')
  const oldCookies = browser.copy()
  const mirrored = gate()
  const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { await old.adapter.mirror?.(id, session); mirrored.open() } }
  const { url, app, clock, events } = await newApp(t, old, { adapters: [adapter], rollback: true })
  const jar = browser.at(url)
  await jar.get('/me')
  await app.sessions.flush()
  clock.now += hour
  t.equal((await jar.post('/data', { cart: ['book', 'lamp'], extra: { deep: true } })).status, 200)
  await mirrored.opened
  t.match(await (await oldCookies.get('/me')).json(), { user: { id: 'ada' }, cart: ['book', 'lamp'] })
  t.equal(events.filter(event => event.type === 'migration' && event.result === 'retired').length, 0)

  // rolled back, and forward again: the browser has both cookies
  t.match(await (await jar.at(old.url).get('/me')).json(), { user: { id: 'ada' } })
  t.equal((await jar.get('/me')).status, 200)

  const retired = once(app, 'migration', { result: 'retired' })
  await app.sessions.revokeUser('ada')
  await retired
  t.match(await (await oldCookies.get('/me')).json(), { user: null })

  const late = other.at(url)
  t.equal((await late.get('/me')).status, 200)
  const gone = once(app, 'migration', { result: 'retired' })
  await late.post('/login', { userId: 'grace' })
  await gone
  t.match(await (await other.get('/me')).json(), { user: null }, 'a new sign-in replaces the old session on both sides')
})

t.test('in mode drain, what was kept goes, and every old cookie that opens nothing', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const oldCookies = browser.copy()
  const { url, app, clock, send } = await newApp(t, old, { mode: 'drain', rollback: true })
  const jar = browser.at(url)
  t.equal((await jar.get('/me')).status, 200, 'the last ones are adopted')
  const deleted = 'connect.sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly'
  for (const cookie of ['connect.sid=s%3Aforged.x', 'connect.sid=']) {
    t.match((await send('/public', { cookie })).headers['set-cookie'], deleted)
  }
  t.equal((await send('/cached', { cookie: 'connect.sid=x' })).headers['set-cookie'], undefined, 'a shared cache would keep it')
  t.equal((await send('/public', { cookie: 'other=1' })).headers['set-cookie'], undefined)
  await jar.get('/me')
  await app.sessions.flush()
  clock.now += 91_000
  const retired = once(app, 'migration', { result: 'retired' })
  await jar.get('/me')
  await retired
  t.match(await (await oldCookies.get('/me')).json(), { user: null })
  t.match((await oldCookies.copy().at(url).get('/public')).headers.getSetCookie(), [deleted], 'a record that is gone')
  const fresh = await old.signIn('ada')
  t.match((await send('/public', { cookie: [...jar.cookies(), fresh.cookies()[0], 'connect.sid=x'].join('; ') })).statusCode, 200)
  t.match((await send('/public', { cookie: [...jar.cookies().filter(cookie => cookie.startsWith('sid=')), 'connect.sid=x'].join('; ') })).headers['set-cookie'], deleted)
})

t.test('in mode shadow nothing changes; what would be is counted, once for each browser', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace, empty] = [await old.signIn('ada'), await old.signIn('grace'), await old.signIn('')]
  const { url, app, events, send, signIn, clock } = await newApp(t, old, { mode: 'shadow', resolveUserId: data => { if ((data['user'] as { id: string }).id === '') throw new Error('nobody'); return (data['user'] as { id: string }).id } })
  const ready = once(app, 'migration', { result: 'ready' })
  t.equal((await ada.at(url).get('/me')).status, 401)
  await ready
  const unusable = once(app, 'migration-rejected', { why: 'unusable' })
  await empty.at(url).get('/public')
  await unusable
  const ours = await signIn('grace')
  const agrees = once(app, 'migration', { result: 'agrees' })
  await send('/public', { cookie: [ours, ...grace.cookies()].join('; ') })
  await agrees
  const differs = once(app, 'migration', { result: 'differs' })
  await send('/public', { cookie: [ours, ...ada.cookies()].join('; ') })
  t.match(await differs, { userId: 'grace' })
  await ada.at(url).get('/public')
  await send('/public', { cookie: ours })
  await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [ours, ...grace.cookies()].join('; ') })
  t.match(await (await grace.get('/me')).json(), { user: { id: 'grace' } }, 'the old library goes on')
  await app.sessions.revokeUser('grace')
  clock.now += 25 * hour
  const over = once(app, 'migration', { result: 'over' })
  await grace.at(url).get('/public')
  await over
  t.strictSame(events.filter(({ type }) => type === 'migration').map(event => (event as { result: string }).result), ['ready', 'agrees', 'differs', 'over'])
  t.equal(await app.sessions.count({}), 0)
})

t.test('from `until` on, legacy cookies are ignored, and the log says so once', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const { url, clock, send } = await newApp(t, old, { mode: 'drain', until: new Date(Date.now() + hour) })
  const jar = ada.at(url)
  t.equal((await jar.get('/me')).status, 200)
  clock.now += hour
  t.equal((await jar.get('/me')).status, 200, 'what was adopted goes on')
  t.equal((await grace.at(url).get('/me')).status, 401)
  t.equal((await send('/public', { cookie: 'sessionId=x' })).headers['set-cookie'], undefined)
})

t.test('a failure of the legacy store is bounded and reported, and affects no other session', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  let trouble: (() => Promise<never>) | null = () => Promise.reject(new TypeError('down'))
  const hanging = gate()
  let loads = 0
  const adapter: LegacyAdapter = { ...old.adapter, load: async id => { loads++; return trouble === null ? old.adapter.load(id) : trouble() } }
  const { url, app, events, send, signIn } = await newApp(t, old, { adapters: [adapter], timeout: 20 })
  const ours = await signIn('grace')
  const failed = await browser.copy().at(url).get('/me')
  t.equal(failed.status, 503, 'nobody is told to sign in again')
  t.equal(failed.headers.get('retry-after'), '1')
  t.match(events.filter(({ type }) => type === 'migration-failed'), [{ source: '@fastify/session', operation: 'load', error: 'TypeError', count: 1 }])
  t.equal((await browser.copy().at(url).get('/who')).status, 200, 'pages for everybody go on')
  t.equal((await browser.copy().at(url).post('/login', { userId: 'ada' })).status, 200, 'and so does a new sign-in')
  t.equal((await send('/me', { cookie: ours })).statusCode, 200)

  trouble = () => hanging.opened as Promise<never>
  t.equal((await browser.copy().at(url).get('/me')).status, 503)
  for (let i = 0; i < 40; i++) await browser.copy().at(url).get('/me')
  t.ok(loads < 25, 'after five failures in a row it is left alone for a second')
  hanging.open()
  trouble = null
  t.equal((await browser.copy().at(url).post(`${api}/logout`, {})).status, 200, 'a sign-out does what it can')
  t.ok(await app.sessions.count({}) >= 2)
})

t.test('a sign-out with an old cookie while a store is down is final, or says that it is not', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  let [oldDown, newDown] = [true, false]
  const store = memoryStore()
  const create = store.create.bind(store)
  store.create = (record, options) => { if (newDown) throw new Error('down'); return create(record, options) }
  const adapter: LegacyAdapter = {
    ...old.adapter,
    load: text => { if (oldDown) throw new Error('down'); return old.adapter.load(text) },
    retire: text => { if (oldDown) throw new Error('down'); return old.adapter.retire?.(text) }
  }
  const { url } = await newApp(t, old, { adapters: [adapter] }, { store })
  t.equal((await ada.copy().at(url).post(`${api}/logout`, {})).status, 200)
  oldDown = false
  t.equal((await ada.copy().at(url).get('/me')).status, 401, 'a copy of the old cookie does not sign in')
  newDown = true
  const answer = await grace.copy().at(url).post(`${api}/logout`, {})
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'FST_SESSION_REVOCATION_PENDING' })
})

t.test('with `onStoreError: anonymous`, trouble of the old store is a visitor', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url } = await newApp(t, old, { adapters: [{ ...old.adapter, load: () => { throw new Error('down') } }] }, { onStoreError: 'anonymous' })
  t.equal((await browser.at(url).get('/me')).status, 401)
})

t.test('an adopted session that somebody ends blocks its credential before the new cookie has come back', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url, app } = await newApp(t, old)
  const { id } = await (await browser.copy().at(url).get('/me')).json() as { id: string }
  const retired = once(app, 'migration', { result: 'retired' })
  await app.sessions.revoke(id, { by: 'admin' })
  await retired
  t.match(await (await browser.copy().get('/me')).json(), { user: null })
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
})

t.test('a sealed cookie whose session has ended is refused with the reason; with an identity, so are its older copies', async t => {
  for (const identity of [undefined, (data: Record<string, unknown>) => String(data['signIn'])]) {
    const old = await oldIronSession(t, identity === undefined ? {} : { identity })
    const browser = await old.signIn('ada')
    const older = browser.copy()
    await browser.post('/set', { theme: 'dark' })
    const { url } = await newApp(t, old)
    const jar = browser.copy().at(url)
    t.match(await (await jar.get('/who')).json(), { data: { theme: 'dark' } })
    await jar.post(`${api}/logout`, {})
    t.match(await (await browser.copy().at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'logout' })
    t.equal((await older.at(url).get('/me')).status, identity === undefined ? 200 : 401)
  }
})

t.test('who signs out everywhere means browsers, too, that have not come by since the switch', async t => {
  const old = await oldFastifySession(t)
  const [here, there] = [await old.signIn('ada'), await old.signIn('ada')]
  const { url, app, events } = await newApp(t, old)
  const jar = here.at(url)
  await jar.get('/me')
  t.same(await (await jar.post(`${api}/revoke`, { scope: 'others' })).json(), { revoked: 0 })
  t.match(await (await there.at(url).get('/me')).json(), { code: 'FST_SESSION_ENDED', reason: 'revoked' })
  t.ok(events.some(event => event.type === 'migration-rejected' && event.why === 'revoked'))
  t.equal((await jar.get('/me')).status, 200)
  await app.sessions.revokeUser('ada')
  t.equal((await jar.get('/me')).status, 401)
})

t.test('a sign-in at the old library after that counts, where its record tells when', async t => {
  const old = await oldBetterAuth(t)
  const browser = await old.signIn('ada')
  const userId = await old.idOf?.(browser) ?? ''
  let createdAt = 0
  const adapter: LegacyAdapter = { ...old.adapter, async load (token) { const session = await old.adapter.load(token); return session && { ...session, createdAt } }, async retire () {} }
  const { url, app, clock } = await newApp(t, old, { adapters: [adapter] })
  await app.sessions.revokeUser(userId)
  await app.sessions.revokeUser(userId)
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
  createdAt = clock.now + 1
  t.equal((await browser.copy().at(url).get('/me')).status, 200)
})

t.test('a browser that signs out takes every old credential along that it bears', async t => {
  const old = await oldSecureSession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const { url, app, send, signIn } = await newApp(t, old)
  const ours = await signIn('linus')
  const out = await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [ours, ...ada.cookies()].join('; ') })
  t.match(out.headers['set-cookie'], [/^sid=;/, /^session=; Max-Age=0/])
  t.match(await (await ada.at(url).get('/me')).json(), { reason: 'logout' }, 'never adopted, and yet blocked')
  const adopted = grace.copy().at(url)
  await adopted.get('/me')
  await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [await signIn('linus'), ...grace.cookies()].join('; ') })
  t.equal((await adopted.get('/me')).status, 401, 'nor does the session live on that it opened elsewhere')
  t.equal(await app.sessions.count({}), 0)
})

t.test('data is carried over as it is; names of ours are changed, and nothing else is touched', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  await browser.post('/set', JSON.parse('{"userId":7,"logout":"x","_get":1,"constructor":{"prototype":{"polluted":1}},"passport":{"user":"ada"}}'))
  const kept = old.store as unknown as { sessions: Record<string, string> }
  for (const [id, text] of Object.entries(kept.sessions)) kept.sessions[id] = text.replace('{', '{"__proto__":{"polluted":1},')
  const { url, events } = await newApp(t, old)
  const answer = await browser.at(url).get('/who')
  const text = await answer.text()
  t.match(text, '"__proto__":{"polluted":1}')
  const { data } = JSON.parse(text.replace('"__proto__"', '"proto"')) as { data: object }
  t.same(data, { proto: { polluted: 1 }, user: { id: 'ada' }, cart: ['book'], _userId: 7, _logout: 'x', __get: 1, constructor: { prototype: { polluted: 1 } }, passport: { user: 'ada' } })
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.match(events.filter(({ type }) => type === 'key-renamed'), [{ from: 'userId', to: '_userId' }, { from: 'logout', to: '_logout' }, { from: '_get', to: '__get' }])
})

t.test('the app decides what of the data is taken, and back', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const oldCookies = browser.copy()
  const mirrored = gate()
  const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { await old.adapter.mirror?.(id, session); mirrored.open() } }
  const { url } = await newApp(t, old, {
    adapters: [adapter], data: ({ cart }) => ({ basket: cart, userId: 'ada' }), rollback: { data: ({ basket, userId }) => ({ cart: basket, user: { id: userId } }) }
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
  const open = async (session: Partial<LegacySession>, options: object = {}): Promise<{ status: number, who: { userId: string | null, data: object }, last: SessionEvent | undefined }> => {
    const { url, events } = await newApp(t, old, { adapters: [{ ...old.adapter, load: () => ({ userId: null, data: {}, expiresAt: null, ...session }) }] }, options)
    const response = await browser.copy().at(url).get('/who')
    return { status: response.status, who: await response.json() as never, last: events.at(-1) }
  }
  t.match(await open({ data: { cart: ['book'] } }), { who: { userId: null, data: { cart: ['book'] } }, last: { type: 'adopted' } })
  t.match(await open({}), { who: { userId: null, data: {} }, last: { type: 'migration', result: 'empty' } })
  const nameless = await newApp(t, { url: old.url, cookie: old.cookie, stored: true, signIn: old.signIn, adapter: { ...old.adapter, identifies: true } })
  t.match(await (await browser.copy().at(nameless.url).get('/who')).json(), { userId: null, data: { cart: ['book'] } })
  const broken = await newApp(t, old, { resolveUserId: () => { throw new TypeError('no such user') } })
  t.equal((await browser.copy().at(broken.url).get('/me')).status, 401)
  t.match(broken.events.at(-1), { type: 'migration-rejected', why: 'unusable' })
  t.match(await open({ userId: 'x'.repeat(300) }), { who: { userId: null }, last: { type: 'migration-rejected', why: 'unusable' } })
  t.match(await open({ userId: 'ada', data: { big: 'x'.repeat(70_000) } }), { who: { userId: null }, last: { type: 'migration-rejected', why: 'unusable' } })
  t.match(await open({ userId: 'ada', expiresAt: 5 }), { who: { userId: null }, last: { type: 'migration', result: 'over' } })
  const { url, signIn, events } = await newApp(t, old, {}, { maxSessions: { max: 1, onExceeded: 'reject' } })
  await signIn('ada')
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
  t.match(events.at(-1), { type: 'migration-rejected', why: 'limit' })
})

t.test('trouble of our own store is said as ever', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url } = await newApp(t, old, {}, { store: withoutCreate() })
  t.equal((await browser.copy().at(url).get('/me')).status, 503)
  t.equal((await browser.copy().at(url).get('/public')).status, 200)
  t.equal((await browser.copy().at(url).get('/who')).status, 503)
})

t.test('options are checked at registration', async t => {
  const adapter: LegacyAdapter = { name: 'old', identifies: true, cookies: [{ name: 'old' }], match: () => null, load: () => null }
  const until = Date.now()
  for (const [migrate, option] of [
    [{}, 'migrate.adapters'], [{ adapters: [] }, 'migrate.adapters'], [{ adapters: [null] }, 'migrate.adapters'], [{ adapters: [{ ...adapter, load: 1 }] }, 'migrate.adapters'],
    [{ adapters: [adapter, adapter], until }, 'migrate.adapters'], [{ adapters: [adapter] }, 'migrate.until'], [{ adapters: [adapter], until: 'tomorrow' }, 'migrate.until'],
    [{ adapters: [adapter], until: '5' }, 'migrate.until'], [{ adapters: [adapter], until, mode: 'go' }, 'migrate.mode'], [{ adapters: [adapter], until, from: 1 }, 'migrate.from'],
    [{ adapters: [adapter], until, resolveUserId: 'id' }, 'migrate.resolveUserId'], [{ adapters: [{ ...adapter, identifies: false }], until }, 'migrate.resolveUserId'], [{ adapters: [adapter], until, timeout: 'x' }, 'migrate.timeout'],
    [{ adapters: [adapter], until, rollback: true, data: () => ({}) }, 'migrate.rollback'], [{ adapters: [adapter], until, rollback: { data: 1 } }, 'migrate.rollback.data'], [{ adapters: [adapter], until, data: 1 }, 'migrate.data']
  ] as const) {
    await t.rejects(testApp(t, { migrate: migrate as never }), { code: 'FST_SESSION_INVALID_OPTION', message: new RegExp(`\`${option}\``) }, option)
  }
  const { app } = await testApp(t, { resolveUserId: data => data['id'] as string, migrate: { adapters: [{ ...adapter, identifies: false }], until } })
  t.ok(app.sessions)
  t.throws(() => fromIronSession({ password: 'x', cookieName: 'x' } as never), { code: 'FST_SESSION_INVALID_OPTION', message: /unsealData/ })
  t.throws(() => fromAuthJs({ adapter: {} }), { code: 'FST_SESSION_INVALID_OPTION', message: /adapter/ })
  t.throws(() => fromSecureSession({ sodium }), { code: 'FST_SESSION_INVALID_OPTION', message: /key/ })
  t.throws(() => fromSecureSession({ sodium, key: 'short' }), { code: 'FST_SESSION_INVALID_OPTION', message: /32 bytes/ })
})

t.test('each library’s own ways of saying things are understood', async t => {
  const secured = await oldSecureSession(t, { secret: true })
  const salted = await oldSecureSession(t, { secret: true, salt: 'sixteen bytes of' })
  const prefixed = await oldFastifySession(t, { cookiePrefix: 's:' })
  const endless = await oldIronSession(t, { options: { ttl: 0 } })
  for (const [name, old] of Object.entries({ secured, salted, prefixed, endless })) {
    const browser = await old.signIn('ada')
    const { url, clock } = await newApp(t, old, {}, { absoluteTimeout: '10d', remember: { idleTimeout: '10d', absoluteTimeout: '20d' } })
    const answer = await browser.at(url).get('/me')
    t.equal(answer.status, 200, name)
    if (name === 'endless') t.equal((await answer.json() as { info: { absoluteExpiresAt: number } }).info.absoluteExpiresAt, clock.now + 20 * 24 * hour)
  }
  const plain = await oldIronSession(t, { options: {} })
  const { url: ironUrl } = await newApp(t, plain)
  t.equal((await (await plain.signIn('ada')).at(ironUrl).get('/me')).status, 200, 'lengths of its own')
  const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 7).toString('base64')]
  const rotated = { ...secured, ...await oldSecureSession(t), adapter: fromSecureSession({ sodium, key: keys, name: 'ours', cookieName: 'session', identity: data => String(data['signIn']) }) }
  const { url } = await newApp(t, rotated)
  t.equal((await (await rotated.signIn('ada')).at(url).get('/me')).status, 200)
})

t.test('what is no cookie of an old library’s is forged, and harms nobody', async t => {
  const forgeries: [Old, string[]][] = [
    [await oldSecureSession(t), ['x', 'x;y', `${'A'.repeat(40)};AAAA`, `${'A'.repeat(40)};${'A'.repeat(32)}`]],
    [await oldIronSession(t), ['x', 'Fe26.2*1*a*b*c*5*d*e', 'Fe26.2*1*a*b*c**d*e~2', 'Fe26.2**a*b*c*5*d*e~2', 'Fe26.2*9*a*b*c*99999999999999*d*e~2']],
    [await oldBetterAuth(t), ['x', '.x', 'x.', `x.${'A'.repeat(43)}=`]],
    [await oldAuthJs(t), ['x', 'a.b.c.d.e', '0123456789abcdef']]
  ]
  for (const [old, values] of forgeries) {
    const { send, events } = await newApp(t, old)
    for (const value of values) t.equal((await send('/me', { cookie: `${old.cookie}=${encodeURIComponent(value)}` })).statusCode, 401, `${old.cookie} ${value}`)
    t.notOk(events.some(({ type }) => type === 'migration-failed'))
  }
})

t.test('statistics and metrics count the outcomes of legacy credentials by source', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const register = new Registry()
  const { url, app, send } = await newApp(t, old, {}, { metrics: register as never })
  await ada.copy().at(url).get('/me')
  await ada.copy().at(url).get('/me')
  await grace.at(url).get('/me')
  await send('/me', { cookie: 'sessionId=x' })
  const expected = { '@fastify/session adopted': 2, '@fastify/session joined': 1, '@fastify/session forged': 1 }
  t.match((await app.sessions.statistics('1h')).migration, expected)
  t.match((await app.sessions.statistics('24h')).migration, expected)
  t.match(await register.metrics(), 'session_migration_total{source="@fastify/session",result="adopted"} 2')
})

t.test('while the way back is open, the old life goes on as long as the new one moves', async t => {
  const old = await oldExpressSession(t, { maxAge: hour, rolling: true })
  const browser = await old.signIn('ada')
  const expiries: number[] = []
  let written = gate()
  const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { await old.adapter.mirror?.(id, session); expiries.push(session.expiresAt); written.open() } }
  const { url, clock, signIn, send } = await newApp(t, old, { adapters: [adapter], rollback: true })
  const jar = browser.at(url)
  await jar.get('/me')
  for (let i = 0; i < 2; i++) {
    clock.now += 30 * 60_000
    written = gate()
    await jar.get('/me')
    await jar.get('/me')
    await written.opened
  }
  t.equal(expiries.length, 2, 'at most once a minute')
  const [first = 0, second = 0] = expiries
  t.equal(second - first, 30 * 60_000)
  const [kept = ''] = Object.values((old.store as unknown as { sessions: Record<string, string> }).sessions)
  t.equal(Date.parse((JSON.parse(kept) as { cookie: { expires: string } }).cookie.expires), second)
  const plain = await send('/data', { method: 'POST', payload: { a: 1 }, cookie: await signIn('grace') })
  t.equal(plain.statusCode, 200, 'sessions that were never another library’s have nothing to keep in step')
})

t.test('what ends while its old record is being written is gone there too', async t => {
  for (const mode of ['ended', 'superseded'] as const) {
    const old = await oldExpressSession(t, { maxAge: 0 })
    const browser = await old.signIn('ada')
    const [writing, go] = [gate(), gate()]
    const adapter: LegacyAdapter = { ...old.adapter, async mirror (id, session) { writing.open(); await go.opened; await old.adapter.mirror?.(id, session) } }
    const { url, app, clock } = await newApp(t, old, { adapters: [adapter], rollback: true })
    const jar = browser.copy().at(url)
    await jar.get('/me')
    await jar.post('/data', { a: 1 })
    await writing.opened
    if (mode === 'ended') await app.sessions.revokeUser('ada')
    go.open()
    if (mode === 'superseded') {
      await app.sessions.flush()
      clock.now += 120_000
      t.equal((await browser.copy().at(url).get('/me')).status, 401, 'a copy')
    }
    await app.close()
    t.match(await (await browser.get('/me')).json(), mode === 'ended' ? { user: null } : { user: { id: 'ada' } })
  }
})

t.test('old stores of every kind: by callback or promise, listing or not, failing in their own words', async t => {
  const records = new Map<string, object>([['a'.repeat(8), { cookie: { expires: 'never', originalMaxAge: 5 }, user: { id: 'ada' } }], ['b'.repeat(8), { user: { id: 'grace' } }]])
  const secret = 'the secret of the old library, long enough'
  const promising = {
    get: async (id: string) => records.get(id), async set () {}, destroy: async (id: string) => { records.delete(id) },
    all: async () => [...records].map(([id, record]) => ({ ...record, id }))
  }
  const adapter = fromExpressSession({ secret, store: promising, rolling: true })
  t.match(await adapter.load('aaaaaaaa'), { data: { user: { id: 'ada' } }, expiresAt: null, remember: false, rolling: 5 })
  t.equal(await adapter.load('c'), null)
  const scanned = []
  for await (const { credential, session } of adapter.scan?.() ?? []) scanned.push([credential, session.data])
  t.same(scanned, [['aaaaaaaa', { user: { id: 'ada' } }], ['bbbbbbbb', { user: { id: 'grace' } }]])
  await adapter.mirror?.('gone', { userId: null, data: {}, expiresAt: 5 })
  await adapter.retire?.('aaaaaaaa')
  t.equal(records.size, 1)

  const listing = await oldExpressSession(t)
  await listing.signIn('ada')
  const found = []
  for await (const { credential, session } of listing.adapter.scan?.() ?? []) found.push([credential, session.data])
  t.match(found, [[/^[\w-]{32}$/, { user: { id: 'ada' } }]])

  const failing = (error: unknown) => fromFastifySession({ secret: { unsign: () => ({ valid: true, value: 'x' }) }, store: { get: (_id: string, callback: (error: unknown) => void) => { callback(error) }, set () {}, destroy () {}, all (callback: () => void) { callback() } } })
  t.equal(await failing(Object.assign(new Error('no file'), { code: 'ENOENT' })).load('x'), null)
  await t.rejects(async () => failing('in words').load('x'), { message: 'the store failed' })
  for await (const none of failing(null).scan?.() ?? []) t.fail(JSON.stringify(none))
})

t.test('better-auth and Auth.js keep their rows while the way back is open', async t => {
  for (const open of [oldBetterAuth, oldAuthJs]) {
    const old = await open(t)
    const browser = await old.signIn('ada')
    const mirrored = gate()
    const adapter: LegacyAdapter = { ...old.adapter, async mirror (token, session) { await old.adapter.mirror?.(token, session); mirrored.open() } }
    const { url, app } = await newApp(t, old, { adapters: [adapter], rollback: true })
    const jar = browser.copy().at(url)
    await jar.get('/me')
    await jar.post('/data', { a: 1 })
    await mirrored.opened
    t.notMatch(await (await browser.get('/me')).json(), { user: null })
    const retired = once(app, 'migration', { result: 'retired' })
    await jar.post(`${api}/logout`, {})
    await retired
    t.match(await (await browser.get('/me')).json(), { user: null })
  }
  t.same(fromAuthJs({ adapter: { getSessionAndUser: () => null, deleteSession: () => null }, cookieName: 'mine', cookie: { domain: 'example.com' } }).cookies, [{ name: 'mine', domain: 'example.com' }])
})

t.test('an old cookie is deleted with the attributes it was set with', async t => {
  t.equal(expiringSetCookie({ name: '__Secure-old', path: '/app', domain: 'example.com' }), '__Secure-old=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/app; Domain=example.com; HttpOnly; Secure')
})

t.test('what is remembered of old sessions is bounded', async t => {
  const sessions = await new SessionManager({ secret: 'x'.repeat(32) }).open()
  t.teardown(() => sessions.close())
  const records = new SourceRecords(sessions.core)
  const origin = { store: { adapter: { name: 'old' } } as never, text: 'x' }
  for (let i = 0; i <= 100_000; i++) records.remember(String(i), origin)
  t.notOk(records.has('0'))
  t.ok(records.has('1'))
})

t.test('two libraries at once are taken over side by side; one that fails in passing is left to itself', async t => {
  const [one, two] = [await oldFastifySession(t), await oldExpressSession(t)]
  const [ada, grace] = [await one.signIn('ada'), await two.signIn('grace')]
  const { url, events, signIn, send } = await newApp(t, one, { adapters: [one.adapter, two.adapter], mode: 'shadow' })
  await ada.copy().at(url).get('/public')
  await grace.copy().at(url).get('/public')
  const other = await newApp(t, one, { adapters: [one.adapter, two.adapter] })
  t.equal((await ada.copy().at(other.url).get('/me')).status, 200)
  t.equal((await grace.copy().at(other.url).get('/me')).status, 200)
  t.equal(events.filter(({ type }) => type === 'adopted').length, 0)
  const failing = await newApp(t, one, { mode: 'shadow', adapters: [{ ...one.adapter, load: async () => Promise.reject(Object.create(null) as Error) }] })
  const failed = once(failing.app, 'migration-failed')
  await ada.copy().at(failing.url).get('/public')
  t.match(await failed, { error: 'Error' })
  t.equal((await send('/public', { cookie: await signIn('linus') })).statusCode, 200)
  const empty = await newApp(t, one, { mode: 'shadow', adapters: [{ ...one.adapter, load: () => ({ userId: null, data: {}, expiresAt: null }) }] })
  const nothing = once(empty.app, 'migration', { result: 'empty' })
  await ada.copy().at(empty.url).get('/public')
  await nothing
})

t.test('old sessions can be taken over before their browsers come by, as often as one likes', async t => {
  const old = await oldExpressSession(t, { maxAge: 48 * hour })
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const kept = old.store as unknown as { sessions: Record<string, string> }
  for (const [id, session] of Object.entries({ empty: {}, past: { user: { id: 'ada' }, cookie: { expires: '2020-01-01' } }, odd: { user: { id: 'x'.repeat(300) } } })) kept.sessions[id] = JSON.stringify(session)
  const { url, app, clock } = await newApp(t, old, {}, { idleTimeout: '30m', remember: { idleTimeout: '1h', absoluteTimeout: '30d' } })
  const options = { adapters: [{ ...old.adapter, async * scan () { for await (const each of old.adapter.scan?.() ?? []) yield each; yield { credential: 'past', session: { userId: 'ada', data: {}, expiresAt: 5 } }; yield { credential: 'endless', session: { userId: 'linus', data: {}, expiresAt: null } } } }, (await oldFastifySession(t)).adapter], until: clock.now + hour, ...old.resolveUserId === undefined ? {} : { resolveUserId: old.resolveUserId } }
  t.same(await preimport(app.sessions, options), { adopted: 3, joined: 0, skipped: 3 })
  t.same(await preimport(app.sessions, options), { adopted: 0, joined: 3, skipped: 3 })
  t.equal(await app.sessions.count({}), 3)
  const [listed] = await app.sessions.listByUser('ada')
  clock.now += 40 * hour
  t.match(await (await ada.at(url).get('/me')).json(), { id: listed?.id }, 'it waits for its browser')
  await app.sessions.revokeUser('grace')
  t.equal((await grace.at(url).get('/me')).status, 401)
  const { app: failing } = await newApp(t, old, {}, { store: withoutCreate() })
  await t.rejects(preimport(failing.sessions, options), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
})

t.test('an adapter that cannot read a cookie does not take the request with it', async t => {
  const old = await oldFastifySession(t)
  const browser = await old.signIn('ada')
  const { url, events } = await newApp(t, old, { adapters: [{ ...old.adapter, match: () => { throw new RangeError('unreadable') } }] })
  t.equal((await browser.at(url).get('/public')).status, 200)
  t.equal((await browser.at(url).get('/me')).status, 401)
  t.match(events.filter(({ type }) => type === 'migration-failed'), [{ operation: 'match', error: 'RangeError' }])
})

t.test('another site cannot open a socket with an old cookie either', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const { send, app } = await newApp(t, old)
  const headers = { connection: 'upgrade', upgrade: 'websocket', origin: 'https://evil.example' }
  t.equal((await send('/public', { cookie: browser.cookies().join('; '), headers })).statusCode, 403)
  t.equal(await app.sessions.count({}), 0)
  t.equal((await send('/public', { headers })).statusCode, 200, 'without one it is a visitor')
})

t.test('two nodes take a session over once, and each knows what the other ended', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const file = join(t.testdir(), 'sessions.db')
  const nodes = await Promise.all([1, 2].map(() => newApp(t, old, {}, { store: sqliteStore(new Database(file) as never) })))
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => browser.copy().at(nodes[i % 2]?.url ?? '').get('/me')))
  t.equal(new Set(answers.map(answer => answer.headers.getSetCookie()[0])).size, 1, 'one token')
  const [first, second] = nodes as [typeof nodes[0] & object, typeof nodes[0] & object]
  t.equal(await first.app.sessions.count({}), 1)
  t.equal(nodes.flatMap(({ events }) => events).filter(({ type }) => type === 'adopted').length, 1)
  const jar = browser.copy().at(second.url)
  await jar.get('/me')
  await second.app.sessions.revokeUser('ada')
  for (const { url } of nodes) t.equal((await browser.copy().at(url).get('/me')).status, 401)
  for (const { url } of nodes) t.equal((await jar.at(url).get('/me')).status, 401)
})

/** A store of ours that can do everything but create. */
function withoutCreate (): Store {
  return new Proxy<Store>(memoryStore(), {
    get (store, verb: keyof Store) {
      if (verb === 'create') return () => { throw new Error('down') }
      const value = store[verb] as unknown
      return typeof value === 'function' ? value.bind(store) as unknown : value
    }
  })
}
