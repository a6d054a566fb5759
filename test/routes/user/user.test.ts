import fastifySwagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import sessions, { SessionError, memoryStore } from '../../../lib/index.ts'
import { api, cookieOf, secret, setCookies, testApp } from '../../helpers/app.ts'

const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'

t.test('row 59: the list has only the user\'s own sessions, the current one first, and no token', async t => {
  const { send, signIn, clock } = await testApp(t)
  const laptop = await signIn()
  clock.now += 1000
  const phone = await signIn('ada', { agent: iphone, remember: true })
  await signIn('bob')
  const response = await send(api, { cookie: laptop })
  t.equal(response.headers['cache-control'], 'no-store')
  t.match(response.json(), {
    sessions: [
      { current: true, deviceLabel: 'Firefox on Linux' },
      { current: false, deviceLabel: 'Safari on iPhone', remembered: true }
    ]
  })
  t.equal(response.json().sessions.length, 2)
  for (const cookie of [laptop, phone]) for (const part of cookie.slice(4).split('.')) t.notOk(response.body.includes(part))
  t.match((await send(api)).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' })
})

t.test('ended sessions are listed on request, with why they ended', async t => {
  const { send, signIn, app } = await testApp(t)
  const cookie = await signIn()
  const other = await signIn()
  const id = (await send('/me', { cookie: other })).json().id as string
  await app.sessions.revoke(id, { by: 'admin' })
  t.match((await send(`${api}?ended=true`, { cookie })).json(), {
    sessions: [{ current: true }],
    ended: [{ id, reason: 'revoked', deviceLabel: 'Firefox on Linux' }]
  })
  t.equal((await send(`${api}?ended=maybe`, { cookie })).statusCode, 400)
  t.equal((await send(`${api}?extra=1`, { cookie })).statusCode, 400)
})

t.test('current returns the remaining time, and refresh extends it up to the absolute deadline', async t => {
  const { send, signIn, clock } = await testApp(t)
  const cookie = await signIn()
  clock.now += 20 * 60_000
  t.match((await send(`${api}/current`, { cookie })).json(), { idleLeft: 600, absoluteLeft: 42_000, session: { current: true } })
  clock.now += 5 * 60_000
  t.match((await send(`${api}/current`, { cookie })).json(), { idleLeft: 300 })
  t.match((await send(`${api}/refresh`, { cookie, method: 'POST' })).json(), { idleLeft: 1800, absoluteLeft: 41_700 })
  for (let i = 0; i < 26; i++) {
    clock.now += 25 * 60_000
    await send(`${api}/refresh`, { cookie, method: 'POST' })
  }
  clock.now += 25 * 60_000
  t.match(
    (await send(`${api}/refresh`, { cookie, method: 'POST' })).json(),
    { idleLeft: 1200, absoluteLeft: 1200 },
    'the absolute deadline is near'
  )
})

t.test('row 53: a user revokes one session, all others, or all', async t => {
  const { send, signIn } = await testApp(t)
  const cookies = [await signIn(), await signIn(), await signIn(), await signIn()]
  const [mine = '', second = '', third = ''] = cookies
  const revoke = (payload: object, cookie = mine) => send(`${api}/revoke`, { cookie, method: 'POST', payload })
  const id = (await send('/me', { cookie: second })).json().id as string
  t.same((await revoke({ id })).json(), { revoked: 1 })
  t.match((await send('/me', { cookie: second })).json(), { statusCode: 401, reason: 'revoked' })
  t.same((await revoke({ scope: 'others' })).json(), { revoked: 2 })
  t.equal((await send('/me', { cookie: third })).statusCode, 401)
  t.equal((await send('/me', { cookie: mine })).statusCode, 200)
  await signIn()
  const all = await revoke({ scope: 'all' })
  t.same(all.json(), { revoked: 2 })
  t.match(setCookies(all)[0], /Max-Age=0/)
  t.equal((await send('/me', { cookie: mine })).statusCode, 401)
})

t.test('revoking the current session logs out', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  const response = await send(`${api}/revoke`, { cookie, method: 'POST', payload: { id } })
  t.same(response.json(), { revoked: 1 })
  t.match(setCookies(response)[0], /Max-Age=0/)
  t.match((await send('/me', { cookie })).json(), { reason: 'logout' })
})

