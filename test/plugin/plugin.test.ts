import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import { Readable } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { SessionPluginOptions, Store } from '../../lib/index.ts'
import { api, cookieOf, firefox, gate, secret, setCookies, testApp } from '../helpers/app.ts'

declare module 'fastify' {
  interface Session {
    cart?: string[]
  }
}

/** A memory store that counts its verbs. */
function countingStore (): { store: Store, calls: string[] } {
  const calls: string[] = []
  const store = new Proxy(memoryStore(), {
    get (target, name) {
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function'
        ? (...args: unknown[]) => {
            calls.push(String(name))
            return (value as (...args: unknown[]) => unknown).apply(target, args)
          }
        : value
    }
  })
  return { store, calls }
}

t.test('row 28, 29, 30, 31: anonymous requests need no session, cookie or store', async t => {
  const { store, calls } = countingStore()
  const { send, app } = await testApp(t, { store })
  calls.length = 0
  for (let i = 0; i < 2000; i++) {
    for (const [url, method] of [
      ['/public', 'GET'],
      ['/who', 'GET'],
      ['/nowhere', 'GET'],
      ['/public', 'HEAD'],
      ['/public', 'OPTIONS'],
      ['/nowhere', 'OPTIONS'],
      ['/nowhere', 'POST']
    ] as const) {
      const response = await send(url, { method })
      if (setCookies(response).length > 0) t.fail('Set-Cookie')
    }
  }
  const out = await send(`${api}/logout`, { method: 'POST' })
  t.equal(out.statusCode, 200)
  t.strictSame(setCookies(out), [])
  t.strictSame(calls, [])
  t.equal(await app.sessions.count(), 0)
})

t.test('row 79: a hundred reads set no cookie and write one batch', async t => {
  const { store, calls } = countingStore()
  const { send, signIn } = await testApp(t, { store })
  const cookie = await signIn()
  calls.length = 0
  for (let i = 0; i < 100; i++) {
    const response = await send('/me', { cookie })
    t.equal(response.statusCode, 200)
    t.strictSame(setCookies(response), [])
  }
  t.equal(calls.filter(call => call === 'touch').length, 1)
  t.equal(calls.filter(call => call === 'read').length, 100)
  t.strictSame([...new Set(calls)].sort(), ['read', 'touch'])
})

t.test('with flush 0 each request is written through', async t => {
  const { store, calls } = countingStore()
  const { send, signIn } = await testApp(t, { store, flushInterval: 0 })
  const cookie = await signIn()
  for (let i = 0; i < 3; i++) await send('/me', { cookie })
  t.equal(calls.filter(call => call === 'touch').length, 3)
  t.match((await send('/me', { cookie })).json(), { info: { requestCount: 3 } })
})

t.test('row 75: assigned data is saved, and parallel writes of different keys are both saved', async t => {
  const held = [gate(), gate()]
  const { send, signIn } = await testApp(t, {}, app => {
    app.get('/slow/:i', async request => {
      const { i } = request.params as { i: string }
      request.session.set(`k${i}`, i)
      await held[Number(i)]?.opened
      return {}
    })
    app.get('/cart', async request => { request.session.cart = [...request.session.cart ?? [], 'x']; return {} })
  })
  const cookie = await signIn()
  await send('/cart', { cookie })
  await send('/cart', { cookie })
  const slow = [send('/slow/0', { cookie }), send('/slow/1', { cookie })]
  for (const { open } of held.toReversed()) open()
  await Promise.all(slow)
  t.strictSame((await send('/who', { cookie })).json(), { userId: 'ada', data: { cart: ['x', 'x'], k0: '0', k1: '1' } })
  await send('/data', { cookie, method: 'POST', payload: { k0: '' } })
  t.strictSame((await send('/who', { cookie })).json().data, { cart: ['x', 'x'], k1: '1' }, 'undefined deletes')
})

