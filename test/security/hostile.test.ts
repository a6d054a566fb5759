import { connect } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { SessionRecord } from '../../lib/index.ts'
import { adminApi, adminApp } from '../helpers/admin.ts'
import { api, cookieOf, firefox, gate, secret, setCookies, testApp } from '../helpers/app.ts'
import { Network } from '../helpers/network.ts'

const minute = 60_000
const hour = 60 * minute

/** Sends bytes as they are, and answers what comes back. */
function raw (url: string, text: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => { socket.write(text) })
    let answer = ''
    socket.on('data', data => { answer += data.toString('latin1') })
    socket.on('error', () => {})
    socket.on('close', () => { resolve(answer) })
  })
}

t.test('an app that sets a cookie of the same name causes a warning, and only the session cookie is sent', async t => {
  const lines: string[] = []
  const { send } = await testApp(t, {}, app => {
    app.post('/clash', async (request, reply) => {
      reply.header('set-cookie', ['sid=theirs', 'theme=dark'])
      await request.session.login('ada')
      return {}
    })
  }, { logger: { level: 'warn', stream: { write: (line: string) => { lines.push(line) } } } })
  t.match(setCookies(await send('/clash', { method: 'POST' })), ['theme=dark', /^sid=[\w-]{68}\./])
  t.match(lines.join(''), /cookie named sid/)
})

t.test('a missing, huge, repeated or non-text user agent is stored as far as possible', async t => {
  const { app, send } = await testApp(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const login = (headers: string) =>
    raw(
      url,
      `POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 16\r\n${headers}\r\n{"userId":"ada"}`
    )
  t.match(await login(`User-Agent: ${'x'.repeat(1_000_000)}\r\n`), /^HTTP\/1\.1 431 /)
  for (const [headers, agent] of [
    ['', null],
    ['User-Agent: first\r\nUser-Agent: second\r\n', 'first'],
    ['User-Agent:\r\n', null],
    ['User-Agent: \xe2\x98\xba\xff ok\r\n', /ok$/]
  ] as const) {
    t.match(await login(headers), /^HTTP\/1\.1 200 /)
    t.match((await app.sessions.listByUser('ada'))[0], { userAgent: agent })
    await app.sessions.revokeUser('ada')
  }
  const list = await app.inject({
    url: '/login',
    method: 'POST',
    headers: { 'user-agent': ['a', 'b'] as unknown as string },
    payload: { userId: 'ada' }
  })
  t.equal(list.statusCode, 200)
  t.equal((await send('/me', { cookie: cookieOf(list) })).statusCode, 200)
})

t.test('a login during the revocation of all its user\'s sessions is either revoked or live', async t => {
  for (const options of [{}, { store: new Network().node() }]) {
    const { send, app, events } = await testApp(t, options)
    const login = () => send('/login', { method: 'POST', payload: { userId: 'ada' } })
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, i) =>
        i % 3 === 1 ? { revoked: (await app.sessions.revokeUser('ada')).length, answer: null } : { revoked: 0, answer: await login() }
      )
    )
    const live = new Set((await app.sessions.listByUser('ada')).map(({ id }) => id))
    const ended = new Set(events.flatMap(event => event.type === 'ended' ? event.id ?? [] : []))
    t.equal(answers.reduce((sum, { revoked }) => sum + revoked, 0), ended.size, 'each end is said by one call')
    for (const { answer } of answers) {
      if (answer === null) continue
      const { id } = answer.json<{ id: string }>()
      t.not(live.has(id), ended.has(id))
      t.equal((await send('/me', { cookie: cookieOf(answer) })).statusCode, live.has(id) ? 200 : 401)
    }
    await login()
    t.equal((await app.sessions.listByUser('ada')).length, live.size + 1, 'who comes after it stays')
  }
})

t.test('parallel guest writes create one session each, and reads create none', async t => {
  const { send, app } = await testApp(t)
  await Promise.all(Array.from({ length: 20 }, (_, i) => i % 2 === 0 ? send('/data', { method: 'POST', payload: { i } }) : send('/who')))
  t.equal(await app.sessions.count({ guest: true }), 10)
})

t.test('a cleanup keeps sessions refreshed meanwhile, and two cleanups report each end once', async t => {
  const network = new Network()
  const [a, b] = [await testApp(t, { store: network.node() }), await testApp(t, { store: network.node() })]
  const setClock = (at: number) => { a.clock.now = b.clock.now = at }
  const start = a.clock.now
  const cookie = await a.signIn()
  const gone = await Promise.all(Array.from({ length: 40 }, (_, i) => a.signIn(`user ${i}`)))
  setClock(start + 29 * minute)
  t.equal((await a.send(`${api}/refresh`, { cookie, method: 'POST' })).statusCode, 200)
  setClock(start + 31 * minute)
  await Promise.all([a.app.sessions.cleanup(), b.app.sessions.cleanup(), a.app.sessions.cleanup()])
  t.equal((await b.send('/me', { cookie })).statusCode, 200)
  const ends = [...a.events, ...b.events].filter(({ type }) => type === 'ended')
  t.equal(ends.length, gone.length)
  t.equal(new Set(ends.map(({ id }) => id)).size, gone.length)
  t.equal((await b.send('/me', { cookie: gone[0] ?? '' })).statusCode, 401)
})