t.test('row 60: a foreign, an unknown, an ended and a malformed id are the same 404', async t => {
  const { send, signIn, events, clock } = await testApp(t)
  const cookie = await signIn()
  const bob = await signIn('bob')
  const foreign = (await send('/me', { cookie: bob })).json().id as string
  const gone = await signIn()
  const ended = (await send('/me', { cookie: gone })).json().id as string
  await send(`${api}/logout`, { cookie: gone, method: 'POST' })
  const bodies = await Promise.all([foreign, 'AAAAAAAAAAAAAAAAAAAAAA', ended, '../x', 'x'.repeat(64)].flatMap(id => [
    send(`${api}/revoke`, { cookie, method: 'POST', payload: { id } }),
    send(`${api}/${encodeURIComponent(id)}`, { cookie, method: 'PATCH', payload: { deviceName: 'x' } })
  ]))
  t.strictSame(
    new Set(bodies.map(response => `${response.statusCode} ${response.body}`)),
    new Set(['404 {"statusCode":404,"error":"Not Found","code":"FST_SESSION_NOT_FOUND","message":"No such session."}'])
  )
  t.equal((await send('/me', { cookie: bob })).statusCode, 200)
  clock.now += 60_000
  await send(`${api}/${foreign}`, { cookie, method: 'PATCH', payload: { deviceName: 'x' } })
  t.match(
    events.filter(event => event.type === 'access-denied'),
    [
      { userId: 'ada', target: foreign, count: 1 },
      { userId: 'ada', target: foreign, count: 2 }
    ]
  )
})

t.test('a device has the name its user gives it', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  const rename = (payload: object) => send(`${api}/${id}`, { cookie, method: 'PATCH', payload })
  t.match((await rename({ deviceName: 'Küche' })).json(), { session: { deviceName: 'Küche', current: true } })
  t.match((await rename({ deviceName: null })).json(), { session: { deviceName: null } })
  for (const payload of [
    {},
    { deviceName: '' },
    { deviceName: 'x'.repeat(65) },
    { deviceName: 'a\u0000b' },
    { deviceName: 5 },
    { deviceName: 'x', userId: 'eve' }
  ]) { t.equal((await rename(payload)).statusCode, 400) }
})

t.test('row 66: bodies and queries reject unknown properties', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  for (const payload of [
    {},
    { id: 'x', scope: 'all' },
    { scope: 'everything' },
    { id: 5 },
    { id: ['x'] },
    { id: 'x', role: 'admin' },
    'text',
    []
  ]) {
    const response = await send(`${api}/revoke`, { cookie, method: 'POST', payload })
    t.ok([400, 415].includes(response.statusCode), `${response.statusCode} ${JSON.stringify(payload)}`)
  }
  t.equal((await send('/me', { cookie })).statusCode, 200)
})

t.test('row 67, 68: state cannot be changed by GET, from another origin, or by a form', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  for (const path of ['revoke', 'refresh', 'logout']) {
    t.equal((await send(`${api}/${path}`, { cookie })).statusCode, 404)
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' }
    ]) {
      t.match((await send(`${api}/${path}`, { cookie, method: 'POST', headers: headers as unknown as Record<string, string> })).json(), {
        statusCode: 403,
        code: 'FST_SESSION_CROSS_ORIGIN'
      })
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      t.equal(
        (await send(`${api}/${path}`, { cookie, method: 'POST', headers: { 'content-type': type }, payload: '{"scope":"all"}' }))
          .statusCode,
        415
      )
    }
  }
  t.equal((await send('/me', { cookie })).statusCode, 200)
})