t.test('row 32, 33: the first data creates a guest session, and login replaces it', async t => {
  const { send, app, events } = await testApp(t, { keepOnLogin: ['cart'] })
  t.strictSame(setCookies(await send('/data', { method: 'POST', payload: { a: null, b: [] } })), [], 'nothing worth keeping')
  const written = await send('/data', { method: 'POST', payload: { cart: [1], planted: true } })
  const guest = cookieOf(written)
  t.match(written.headers, { 'cache-control': 'no-store', vary: 'Cookie' })
  t.equal(await app.sessions.count({ guest: true }), 1)
  t.match((await send('/who', { cookie: guest })).json(), { userId: null, data: { cart: [1], planted: true } })
  t.equal((await send('/me', { cookie: guest })).statusCode, 401, 'a guest is not signed in')

  const user = cookieOf(await send('/login', { cookie: guest, method: 'POST', payload: { userId: 'ada', data: { theme: 'dark' } } }))
  t.strictSame((await send('/who', { cookie: user })).json(), { userId: 'ada', data: { cart: [1], theme: 'dark' } })
  t.strictSame((await send('/who', { cookie: guest })).json(), { userId: null, data: {} }, 'no session fixation')
  t.equal(await app.sessions.count(), 1)
  t.ok(events.some(event => event.type === 'ended' && event.reason === 'replaced'))
})

t.test('row 74: the session object cannot be polluted or shadowed', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.post('/assign', async request => { Object.assign(request.session, request.body); return {} })
    app.get('/replace', async request => { Object.assign(request, { session: {} }); return {} })
  })
  const cookie = await signIn()
  for (const key of ['id', 'userId', 'login', 'logout', 'info', 'save', 'get', 'destroy']) {
    const response = await send('/assign', { cookie, method: 'POST', payload: { [key]: 'x' } })
    t.equal(response.statusCode, 500)
    t.match(response.json(), { code: 'FST_SESSION_RESERVED_KEY', message: 'Internal Server Error' })
  }
  t.equal((await send('/replace', { cookie })).statusCode, 500)
  await send('/data', {
    cookie,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    payload: '{"constructor":1,"nested":{"x":{"a":1}}}'
  })
  const held = await testApp(t, {}, app => {
    app.get('/proto', async request => {
      request.session.set('__proto__', { admin: true })
      return { admin: (request.session as unknown as { admin?: boolean }).admin ?? null }
    })
  })
  const mine = await held.signIn()
  t.strictSame((await held.send('/proto', { cookie: mine })).json(), { admin: null })
  t.match((await held.send('/who', { cookie: mine })).body, '"__proto__":{"admin":true}', 'inert, and kept')
  t.equal(({} as { admin?: boolean }).admin, undefined)
})

t.test('data that JSON would lose is rejected by key, and nothing is saved', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.get('/bad', async request => { request.session.set('ok', 1); request.session.set('bad', 1n); return {} })
    app.get('/big', async request => { request.session.set('big', 'x'.repeat(70_000)); return {} })
  })
  const cookie = await signIn()
  t.match((await send('/bad', { cookie })).json(), { statusCode: 500, code: 'FST_SESSION_INVALID_DATA', message: 'Internal Server Error' })
  t.match((await send('/big', { cookie })).json(), { statusCode: 413, code: 'FST_SESSION_DATA_TOO_LARGE' })
  t.strictSame((await send('/who', { cookie })).json().data, {})
})

t.test('row 76: a handler that throws keeps no data and no login, but its logout stands', async t => {
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/throw', async request => { request.session.set('a', 1); throw new Error('boom') })
    app.get('/login-throw', async request => { await request.session.login('eve'); throw new Error('boom') })
    app.get('/logout-throw', async request => { await request.session.logout(); throw new Error('boom') })
    app.get('/rotate-throw', async request => { await request.session.rotate(); throw new Error('boom') })
  })
  const cookie = await signIn()
  t.equal((await send('/throw', { cookie })).statusCode, 500)
  t.strictSame((await send('/who', { cookie })).json().data, {})
  const rotated = cookieOf(await send('/rotate-throw', { cookie }))
  t.equal((await send('/me', { cookie: rotated })).statusCode, 200)
  const login = await send('/login-throw')
  t.match(setCookies(login)[0], /Max-Age=0/)
  t.equal(await app.sessions.count({ userId: 'eve' }), 0)
  const out = await send('/logout-throw', { cookie: rotated })
  t.equal(out.statusCode, 500)
  t.match(setCookies(out)[0], /Max-Age=0/)
  t.equal((await send('/me', { cookie: rotated })).statusCode, 401)
})