t.test('two nodes whose clocks differ by minutes keep a busy user signed in, and agree on the end', async t => {
  const network = new Network()
  const [a, b] = [await testApp(t, { store: network.node() }), await testApp(t, { store: network.node() })]
  const start = a.clock.now
  const cookie = await a.signIn()
  for (let at = start; at < start + 11 * hour; at += 10 * minute) {
    a.clock.now = at
    b.clock.now = at + 2 * minute
    for (const { send } of [a, b]) t.equal((await send('/me', { cookie })).statusCode, 200)
  }
  a.clock.now = start + 12 * hour
  b.clock.now = a.clock.now + 2 * minute
  for (const { send } of [a, b]) t.equal((await send('/me', { cookie })).statusCode, 401)
})

t.test('timers and connections of this package do not keep a process alive', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const { signIn, app } = await testApp(t, { admin: { authorize: () => true } })
  await signIn()
  app.sessions.onEnd((await app.sessions.listByUser('ada'))[0] as SessionRecord, () => {})
  t.equal(timers(), before)
})

t.test('a store that returns another session\'s record authenticates no request', async t => {
  const store = memoryStore()
  const { send, signIn, app } = await testApp(t, { store })
  const cookie = await signIn('ada')
  await signIn('root')
  const other = (await app.sessions.listByUser('root'))[0] as SessionRecord
  store.read = () => other
  t.match((await send('/me', { cookie })).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' })
  t.equal((await send('/who', { cookie })).json().userId, null)
})

t.test('no request revokes more than one batch, and lists of ids are bounded', async t => {
  const { post } = await adminApp(t)
  t.equal((await post('/revoke', { ids: Array<string>(1001).fill('A'.repeat(22)) })).statusCode, 400)
  t.equal((await post('/revoke', { ids: Array<string>(100_000).fill('A'.repeat(22)) })).statusCode, 413)
  t.equal((await post('/revoke', { ids: ['', '../x', 'x'.repeat(64)] })).json().revoked, 0)
})

t.test('no response allows other origins, and none redirects elsewhere', async t => {
  const { send, cookie, signIn } = await adminApp(t, {})
  const user = await signIn()
  for (const [url, method] of [
    [api, 'GET'],
    [`${api}/current`, 'GET'],
    [`${api}/logout`, 'POST'],
    [adminApi, 'GET'],
    ['/me', 'GET'],
    [api, 'OPTIONS'],
    [`${api}/logout`, 'OPTIONS']
  ] as const) {
    for (const who of ['', user, cookie]) {
      const { headers, statusCode } = await send(url, {
        method,
        cookie: who,
        headers: { origin: 'https://evil.example', referer: 'https://evil.example/', 'access-control-request-method': 'POST' }
      })
      t.notOk(
        Object.keys(headers).some(name => name.startsWith('access-control-') || name === 'location'),
        `${method} ${url}`
      )
      t.ok(statusCode < 300 || statusCode >= 400)
    }
  }
})

t.test('a client that floods the server causes one event a minute of each type, with a count', async t => {
  for (const ip of ['full', 'truncate', 'hmac'] as const) {
    const { send, signIn, events, clock, app } = await testApp(t, { ip, admin: { authorize: () => false }, cookie: { secure: true } })
    const [ended, changing, kept] = [await signIn(), await signIn('eve'), await signIn('bob')]
    const foreign = (await app.sessions.listByUser('bob'))[0]?.id ?? ''
    await send(`${api}/logout`, { method: 'POST', cookie: ended })
    events.length = 0
    const floods: [string, (from: { remoteAddress: string }, i: number) => Promise<unknown>][] = [
      ['cross-origin-blocked', from => send(`${api}/logout`, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' }, ...from })],
      ['access-denied', from => send('/api/v1/admin/sessions', from)],
      [
        'access-denied',
        from =>
          send(`${api}/${foreign}`, {
            cookie: changing,
            method: 'PATCH',
            payload: { deviceName: 'x' },
            headers: { 'user-agent': firefox },
            ...from
          })
      ],
      ['ended-session-used', from => send('/me', { cookie: ended, ...from })],
      ['bad-signature', (from, i) => send('/me', { cookie: `__Host-sid=forged${i}`, ...from })],
      ['user-agent-changed', (from, i) => send('/me', { cookie: kept, headers: { 'user-agent': `curl/${i}` }, ...from })],
      ['ip-changed', from => send('/me', { cookie: kept, ...from })]
    ]
    for (const [type, flood] of floods) {
      const before = events.length
      // every address of the client's /64
      for (let i = 0; i < 40; i++) await flood({ remoteAddress: `2001:db8:1:2::${(i + 1).toString(16)}` }, i)
      const found = events.slice(before).filter(event => event.type === type)
      t.equal(found.length <= 1, true, `${ip}: ${found.length} times ${type}`)
      clock.now += 60_000
      await flood({ remoteAddress: `2001:db8:1:2::${type.length}:1` }, 40)
      const count = events.slice(before).reduce((sum, event) => sum + (event.type === type && 'count' in event ? event.count : 0), 0)
      // addresses of one network have one truncated form
      if (type !== 'ip-changed' || ip !== 'truncate') t.ok(count >= 40, `${ip}: ${count} ${type}`)
    }
  }
})

t.test('two thousand logins of one user leave at most the limit, and the list stays bounded', async t => {
  const { send, app } = await testApp(t, { maxSessions: 3, historyRetention: 0 })
  for (let i = 0; i < 2000; i++) await send('/login', { method: 'POST', payload: { userId: 'ada' } })
  t.equal(await app.sessions.count(), 3)
  t.equal((await app.sessions.listByUser('ada')).length, 3)
})

t.test('responses of every shape leave the session unchanged', async t => {
  const { app, send, signIn } = await testApp(t, {}, app => {
    app.get('/304', async (request, reply) => { request.session.get('x'); return reply.code(304).send() })
    app.get('/redirect', async (request, reply) => { request.session.get('x'); return reply.redirect('/elsewhere') })
    app.get('/web', async request => { request.session.get('x'); return new Response('web') })
    app.get('/empty', async (request, reply) => { request.session.get('x'); return reply.code(204).send() })
    app.post('/schema', { schema: { body: { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } } } }, async () => ({}))
    app.get('/hints', async (request, reply) => {
      reply.writeEarlyHints({ link: '</a.css>; rel=preload' })
      return { id: request.session.id }
    })
    app.get('/abort', async request => { request.session.set('late', true); aborting.open(); await aborted.opened; return {} })
  })
  const [aborting, aborted] = [gate(), gate()]
  const cookie = await signIn()
  for (const [url, status] of [['/304', 304], ['/redirect', 302], ['/web', 200], ['/empty', 204], ['/nowhere', 404]] as const) {
    const response = await send(url, { cookie })
    t.equal(response.statusCode, status)
    t.strictSame(setCookies(response), [])
  }
  for (const [payload, type, status] of [
    ['{', 'application/json', 400],
    ['x', 'text/unknown', 415],
    ['{"x":"y"}', 'application/json', 400],
    [`"${'x'.repeat(1_100_000)}"`, 'application/json', 413]
  ] as const) { t.equal((await send('/schema', { cookie, method: 'POST', payload, headers: { 'content-type': type } })).statusCode, status) }
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.match(await raw(url, 'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
  const hints = await raw(url, `GET /hints HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`)
  t.match(hints, /^HTTP\/1\.1 103 [^]*HTTP\/1\.1 200 /)
  t.notMatch(hints, /set-cookie/i)
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
    socket.write(`GET /abort HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`)
  })
  await aborting.opened
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  socket.destroy()
  await closed
  aborted.open()
  t.match((await send('/me', { cookie })).json(), { userId: 'ada' })
  t.equal(await app.sessions.count(), 1)
})

t.test('data stores dates as text, drops undefined, and rejects by key what JSON would lose', async t => {
  const values: Record<string, () => unknown> = {
    bigint: () => 1n,
    symbol: () => Symbol('x'),
    function: () => () => 1,
    map: () => new Map(),
    bytes: () => new Uint8Array(3),
    nan: () => NaN,
    cycle: () => {
      const a: Record<string, unknown> = {}
      a['a'] = a
      return a
    },
    deep: () => ({ a: [{ b: 1n }] })
  }
  const logged: string[] = []
  const { send, signIn } = await testApp(t, {}, app => {
    app.addHook('onError', async (_request, _reply, error) => { logged.push(error.message) })
    app.post('/set/:kind', async request => {
      request.session.set('mine', values[(request.params as { kind: string }).kind]?.())
      return {}
    })
    app.post('/fine', async request => {
      request.session.set('at', new Date(0))
      request.session.set('gone', undefined)
      request.session.set('nested', JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'))
      return {}
    })
  })
  const cookie = await signIn()
  for (const kind of Object.keys(values)) {
    t.match(
      (await send(`/set/${kind}`, { cookie, method: 'POST' })).json(),
      { statusCode: 500, code: 'FST_SESSION_INVALID_DATA', message: 'Internal Server Error' },
      kind
    )
    t.match(logged.pop(), /`mine\b/, 'the app sees the key, the browser does not')
  }
  t.equal((await send('/fine', { cookie, method: 'POST' })).statusCode, 200)
  t.equal(
    (await send('/who', { cookie })).body,
    '{"userId":"ada","data":{"at":"1970-01-01T00:00:00.000Z","nested":{"__proto__":{"admin":true},"constructor":{"prototype":{}}}}}'
  )
  t.equal(({} as { admin?: boolean }).admin, undefined)
})

t.test('cookies of two apps that share a store and a secret are invalid in the other app', async t => {
  const store = memoryStore()
  const app = (name: string, others: object = {}) => testApp(t, { store, cookie: { name }, ...others })
  const [one, two, three] = [await app('one'), await app('two'), await app('one', { secret: 'another secret, of another site of ours' })]
  const cookie = await one.signIn()
  t.equal((await one.send('/me', { cookie })).statusCode, 200)
  t.equal((await two.send('/me', { cookie: cookie.replace('one=', 'two=') })).statusCode, 401)
  t.equal((await three.send('/me', { cookie })).statusCode, 401)
  // on loopback the two names are one: browsers do not tell ports apart
  const [prefixed, plain] = [await app('__Host-admin'), await app('admin')]
  const [ours, theirs] = [await prefixed.signIn(), await plain.signIn()]
  t.match([ours, theirs], [/^admin=/, /^admin=/])
  t.strictSame(
    [(await prefixed.send('/me', { cookie: theirs })).statusCode, (await plain.send('/me', { cookie: ours })).statusCode],
    [401, 401]
  )
  t.strictSame(
    [(await prefixed.send('/me', { cookie: ours })).statusCode, (await plain.send('/me', { cookie: theirs })).statusCode],
    [200, 200]
  )
})

t.test('two instances of one server need names that differ without their prefix', async t => {
  for (const [first, second] of [['__Host-app', 'app'], ['app', '__Secure-app'], ['__Host-app', '__Secure-app']] as const) {
    const app = Fastify()
    t.teardown(() => app.close())
    app.register(async scope => { await scope.register(sessions, { secret, cookie: { name: first } }) })
    app.register(async scope => { await scope.register(sessions, { secret, cookie: { name: second }, routes: { prefix: '/other' } }) })
    await t.rejects(
      async () => {
        await app.ready()
      },
      { code: 'FST_SESSION_DECORATOR_CONFLICT', message: /cookie (__Secure-)?app/ },
      `${first} ${second}`
    )
  }
})

t.test('log-out and sign-in in one request delete nothing of the new session', async t => {
  const { send, signIn } = await testApp(t, { clearSiteData: ['cookies', 'storage'] }, app => {
    app.post('/switch', async request => { await request.session.logout(); await request.session.login('eve'); return {} })
    app.post('/leave', async request => { await request.session.login('eve'); await request.session.logout(); return {} })
  })
  const switched = await send('/switch', { method: 'POST', cookie: await signIn() })
  t.equal(switched.headers['clear-site-data'], undefined)
  t.equal((await send('/me', { cookie: cookieOf(switched) })).json().userId, 'eve')
  t.equal((await send('/leave', { method: 'POST', cookie: await signIn() })).headers['clear-site-data'], '"cookies", "storage"')
})

t.test('sessions do not stick to connections: an anonymous request after a signed-in one is anonymous', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(sessions, { secret })
  app.get('/login', async request => { await request.session.login('ada'); return {} })
  app.get('/who', async request => ({ userId: request.session.userId, early: request.headers['x-early'] }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const cookie = cookieOf(await app.inject('/login'))
  const line = (extra: string, more = 'keep-alive') => `GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: ${more}\r\n${extra}\r\n`
  const answer = await raw(
    url,
    `${line(`Cookie: ${cookie}\r\n`)}${line('')}${line(`Cookie: ${cookie}\r\n`)}${line('Cookie: sid=junk\r\n', 'close')}`
  )
  t.strictSame([...answer.matchAll(/"userId":("ada"|null)/g)].map(([, userId]) => userId), ['"ada"', 'null', '"ada"', 'null'])
})

t.test('deleting an account revokes its sessions, and their cookies cannot authenticate', async t => {
  const network = new Network()
  const [a, b] = [await testApp(t, { store: network.node() }), await testApp(t, { store: network.node() })]
  const cookies = [await a.signIn('ada', { remember: true }), await b.signIn('ada')]
  for (const cookie of cookies) for (const { send } of [a, b]) t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal((await b.app.sessions.revokeUser('ada')).length, 2)
  a.clock.now += 61 * minute
  for (const cookie of cookies) { for (const { send } of [a, b]) t.equal((await send('/me', { cookie, headers: { 'user-agent': firefox } })).statusCode, 401) }
})