t.test('row 61: revoking other sessions can require recent authentication', async t => {
  for (const options of [{ routes: { fresh: '10m' } }, { nistProfile: 'aal2' }] as const) {
    const { send, signIn, clock } = await testApp(t, options)
    const cookie = await signIn()
    const other = (await send('/me', { cookie: await signIn() })).json().id as string
    clock.now += 11 * 60_000
    const revoke = (payload: object) => send(`${api}/revoke`, { cookie, method: 'POST', payload })
    t.match((await revoke({ id: other })).json(), { statusCode: 403, code: 'FST_SESSION_NOT_FRESH' })
    t.match((await revoke({ scope: 'others' })).json(), { statusCode: 403 })
    t.equal((await send(api, { cookie })).statusCode, 200, 'looking asks for nothing')
    t.equal((await send(`${api}/logout`, { cookie, method: 'POST' })).statusCode, 200)
  }
  const off = await testApp(t, { nistProfile: 'aal2', routes: { fresh: false } })
  const cookie = await off.signIn()
  off.clock.now += 11 * 60_000
  t.equal((await off.send(`${api}/revoke`, { cookie, method: 'POST', payload: { scope: 'others' } })).statusCode, 200)
})

t.test('the routes can be moved or disabled', async t => {
  const there = await testApp(t, { routes: { prefix: '/my/devices' } })
  t.equal((await there.send('/my/devices', { cookie: await there.signIn() })).statusCode, 200)
  const nowhere = await testApp(t, { routes: false })
  t.equal((await nowhere.send(api, { cookie: await nowhere.signIn() })).statusCode, 404)
})

t.test('row 64: paths that normalize to a route are guarded like the route, or respond with 404', async t => {
  const { send } = await testApp(t)
  for (const path of [
    `/${api}`,
    `${api}/`,
    `${api}%2F`,
    `${api};x`,
    api.toUpperCase(),
    `${api}/%63urrent`,
    `${api}//current`,
    `${api}/./current`
  ]) {
    t.ok([401, 404].includes((await send(path)).statusCode), path)
  }
})