t.test('row 34, 35, 62: rotate and reauthenticate issue a new token and invalidate the old one at once', async t => {
  const { send, signIn, clock, events } = await testApp(t, {}, app => {
    app.post('/rotate', async request => { await request.session.rotate(); return {} })
    app.post('/again', async request => { await request.session.reauthenticate({ method: 'webauthn' }); return {} })
    app.get('/fresh', { config: { session: { fresh: '10m' } } }, async () => ({}))
  })
  const first = await signIn()
  const second = cookieOf(await send('/rotate', { cookie: first, method: 'POST' }))
  t.not(second, first)
  t.equal((await send('/me', { cookie: first })).statusCode, 401)
  t.equal((await send('/me', { cookie: second })).statusCode, 200)
  t.equal((await send('/fresh', { cookie: second })).statusCode, 200)
  clock.now += 11 * 60_000
  t.match((await send('/fresh', { cookie: second })).json(), { statusCode: 403, code: 'FST_SESSION_NOT_FRESH' })
  const third = cookieOf(await send('/again', { cookie: second, method: 'POST' }))
  t.equal((await send('/fresh', { cookie: third })).statusCode, 200)
  t.match((await send('/me', { cookie: third })).json(), {
    info: { methods: ['webauthn'], authenticatedAt: clock.now, absoluteExpiresAt: clock.now + 43_200_000 }
  })
  t.ok(events.some(event => event.type === 'reauthenticated'))
  t.equal((await send('/again', { method: 'POST' })).statusCode, 401)
  t.equal((await send('/rotate', { method: 'POST' })).statusCode, 200, 'nothing to rotate')
})

t.test('row 37: one of several parallel rotations wins, and one session remains', async t => {
  const all = gate()
  let arrived = 0
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.post('/rotate', async request => {
      if (++arrived === 3) all.open()
      await all.opened
      await request.session.rotate()
      return {}
    })
  })
  const cookie = await signIn()
  const answers = await Promise.all([1, 2, 3].map(() => send('/rotate', { cookie, method: 'POST' })))
  const cookies = answers.map(cookieOf).filter(cookie => cookie !== '')
  t.equal(cookies.length, 1)
  t.equal((await send('/me', { cookie: cookies[0] ?? '' })).statusCode, 200)
  t.equal(await app.sessions.count(), 1)
})

t.test('row 50: a slow request cannot revive a logged-out session', async t => {
  const reading = gate()
  const held = gate()
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/slow', async request => {
      request.session.set('late', true)
      reading.open()
      await held.opened
      return {}
    })
  })
  const cookie = await signIn()
  const slow = send('/slow', { cookie })
  await reading.opened
  await send(`${api}/logout`, { cookie, method: 'POST' })
  held.open()
  const answer = await slow
  t.match(answer.json(), { statusCode: 401, code: 'FST_SESSION_ENDED', message: /logout/ })
  t.strictSame(setCookies(answer), [])
  t.equal((await send('/me', { cookie })).statusCode, 401)
  t.equal(await app.sessions.count(), 0)
})

t.test('what a route says of sessions holds, however it was declared', async t => {
  const { send, signIn, events } = await testApp(t, {}, app => {
    app.get('/off', { config: { session: false } }, async request => ({ cookie: request.headers.cookie !== undefined }))
    app.get('/off-but-used', { config: { session: false } }, async request => ({ id: request.session.id }))
    app.post('/own', { config: { session: { sameOrigin: true } } }, async () => ({}))
    app.get('/own', { config: { session: { sameOrigin: true } } }, async () => ({}))
    app.register(
      async scope => {
        scope.get('/in', { onRequest: async (request, reply) => scope.requireSession(request, reply) }, async () => ({}))
      },
      { prefix: '/scope' }
    )
  })
  const cookie = await signIn()
  t.equal((await send('/me')).statusCode, 401, 'declared in the same tick as an un-awaited register')
  t.strictSame((await send('/off', { cookie })).json(), { cookie: true })
  t.strictSame((await send('/off-but-used', { cookie })).json(), { id: null })
  t.equal((await send('/scope/in')).statusCode, 401)
  t.equal((await send('/scope/in', { cookie })).statusCode, 200)
  t.match((await send('/own', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })).json(), {
    statusCode: 403,
    code: 'FST_SESSION_CROSS_ORIGIN'
  })
  t.equal((await send('/own', { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } })).statusCode, 200)
  t.equal((await send('/own', { headers: { 'sec-fetch-site': 'cross-site' } })).statusCode, 200, 'reading is not changing')
  t.ok(events.some(event => event.type === 'cross-origin-blocked'))
})

