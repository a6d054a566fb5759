import { Readable } from 'node:stream'
import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { SessionEvent, SessionRecord } from '../../lib/index.ts'
import { withoutCredentials } from '../../lib/errors.ts'
import { adminApi } from '../helpers/admin.ts'
import { api, cookieOf, gate, setCookies, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'

const minute = 60_000

interface Line {
  readonly event?: string
  readonly owasp?: string
  readonly time: number
  readonly at: string
  readonly session?: string | null
  readonly level: number
}

/** A server whose log, down to `trace`, is kept. */
function traced (): { lines: () => Line[], text: () => string, server: object } {
  const written: string[] = []
  return {
    text: () => written.join(''),
    lines: () => written.flatMap(line => line.split('\n')).filter(line => line !== '').map(line => JSON.parse(line) as Line),
    server: { logger: { level: 'trace', stream: { write: (line: string) => { written.push(line) } } } }
  }
}

/** Everything that a user, a thief, an admin and a store in trouble can do. Answers all cookies that were given out. */
async function busyDay (app: TestApp, store: ReturnType<typeof memoryStore>): Promise<string[]> {
  const { send, signIn, clock } = app
  const cookies: string[] = []
  const given = (cookie: string): string => { if (cookie !== '') cookies.push(cookie); return cookie }
  const post = (url: string, cookie: string, payload: object = {}) => send(url, { cookie, method: 'POST', payload })
  const root = given(await signIn('root'))
  const guest = given(cookieOf(await post('/data', '', { cart: ['a private thing'] })))
  let ada = given(cookieOf(await post('/login', guest, { userId: 'ada', remember: true, method: 'password' })))
  const stolen = ada
  for (const url of ['/me', '/who', '/log', api, `${api}/current`, `${api}?ended=true`, '/throw', '/nowhere', `${adminApi}/`]) { await send(url, { cookie: ada }) }
  await post('/data', ada, { secret: 'a private thing' })
  ada = given(cookieOf(await post('/rotate', ada)))
  ada = given(cookieOf(await post('/again', ada)))
  clock.now += 61 * minute
  ada = given(cookieOf(await send('/me', { cookie: ada })))
  await send('/me', { cookie: ada, remoteAddress: '127.0.0.9', headers: { 'user-agent': 'curl/8' } })
  await send(`${api}/refresh`, { cookie: ada, method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })
  await send(`${api}/refresh`, { cookie: ada, method: 'POST' })
  for (const cookie of ['sid=junk', `${ada}; ${root}`, `sid=junk; ${ada}`, `${ada.slice(0, -1)}x`]) await send('/me', { cookie })
  const again = given(await signIn('root'))
  for (const path of ['/', '/count', '/statistics', '/users/ada', '/export?data=true', '/export?format=csv', '/nothing']) { await send(`${adminApi}${path}`, { cookie: again }) }
  await post(`${adminApi}/revoke`, again, { userId: 'ada', except: 'x' })
  await send('/me', { cookie: ada })
  await send('/me', { cookie: stolen })
  const out = given(await signIn('bob'))
  await post(`${api}/logout`, out)
  await send('/me', { cookie: out })
  for (let i = 0; i < 4; i++) { clock.now++; given(await signIn('eve')) }
  const read = store.read.bind(store)
  store.read = () => { throw new Error('redis://user:hunter2@10.0.0.1 is away') }
  await send('/me', { cookie: again })
  store.read = () => ({}) as SessionRecord
  await send('/me', { cookie: again })
  store.read = read
  clock.now += 40 * 86_400_000
  await app.app.sessions.cleanup()
  return cookies
}

async function busyApp (t: { teardown: (fn: () => unknown) => void }, server: object, store = memoryStore()): Promise<TestApp> {
  return testApp(t, { store, maxSessions: 3, admin: { authorize: request => request.session.userId === 'root' } }, app => {
    app.get('/log', async request => {
      // what people do, and should not
      const { session } = request
      request.log.info({ session, info: session.info, data: session.data() }, 'everything')
      request.log.info(session)
      request.log.warn({ cookie: session.id, err: new Error('mine') }, '%s %j %o', session.id, session, session)
      return { text: JSON.stringify({ session }) }
    })
    app.get('/throw', async () => { throw new Error('boom') })
    app.post('/rotate', async request => { await request.session.rotate(); return {} })
    app.post('/again', async request => { await request.session.reauthenticate({ method: 'webauthn' }); return {} })
  }, server)
}

/** Every part of a cookie that is secret, and what is kept of it. */
async function secretsOf (cookie: string): Promise<string[]> {
  const { decodeToken, hashVerifier } = await import('../../lib/token/token.ts')
  const [token = '', signature = ''] = cookie.slice(4).split('.')
  const verifier = decodeToken(token)?.verifier ?? Buffer.alloc(0)
  return [token, signature, token.slice(26), hashVerifier(verifier), verifier.toString('hex'), verifier.toString('base64')]
}

t.test('row 80: the log of a busy day, down to trace, contains no cookie, token, verifier, hash or password', async t => {
  const { lines, text, server } = traced()
  const store = memoryStore()
  const cookies = await busyDay(await busyApp(t, server, store), store)
  t.ok(cookies.length > 10)
  for (const cookie of cookies) for (const part of await secretsOf(cookie)) t.notOk(text().includes(part), 'not in the log')
  t.notMatch(text(), /hunter2|"hash"|"previousHash"|"verifier"|"token":"/)
  const kinds = new Set(lines().flatMap(({ event }) => event ?? []))
  t.ok(kinds.size >= 14, [...kinds].join(' '))
})

t.test('a line of the log has each key once, and an event line has the time of the event beside that of the logger', async t => {
  const { lines, text, server } = traced()
  const store = memoryStore()
  await busyDay(await busyApp(t, server, store), store)
  // no line of an event nests an object with a key of the outer one
  for (const line of text().split('\n').filter(line => line.includes('"event":"session.'))) {
    const times = line.match(/"time":/g) ?? []
    t.equal(times.length, 1, line)
  }
  t.ok(lines().some(({ event, at }) => event === 'session.created' && typeof at === 'string'))
})

t.test("a driver's error reaches the log without the password, in whatever form the driver writes it", async t => {
  const written = [
    'connect failed: redis://app:hunter2@10.0.0.1:6379',
    'host=db user=app password=hunter2 dbname=x',
    "password='hunter2 hunter2'",
    'postgres://db/x?user=app&password=hunter2&ssl=1',
    '{"user":"app","password":"hunter2"}',
    'PGPASSWORD=hunter2 psql',
    'sslpassword = hunter2',
    'auth: "hunter2"',
    'passwd:hunter2',
    'secret=hunter2',
    'access_token=hunter2',
    '{ user: "app", password: "hunter2 \\" hunter2" }'
  ]
  for (const message of written) {
    const clean = withoutCredentials(new Error('outer', { cause: new Error(message) })) as Error
    t.notMatch(`${clean.message} ${clean.stack ?? ''} ${String(clean.cause)} ${(clean.cause as Error).stack ?? ''}`, /hunter2/, message)
    t.notMatch(
      JSON.stringify([withoutCredentials(message), withoutCredentials({ message, config: { password: 'hunter2' } })]),
      /hunter2/,
      message
    )
  }
  for (const message of [
    'password authentication failed for user "app"',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'NOAUTH Authentication required.',
    'getaddrinfo ENOTFOUND db',
    'connect ECONNREFUSED 10.0.0.1:6379'
  ]) {
    t.equal((withoutCredentials(new Error(message)) as Error).message, message, 'what helps stays')
  }
  const loop = new Error('password=hunter2')
  loop.cause = loop
  t.notMatch((withoutCredentials(loop) as Error).stack, /hunter2/)
  const { text, server } = traced()
  const store = memoryStore()
  const app = await testApp(t, { store }, () => {}, server)
  const cookie = await app.signIn()
  store.read = () => { throw new Error('no connection: host=db password=hunter2') }
  t.equal((await app.send('/me', { cookie })).statusCode, 503)
  t.match(text(), /no connection: host=db/)
  t.notMatch(text(), /hunter2/)
})

t.test('row 3, 80: neither events, metrics, exports, backups nor the store contain a usable cookie', async t => {
  const store = memoryStore()
  const app = await busyApp(t, {}, store)
  const dumps: string[] = []
  const tokens: string[] = []
  const list = async () => { for await (const row of app.app.sessions.export({ backup: true })) dumps.push(JSON.stringify(row)) }
  for (let i = 0; i < 5; i++) { tokens.push(await app.signIn(`user ${i}`, { remember: i % 2 === 0 })); await list() }
  for await (const row of app.app.sessions.export()) t.notMatch(JSON.stringify(row), /hash|Hash|generation/)
  dumps.push(JSON.stringify(await store.list({}, { limit: 100, cursor: null, order: 'newest' })), JSON.stringify(app.events))
  const cookies = [...tokens, ...await busyDay(app, store)]
  dumps.push(JSON.stringify(await store.history({}, { limit: 100, cursor: null, order: 'newest' })), JSON.stringify(app.events))
  for (const cookie of cookies) {
    const [token = '', signature = '', verifier = '', , hex = '', base64 = ''] = await secretsOf(cookie)
    for (const part of [token, signature, verifier, hex, base64]) t.notOk(dumps.some(dump => dump.includes(part)))
  }
  // and what is in there opens nothing, however it is put together
  const record = (await store.list({}, { limit: 1, cursor: null, order: 'newest' })).items[0]
  const fresh = await app.signIn('victim')
  const { id, hash } = (await app.app.sessions.listByUser('victim'))[0] as SessionRecord
  const [token = '', signature = ''] = fresh.slice(4).split('.')
  for (const forged of [
    `${id}.${hash}`,
    hash,
    `${Buffer.concat([Buffer.from([1, 0, 0]), Buffer.from(id, 'base64url'), Buffer.from(hash, 'base64url')]).toString('base64url')}.${signature}`,
    `${token}.${hash}`,
    record?.id ?? ''
  ]) { t.equal((await app.send('/me', { cookie: `sid=${forged}` })).statusCode, 401) }
  t.equal((await app.send('/me', { cookie: fresh })).statusCode, 200)
})

t.test('row 84: a session\'s life is logged with the OWASP vocabulary, a public id and UTC timestamps', async t => {
  const { lines, server } = traced()
  const store = memoryStore()
  await busyDay(await busyApp(t, server, store), store)
  const told = lines().filter(({ event }) => event !== undefined)
  const words = told.flatMap(({ owasp }) => owasp ?? [])
  for (const word of [
    'session_created:ada',
    'session_created',
    'session_renewed:ada',
    'authn_login_success:ada',
    'session_expired:ada,revoked',
    'session_expired:bob,logout',
    'excess_sessions_exceeded:eve,3',
    'session_expired:root,idle-timeout',
    'session_use_after_expire:bob',
    'malicious_extraneous',
    'malicious_csrf',
    'authz_fail:ada',
    'authz_admin:root'
  ]) { t.ok(words.includes(word), word) }
  for (const event of ['session.ip-changed', 'session.user-agent-changed', 'session.store-failed']) {
    t.ok(
      told.some(line => line.event === event && line.owasp === undefined),
      `${event} has no name in the vocabulary`
    )
  }
  for (const { time, at, session } of told) {
    t.equal(new Date(at).toISOString(), at)
    t.type(time, 'number', 'the logger alone writes its time')
    t.ok(session === null || /^[\w-]{22}$/.test(String(session)))
  }
  t.ok(
    told.filter(({ owasp = '' }) => /^(session_use_after|malicious|authz_fail)/.test(owasp)).every(({ level }) => level >= 40),
    'what is worth a look is a warning'
  )
  const refused = traced()
  const full = await testApp(t, { maxSessions: { max: 1, onExceeded: 'reject' } }, () => {}, refused.server)
  await full.signIn()
  await full.signIn()
  t.match(
    refused.lines().filter(({ event }) => event === 'session.login-rejected'),
    [{ owasp: 'excess_sessions_exceeded:ada,1', level: 40 }]
  )
})

t.test('row 84: a theft emits its own event, and exactly one node emits each end', async t => {
  const { send, signIn, clock, events } = await testApp(t)
  const stolen = await signIn('ada', { remember: true })
  clock.now += 61 * minute
  const owner = cookieOf(await send('/me', { cookie: stolen }))
  clock.now += 2 * minute
  await send('/me', { cookie: owner })
  clock.now += 10 * minute
  await Promise.all([1, 2, 3].map(() => send('/me', { cookie: stolen })))
  t.equal(events.filter(event => event.type === 'ended' && event.reason === 'token-reuse').length, 1)
  t.ok(events.some(({ type }) => type === 'token-reused'))
})

t.test('row 77: session changes during a streamed response are saved, or reported as lost', async t => {
  const lost = ({ events }: TestApp) =>
    events.filter((event): event is Extract<SessionEvent, { type: 'write-lost' }> => event.type === 'write-lost')
  const app = await testApp(t, {}, app => {
    app.get('/stream', async (request, reply) => { request.session.set('streamed', true); return reply.send(Readable.from(['x'])) })
    app.get('/hijack', async (request, reply) => {
      request.session.set('hijacked', true)
      reply.hijack()
      await request.session.save()
      reply.raw.end('raw')
    })
    app.get('/forgotten', async (request, reply) => { request.session.set('forgotten', true); reply.hijack(); reply.raw.end('raw') })
    app.get('/after', async (request, reply) => { void reply.send({}); request.session.set('after', true); return reply })
    app.get('/late', async (request, reply) => { request.session.set('late', true); reply.raw.writeHead(200); return reply.send('x') })
    app.get('/late-gone', async (request, reply) => {
      request.session.set('late', 'again')
      if (request.session.id !== null) await app.sessions.revoke(request.session.id)
      reply.raw.writeHead(200)
      return reply.send('x')
    })
  })
  const { send, signIn } = app
  const url = await app.app.listen({ port: 0, host: '127.0.0.1' })
  const cookie = await signIn()
  t.equal((await send('/stream', { cookie })).body, 'x')
  t.equal((await send('/hijack', { cookie })).body, 'raw')
  t.strictSame((await send('/who', { cookie })).json().data, { streamed: true, hijacked: true })
  t.strictSame(lost(app), [])
  const told = gate()
  app.app.sessions.on('write-lost', () => { told.open() })
  t.equal(await (await fetch(`${url}/forgotten`, { headers: { cookie } })).text(), 'raw')
  await told.opened
  t.match(lost(app), [{ userId: 'ada', error: 'the response had left' }])
  // a handler that writes its own head, and then replies, breaks its response in any case: not the process, and not the session
  await t.rejects(fetch(`${url}/late`, { headers: { cookie } }))
  t.strictSame((await send('/who', { cookie })).json().data, { streamed: true, hijacked: true, late: true })
  const guest = gate()
  app.app.sessions.on('write-lost', () => { guest.open() })
  await t.rejects(fetch(`${url}/late`))
  await guest.opened
  t.equal(await app.app.sessions.count({ guest: true }), 0, 'nobody could have opened it')
  const gone = gate()
  app.app.sessions.on('write-lost', () => { gone.open() })
  await t.rejects(fetch(`${url}/late-gone`, { headers: { cookie } }))
  await gone.opened
  t.match(lost(app), [{}, { userId: null }, { userId: 'ada', error: /ended/ }])
})

t.test('row 72: a read-only store reports each login and logout that it cannot do', async t => {
  const store = memoryStore()
  const app = await testApp(t, { store })
  const { send, signIn, events } = app
  const cookie = await signIn()
  const fail = (): never => { throw new Error('READONLY') }
  Object.assign(store, { create: fail, update: fail, end: fail, touch: fail })
  t.equal((await send('/me', { cookie })).statusCode, 200)
  const login = await send('/login', { method: 'POST', payload: { userId: 'ada' } })
  t.match(login.json(), { statusCode: 503, code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.strictSame(setCookies(login), [])
  const out = await send(`${api}/logout`, { cookie, method: 'POST' })
  t.match(out.json(), { statusCode: 503, code: 'FST_SESSION_REVOCATION_PENDING' })
  t.equal((await send('/me', { cookie })).statusCode, 401, 'here it holds')
  t.ok(events.some(({ type }) => type === 'store-failed'))
})