t.test('the routes are in the OpenAPI document', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      components: { securitySchemes: { sessionCookie: { type: 'apiKey', in: 'cookie', name: '__Host-sid' } } }
    }
  })
  app.register(sessions, { secret, routes: { security: 'sessionCookie' } })
  await app.ready()
  const { paths = {} } = app.swagger() as { paths?: Record<string, Record<string, { operationId?: string, security?: unknown }>> }
  t.strictSame(
    Object.entries(paths)
      .filter(([path]) => path.startsWith(api))
      .flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId ?? ''}`))
      .sort(),
    [
      `get ${api}/ listSessions`,
      `get ${api}/current currentSession`,
      `get ${api}/events sessionEvents`,
      `patch ${api}/{id} renameSession`,
      `post ${api}/logout logout`,
      `post ${api}/refresh extendSession`,
      `post ${api}/revoke revokeSessions`
    ]
  )
  t.same(paths[`${api}/`]?.['get']?.security, [{ sessionCookie: [] }])
  const bodies = Object.values(paths)
    .flatMap(methods =>
      Object.values(
        methods as Record<string, { responses: Record<string, { content: Record<string, { schema: { properties: object } }> }> }>
      )
    )
    .flatMap(({ responses }) => ['4XX', '5XX'].map(status => responses[status]?.content['application/json']?.schema.properties))
  for (const properties of bodies) { t.same(Object.keys(properties ?? {}), ['statusCode', 'error', 'code', 'message', 'reason'], 'how an error answers') }
  const plain = Fastify()
  t.teardown(() => plain.close())
  plain.register(fastifySwagger)
  plain.register(sessions, { secret })
  await plain.ready()
  t.type(plain.swagger(), 'object', 'a document that knows no such scheme')
})

t.test('signing out twice is signing out', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  t.equal(cookieOf(await send(`${api}/logout`, { cookie, method: 'POST' })), 'sid=')
  t.equal((await send(`${api}/logout`, { cookie, method: 'POST' })).statusCode, 200)
})

t.test('a session that ends while it is renamed, or while its own request is under way, is gone', async t => {
  const store = memoryStore()
  const { update } = store
  store.update = async (id, change, expect) => {
    if (change.deviceName !== undefined) await store.end({ ids: [id] }, { reason: 'revoked', by: null })
    return update.call(store, id, change, expect)
  }
  const { send, signIn } = await testApp(t, { store }, app => {
    app.addHook('preHandler', async request => { if (request.headers['x-sign-out'] !== undefined) await request.session.logout() })
  })
  const [cookie, other] = [await signIn(), await signIn()]
  const { id } = (await send('/me', { cookie: other })).json()
  t.match((await send(`${api}/${String(id)}`, { cookie, method: 'PATCH', payload: { deviceName: 'Phone' } })).json(), {
    code: 'FST_SESSION_NOT_FOUND'
  })
  t.match((await send(api, { cookie, headers: { 'x-sign-out': '1' } })).json(), { code: 'FST_SESSION_REQUIRED' })
})

t.test('an error has the same shape on our routes as on the app\'s own', async t => {
  const { send, signIn, app } = await testApp(t, { admin: { authorize: request => request.session.userId === 'grace' } }, app => {
    app.get('/missing', { config: { session: { required: true } } }, async () => { throw new SessionError('FST_SESSION_NOT_FOUND') })
  })
  const admin = '/api/v1/admin/sessions'
  const none = (await send('/me')).json<object>()
  t.same(none, {
    statusCode: 401,
    code: 'FST_SESSION_REQUIRED',
    error: 'Unauthorized',
    message: 'A signed-in session is required. Sign in first.'
  })
  t.same((await send(api)).json(), none)
  t.same((await send(admin)).json(), none)
  const [ada, grace] = [await signIn(), await signIn('grace')]
  const missing = (await send('/missing', { cookie: ada })).json<object>()
  t.same(missing, { statusCode: 404, code: 'FST_SESSION_NOT_FOUND', error: 'Not Found', message: 'No such session.' })
  t.same((await send(`${api}/nothing`, { cookie: ada, method: 'PATCH', payload: { deviceName: 'x' } })).json(), missing)
  t.same((await send(`${admin}/nothing`, { cookie: grace })).json(), missing)
  t.same((await send(admin, { cookie: ada })).json(), {
    statusCode: 403,
    code: 'FST_SESSION_FORBIDDEN',
    error: 'Forbidden',
    message: 'Not allowed.'
  })
  t.same(
    Object.keys((await send(`${api}?extra=1`, { cookie: ada })).json<object>()).sort(),
    ['code', 'error', 'message', 'statusCode'],
    'what a schema refuses'
  )
  await app.sessions.revokeUser('ada')
  const ended = await send('/me', { cookie: ada })
  t.same(ended.json(), {
    statusCode: 401,
    code: 'FST_SESSION_ENDED',
    error: 'Unauthorized',
    message: 'The session has ended (revoked). Sign in again.',
    reason: 'revoked'
  })
  const ours = await send(api, { cookie: ada })
  t.same(ours.json(), ended.json())
  t.equal(ours.body.match(/"reason"/g)?.length, 1, 'said once')
})

t.test('an error handler of the app answers on our routes in its own shape', async t => {
  const { send } = await testApp(t, { admin: { authorize: () => false } }, app => {
    app.setErrorHandler(async (error: { statusCode: number }, _request, reply) => reply.code(error.statusCode).send({ problem: 'of ours' }))
  })
  for (const url of ['/me', api, '/api/v1/admin/sessions']) {
    const answer = await send(url)
    t.match({ status: answer.statusCode, body: answer.json<object>() }, { status: 401, body: { problem: 'of ours' } }, url)
  }
})