t.test('a passive request is counted, but does not extend the idle timeout', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.get('/poll', { config: { session: { passive: true } } }, async () => ({}))
  })
  const cookie = await signIn()
  clock.now += 29 * 60_000
  t.equal((await send('/poll', { cookie })).statusCode, 200)
  t.equal((await send('/who', { cookie, headers: { 'sec-purpose': 'prefetch' } })).json().userId, 'ada')
  clock.now += 2 * 60_000
  t.match((await send('/me', { cookie })).json(), { reason: 'idle-timeout' })
})

t.test('row 4, 5, 6: the default cookie is __Host-, Secure and HttpOnly; only loopback gets the unprefixed one', async t => {
  const { send } = await testApp(t)
  const login = async (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
    setCookies(await send('/login', { method: 'POST', payload: { userId: 'ada' }, headers, remoteAddress }))[0]
  t.match(await login({}), /^sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(await login({}, '::ffff:127.0.0.1'), /^sid=/)
  const strict = /^__Host-sid=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/
  t.match(await login({}, '192.0.2.1'), strict)
  for (const header of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'via', 'x-real-ip']) { t.match(await login({ [header]: 'x' }), strict, header) }
  const always = await testApp(t, { cookie: { secure: true } })
  t.match(setCookies(await always.send('/login', { method: 'POST', payload: { userId: 'ada' } }))[0], strict)
  for (const host of [
    'localhost',
    'localhost:3000',
    'LOCALHOST.:3000',
    'app.localhost:8080',
    '127.0.0.1:3000',
    '127.1.2.3',
    '[::1]:3000',
    '[::1]'
  ]) { t.match(await login({ host }), /^sid=/, host) }
  for (const host of [
    'app.example',
    'localhost.example',
    '127.0.0.1.example',
    'xlocalhost',
    '10.0.0.1',
    '[::2]',
    'localhost@evil.example'
  ]) { t.match(await login({ host }), strict, host) }
})

t.test('a proxy on the same machine that adds no header gets the Secure cookie, and a warning, once', async t => {
  const lines: string[] = []
  const { send, signIn } = await testApp(t, {}, () => {}, {
    logger: {
      level: 'warn',
      stream: {
        write: (line: string) => {
          lines.push(line)
        }
      }
    }
  })
  await signIn()
  t.notMatch(lines.join(''), 'localhost')
  for (let i = 0; i < 3; i++) {
    const [set] = setCookies(await send('/login', { method: 'POST', payload: { userId: 'ada' }, headers: { host: 'app.example.com' } }))
    t.match(set, /^__Host-sid=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  }
  t.equal(lines.filter(line => line.includes('host that is not localhost')).length, 1)
})

t.test('a cookie for elsewhere is not read here', async t => {
  const { send, signIn } = await testApp(t)
  const local = await signIn()
  t.equal((await send('/me', { cookie: local, remoteAddress: '192.0.2.1' })).statusCode, 401)
  t.equal((await send('/me', { cookie: local.replace('sid=', '__Host-sid=') })).statusCode, 401)
})

t.test('row 17, 18, 19: a new secret signs cookies again; a removed secret logs out its sessions', async t => {
  const store = memoryStore()
  const before = await testApp(t, { store, secret: 'the old secret, which is long enough' })
  const cookie = await before.signIn()
  const during = await testApp(t, { store, secret: [secret, 'the old secret, which is long enough'] })
  const response = await during.send('/me', { cookie })
  t.equal(response.statusCode, 200)
  const renewed = cookieOf(response)
  t.not(renewed, cookie)
  t.strictSame(setCookies(await during.send('/me', { cookie: renewed })), [])
  const after = await testApp(t, { store, secret })
  t.equal((await after.send('/me', { cookie })).statusCode, 401)
  t.equal((await after.send('/me', { cookie: renewed })).statusCode, 200)
})

t.test('row 20, 24: malformed cookies are anonymous, emit one event and clear nothing', async t => {
  const { store, calls } = countingStore()
  const { send, signIn, events } = await testApp(t, { store })
  const cookie = await signIn()
  const other = await signIn('bob')
  calls.length = 0
  for (const value of ['sid=junk', `sid=${'x'.repeat(12_000)}`, 'sid=', `${cookie.slice(0, -1)}!`]) {
    const response = await send('/me', { cookie: value })
    t.equal(response.statusCode, 401)
    t.strictSame(setCookies(response), [])
  }
  t.strictSame(calls, [], 'nothing is asked of the store')
  const tossed = await send('/me', { cookie: `${cookie}; ${other}` })
  t.equal(tossed.statusCode, 401)
  t.strictSame(setCookies(tossed), ['sid=; Max-Age=0; Path=/me; HttpOnly; SameSite=Lax'], 'only what another path may have planted')
  t.equal((await send('/me', { cookie: `sid=junk; ${cookie}` })).statusCode, 200)
  t.equal((await send('/me', { cookie, headers: { cookie } })).statusCode, 200)
  t.strictSame(events.map(event => event.type).filter(type => type !== 'created'), ['bad-signature', 'cookie-tossing', 'duplicate-cookie'])
})

t.test('row 22: a validly signed cookie of an unknown session is rejected, and creates none', async t => {
  const { signIn } = await testApp(t)
  const cookie = await signIn()
  const elsewhere = await testApp(t)
  t.match((await elsewhere.send('/me', { cookie })).json(), { code: 'FST_SESSION_REQUIRED' })
  t.equal(await elsewhere.app.sessions.count(), 0)
  t.match(elsewhere.events, [{ type: 'unknown-token', count: 1 }])
})

t.test('row 14: guarded responses have Vary and private, though the handler does not use the session', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.get('/by-config', { config: { session: { required: true } } }, async () => ({ secret: 1 }))
    app.get('/by-age', { config: { session: { fresh: '10m' } } }, async () => ({ secret: 1 }))
    app.get(
      '/by-hook',
      {
        preHandler: async (request, reply) => {
          await app.requireSession(request, reply)
        }
      },
      async (_request, reply) => {
        reply.header('vary', 'Origin')
        return { secret: 1 }
      }
    )
    app.get('/cacheable', { config: { session: { required: true } } }, async (_request, reply) => {
      reply.header('cache-control', 'max-age=60')
      return {}
    })
  })
  const cookie = await signIn()
  for (const url of ['/by-config', '/by-age', '/by-hook']) {
    for (const [header, status] of [[cookie, 200], ['', 401], ['sid=forged', 401], [`${cookie}; ${await signIn('eve')}`, 401]] as const) {
      const response = await send(url, { cookie: header })
      t.equal(response.statusCode, status)
      t.match(
        response.headers,
        { vary: url === '/by-hook' && status === 200 ? 'Origin, Cookie' : 'Cookie', 'cache-control': /^(private|no-store)$/ },
        `${url} ${status}`
      )
    }
  }
  t.match((await send('/cacheable', { cookie })).headers, { vary: 'Cookie', 'cache-control': 'max-age=60' })
  t.equal((await send('/public', { cookie })).headers.vary, undefined, 'a route without a guard depends on no session')
})

t.test('row 14, 15: responses have Vary and private once, and public ones carry no renewed cookie', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.get('/vary', async (request, reply) => {
      reply.header('vary', 'Accept-Encoding').header('cache-control', 'max-age=5')
      return { id: request.session.id }
    })
    app.get('/varied', async (request, reply) => { reply.header('vary', 'cookie'); return { id: request.session.id } })
    app.get('/cached', async (_request, reply) => { reply.header('cache-control', 'public, max-age=60'); return {} })
    app.get('/busy', async (request, reply) => {
      reply.header('set-cookie', 'sid=ours?; Path=/').header('set-cookie', 'theme=dark')
      await request.session.login('eve')
      await request.session.rotate()
      return {}
    })
    app.get('/one', async (request, reply) => { reply.header('set-cookie', 'theme=dark'); await request.session.login('eve'); return {} })
  })
  const cookie = await signIn('ada', { remember: true })
  t.match((await send('/vary', { cookie })).headers, { vary: 'Accept-Encoding, Cookie', 'cache-control': 'max-age=5' })
  t.equal((await send('/varied', { cookie })).headers.vary, 'cookie')
  t.equal((await send('/public', { cookie })).headers.vary, undefined, 'nobody looked')
  clock.now += 3_600_001
  t.strictSame(setCookies(await send('/cached', { cookie })), [], 'kept for the next answer')
  t.equal(setCookies(await send('/me', { cookie })).length, 1)
  const busy = setCookies(await send('/busy'))
  t.equal(busy.length, 2)
  t.equal(busy[0], 'theme=dark')
  t.equal(setCookies(await send('/one')).length, 2)
})

t.test('row 49: logout can clear more in the browser than the cookie', async t => {
  const { send, signIn } = await testApp(t, { clearSiteData: ['cache', 'storage'] })
  const out = await send(`${api}/logout`, { cookie: await signIn(), method: 'POST' })
  t.equal(out.headers['clear-site-data'], '"cache", "storage"')
  const { send: plain, signIn: again } = await testApp(t)
  t.equal((await plain(`${api}/logout`, { cookie: await again(), method: 'POST' })).headers['clear-site-data'], undefined)
})

t.test('row 77: streams, early replies and errors in hooks save the session; hijacked replies call save()', async t => {
  const { app, signIn, send } = await testApp(t, {}, app => {
    app.get('/stream', async (request, reply) => {
      request.session.set('a', 1)
      return reply.type('text/plain').send(Readable.from(['x', 'y']))
    })
    app.get('/early', { onRequest: async (request, reply) => reply.code(418).send({ id: request.session.id }) }, async () => ({}))
    app.get('/hook', { preHandler: async () => { throw new Error('boom') } }, async () => ({}))
    app.get('/hijack', async (request, reply) => {
      request.session.set('b', 2)
      reply.hijack()
      await request.session.save()
      reply.raw.end('raw')
    })
    app.get('/save', async request => {
      request.session.set('c', 3)
      await request.session.save()
      await request.session.save()
      return {}
    })
    app.get('/late', async (request, reply) => { reply.raw.writeHead(200); request.session.set('d', 4); return reply.send('x') })
  })
  const cookie = await signIn()
  t.equal((await send('/stream', { cookie })).body, 'xy')
  t.match((await send('/early', { cookie })).json(), { id: String })
  t.equal((await send('/hook', { cookie })).statusCode, 500)
  t.equal((await send('/hijack', { cookie })).body, 'raw')
  t.equal(setCookies(await send('/save')).length, 1, 'a guest')
  t.equal(setCookies(await send('/hijack')).length, 1, 'a guest, on a raw answer')
  await send('/save', { cookie })
  t.strictSame((await send('/who', { cookie })).json().data, { a: 1, b: 2, c: 3 })
  const url = await app.listen({ port: 0 })
  const aborted = httpRequest(`${url}/stream`, { headers: { cookie } })
  aborted.on('error', () => {}).end()
  aborted.destroy()
})

t.test('row 78: HTTP/2 cookie fields are joined into one header', async t => {
  const app = Fastify({ http2: true })
  app.register(sessions as never, { secret })
  app.get('/login', async request => { await request.session.login('ada'); return {} })
  app.get('/me', async request => ({ userId: request.session.userId }))
  t.teardown(() => app.close())
  const client = connect(await app.listen({ port: 0 }))
  t.teardown(() => { client.close() })
  const get = async (headers: Record<string, string | string[]>) => {
    const stream = client.request(headers)
    const response = new Promise<Record<string, unknown>>(resolve => { stream.on('response', resolve) })
    const body = (await stream.setEncoding('utf8').toArray()).join('')
    return { headers: await response, body }
  }
  const { headers } = await get({ ':path': '/login' })
  const cookie = String(headers['set-cookie']).split(';', 1).join('')
  t.same(JSON.parse((await get({ ':path': '/me', cookie: ['a=b', cookie] })).body), { userId: 'ada' })
})

for (const order of ['before', 'after'] as const) {
  t.test(`works with @fastify/cookie registered ${order}`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    if (order === 'before') app.register(fastifyCookie)
    app.register(sessions, { secret })
    if (order === 'after') app.register(fastifyCookie)
    app.get('/login', async (request, reply) => { reply.setCookie('theme', 'dark'); await request.session.login('ada'); return {} })
    app.get('/me', async request => ({ userId: request.session.userId, cookies: Object.keys(request.cookies) }))
    const login = await app.inject('/login')
    t.equal(setCookies(login).length, 2)
    t.strictSame((await app.inject({ url: '/me', headers: { cookie: cookieOf(login) } })).json(), {
      userId: 'ada',
      cookies: ['theme', 'sid']
    })
  })
}

t.test('options that cannot work are rejected at registration', async t => {
  const refuse = async (options: object, message: RegExp, before: (app: FastifyInstance) => void = () => {}) => {
    const app = Fastify()
    before(app)
    await t.rejects(async () => { await app.register(sessions, options as SessionPluginOptions) }, { message })
    await app.close()
  }
  await refuse({ secret, idel: '5m' }, /Expected `idel` to be left out, because there is no such option. The options are secret, /)
  await refuse({ secret, idleTimout: '5m' }, /Expected `idleTimout` to be `idleTimeout`/)
  await refuse(
    { secret, cookie: { maxAge: 5 } },
    /Expected `cookie.maxAge` to be left out.*`idleTimeout`.*The options of `cookie` are name, /
  )
  await refuse({ secret, maxSessions: { max: 5, onLimit: 'reject' } }, /`maxSessions.onExceeded`/)
  await refuse({ secret, cookie: { domain: 'example.com' } }, /__Host-/)
  await refuse({ secret, keepOnLogin: 'cart' }, /`keepOnLogin`/)
  await refuse({ secret, keepOnLogin: [5] }, /`keepOnLogin`/)
  await refuse({ secret, userId: 'id' }, /`userId` to be `resolveUserId`/)
  await refuse({ secret, onStoreError: 'ignore' }, /`onStoreError`/)
  await refuse({ secret, clearSiteData: 'cache' }, /`clearSiteData`/)
  await refuse({ secret, clearSiteData: ['*'] }, /`clearSiteData`/)
  await refuse({ secret, routes: { prefix: 'api' } }, /routes.prefix/)
  await refuse({ secret, routes: { fresh: 'soon' } }, /routes.fresh/)
  await refuse({ secret, store: 'nosql' }, /`store`/)
  await refuse({ secret, store: {} }, /`store`/)
  await refuse({ secret }, /request.session/, app => { app.decorateRequest('session' as never, null as never) })
  await refuse({ secret }, /app.sessions/, app => { app.decorate('sessions' as never, null as never) })
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(sessions, { secret })
  app.get('/same-tick', { config: { session: { requird: true } as object } }, async () => ({}))
  await app.after()
  t.throws(
    () => {
      app.get('/', { config: { session: { requird: true } as object } }, async () => ({}))
    },
    { message: /config.session.requird/ }
  )
  t.equal((await app.inject('/same-tick')).statusCode, 500, 'closed, not open')
})

t.test('two instances live in sibling scopes with cookie names of their own', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['one', 'two']) {
    app.register(async scope => {
      await scope.register(sessions, { secret, cookie: { name }, routes: false })
      scope.get(`/${name}/login`, async request => { await request.session.login('ada'); return {} })
      scope.get(`/${name}/me`, async request => ({ userId: request.session.userId }))
    })
  }
  const cookie = cookieOf(await app.inject('/one/login'))
  t.same((await app.inject({ url: '/one/me', headers: { cookie } })).json(), { userId: 'ada' })
  t.same((await app.inject({ url: '/two/me', headers: { cookie: cookie.replace('one=', 'two=') } })).json(), { userId: null })
  const clash = Fastify()
  clash.register(async scope => { await scope.register(sessions, { secret }) })
  clash.register(async scope => { await scope.register(sessions, { secret }) })
  await t.rejects(async () => { await clash.ready() }, { code: 'FST_SESSION_DECORATOR_CONFLICT', message: /cookie __Host-sid/ })
})

t.test('closing waits, writes pending updates and closes the store', async t => {
  const { store, calls } = countingStore()
  const { send, signIn, app } = await testApp(t, { store })
  const cookie = await signIn()
  await send('/me', { cookie })
  await send('/me', { cookie })
  calls.length = 0
  await app.close()
  t.strictSame(calls.filter(call => call !== 'saveStatistics'), ['touch', 'close'])
  await t.rejects(app.sessions.get('x'), { code: 'FST_SESSION_CLOSED' })
  await app.sessions.close()
  await t.rejects(app.sessions.open(), { code: 'FST_SESSION_CLOSED' })
})

t.test('row 80: the log never contains a token, even when a handler logs the session', async t => {
  const lines: string[] = []
  const { send, signIn } = await testApp(t, {}, app => {
    app.get('/log', async request => { request.log.info({ session: request.session, all: request.session.info }, 'mine'); return {} })
  }, { logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } })
  const cookie = await signIn()
  await send('/log', { cookie })
  await send(`${api}/logout`, { cookie, method: 'POST' })
  await send('/me', { cookie })
  const log = lines.join('')
  const [token = '', signature = ''] = cookie.slice(4).split('.')
  for (const part of [token, signature, token.slice(26)]) t.notOk(log.includes(part))
  t.match(log, '"event":"session.created","owasp":"session_created:ada"')
  t.match(log, '"event":"session.ended","owasp":"session_expired:ada,logout"')
  t.match(log, '"event":"session.ended-session-used"')
  t.equal(firefox.length > 0, true)
})

t.test('without a session nothing is extended, rotated, read again or waited for', async t => {
  const { send } = await testApp(t, {}, app => {
    app.post('/nothing', async ({ session }) => {
      await session.extend()
      await session.rotate()
      await session.reload()
      return { info: session.info, id: session.id, sessionId: session.sessionId }
    })
    app.post('/wait', async ({ session }) => { session.onEnd(() => {}) })
    app.post('/again', ({ session }) => session.reauthenticate())
  })
  const answer = await send('/nothing', { method: 'POST' })
  t.strictSame([answer.json(), setCookies(answer)], [{ info: null, id: null, sessionId: null }, []])
  for (const url of ['/wait', '/again']) { t.match((await send(url, { method: 'POST' })).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' }, url) }
})

t.test('whoever uses a session that ends under the request is told why, where anybody knows', async t => {
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.post('/ends/:verb', async request => {
      const { session } = request
      await app.sessions.revoke(session.id as string, { reason: 'revoked', by: 'admin' })
      await session[(request.params as { verb: 'extend' | 'reload' | 'reauthenticate' }).verb]()
    })
  })
  for (const verb of ['extend', 'reload', 'reauthenticate']) {
    t.match(
      (await send(`/ends/${verb}`, { method: 'POST', cookie: await signIn() })).json(),
      { statusCode: 401, code: 'FST_SESSION_ENDED', message: /revoked/ },
      verb
    )
  }
  for (const verb of ['extend', 'reload']) {
    const guest = cookieOf(await send('/data', { method: 'POST', payload: { cart: ['tea'] } }))
    t.match(
      (await send(`/ends/${verb}`, { method: 'POST', cookie: guest })).json(),
      { statusCode: 401, code: 'FST_SESSION_REQUIRED' },
      `guest ${verb}`
    )
  }
  t.equal(await app.sessions.count(), 0)
})

t.test('regenerating makes no session of nothing, and a guest of what is kept', async t => {
  const { send, app } = await testApp(t, {}, app => {
    app.post('/anew', async request => {
      Object.assign(request.session, request.body)
      await request.session.regenerate(['cart'])
      return request.session.data()
    })
  })
  t.strictSame(setCookies(await send('/anew', { method: 'POST', payload: { dropped: 1 } })), [])
  const first = cookieOf(await send('/anew', { method: 'POST', payload: { cart: ['tea'], dropped: 1 } }))
  const second = cookieOf(await send('/anew', { method: 'POST', payload: {}, cookie: first }))
  t.not(second, first)
  t.strictSame((await send('/who', { cookie: second })).json(), { userId: null, data: { cart: ['tea'] } })
  t.equal(await app.sessions.count(), 1)
})

t.test('data whose names are ours, from before or from elsewhere, stays out of sight', async t => {
  const { send } = await testApp(t)
  const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada', data: { logout: true, cart: ['tea'] } } }))
  t.strictSame((await send('/who', { cookie })).json(), { userId: 'ada', data: { cart: ['tea'] } })
})

t.test('injected requests may bring their cookies as a list', async t => {
  const { app, signIn } = await testApp(t)
  const cookie = await signIn()
  t.match((await app.inject({ url: '/me', headers: { cookie: ['a=b', cookie] as unknown as string } })).json(), { userId: 'ada' })
})
