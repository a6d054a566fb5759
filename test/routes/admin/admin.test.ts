import fastifySwagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../../lib/index.ts'
import type { SessionPluginOptions } from '../../../lib/index.ts'
import { adminApi, adminApp } from '../../helpers/admin.ts'
import { gate, secret, testApp } from '../../helpers/app.ts'

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
const minute = 60_000

t.test('row 63: without the option the routes do not exist', async t => {
  const { app, send, signIn } = await testApp(t)
  const cookie = await signIn('root')
  for (const path of ['', '/', '/count', '/statistics', '/users/ada', '/export', '/events']) { t.equal((await send(`${adminApi}${path}`, { cookie })).statusCode, 404) }
  t.notMatch(app.printRoutes({ commonPrefix: false }), /admin/)
})

t.test('row 63: an unusable option is an error at registration', async t => {
  const authorize = () => true
  const wrong: unknown[] = [
    null,
    true,
    'yes',
    {},
    { prefix: '/x' },
    { authorize: 'root' },
    { authorize, prefix: 'x' },
    { authorize, prefix: '/' },
    { authorize, prefix: 5 },
    { authorize, onRequest: 'x' },
    { authorize, onRequest: [5] },
    { authorize, actor: 'root' },
    { authorize, authorise: authorize }
  ]
  for (const admin of wrong) {
    const app = Fastify()
    app.register(sessions, { secret, admin } as SessionPluginOptions)
    await t.rejects(async () => { await app.ready() }, { code: 'FST_SESSION_INVALID_OPTION' }, JSON.stringify(admin))
    await app.close()
  }
})

t.test('only `true` allows access, before the body is parsed and before the store is read', async t => {
  for (const answer of ['true', 1, {}, undefined, null, false, Promise.resolve('yes')]) {
    const { send, signIn, events, cookie, clock } = await adminApp(t, { admin: { authorize: () => answer as boolean } })
    t.match((await send(adminApi, { cookie })).json(), { statusCode: 403, code: 'FST_SESSION_FORBIDDEN' })
    clock.now += 60_000
    const unread = await send(`${adminApi}/revoke`, {
      cookie,
      method: 'POST',
      payload: '{ this is no JSON',
      headers: { 'content-type': 'application/json' }
    })
    t.equal(unread.statusCode, 403)
    t.equal(unread.headers['cache-control'], 'no-store')
    t.match(
      (await send(`${adminApi}/${'A'.repeat(22)}`, { cookie: await signIn() })).json(),
      { statusCode: 403 },
      'the same for what is not there'
    )
    t.match(
      events.filter(event => event.type === 'access-denied'),
      [
        { userId: 'root', action: 'admin', target: adminApi, ip: '127.0.0.1' },
        { target: `${adminApi}/revoke` },
        { userId: 'ada', target: `${adminApi}/:id` }
      ]
    )
    t.match((await send(adminApi)).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' })
  }
})

t.test('who asks need not be a session: a hook can find out, and say who acts', async t => {
  const { send, events, app, signIn } = await adminApp(t, {
    admin: {
      prefix: '/ops/sessions',
      onRequest: [async request => { request.headers['x-admin'] = request.headers.authorization === 'Bearer key' ? 'robot' : '' }],
      authorize: async request => request.headers['x-admin'] === 'robot',
      actor: request => String(request.headers['x-admin']).repeat(20)
    }
  })
  await signIn()
  t.equal((await send('/ops/sessions', { headers: { authorization: 'Bearer key' } })).json().items.length, 2)
  t.match(events.at(-1), { type: 'admin-action', action: 'list', by: 'robot'.repeat(20).slice(0, 64), id: null, count: 2 })
  t.equal((await send('/ops/sessions')).statusCode, 401)
  t.equal((await send('/ops/sessions', { headers: { authorization: 'Bearer other' } })).statusCode, 401)
  const one = await testApp(t, {
    admin: {
      authorize: () => true,
      onRequest: (_request, reply) => {
        reply.code(418).send({ tea: true })
      }
    }
  })
  t.equal((await one.send(adminApi)).statusCode, 418)
  t.ok(app.sessions)
})

t.test('sessions are listed by any filter, in pages that end, with nothing that opens one', async t => {
  const { get, signIn, send, clock, app, cookie } = await adminApp(t)
  const cookies: string[] = []
  for (const [i, user] of ['ada', 'ada', 'bob', 'eve'].entries()) {
    clock.now += minute
    cookies.push(await signIn(user, { remember: i === 0, agent: i === 3 ? chrome : 'curl/8' }))
  }
  clock.now += minute
  const me = await send('/me', { cookie: cookies[0] ?? '', remoteAddress: '127.0.0.2', headers: { 'user-agent': 'curl/8' } })
  await app.sessions.create({ ip: '2001:db8::1' })
  await app.sessions.flush()
  const { id } = me.json<{ id: string }>()
  const start = new Date(Date.UTC(2026, 0, 1)).toISOString()
  const found = async (query: string): Promise<(string | null)[]> =>
    (await get(`/?${query}`)).json<{ items: { userId: string | null }[] }>().items.map(({ userId }) => userId)
  const cases: [string, (string | null)[]][] = [
    ['', [null, 'eve', 'bob', 'ada', 'ada', 'root']],
    ['order=oldest', ['root', 'ada', 'ada', 'bob', 'eve', null]],
    ['sort=created&limit=1', [null]],
    ['userId=ada', ['ada', 'ada']],
    ['userId=nobody', []],
    ['remembered=true', ['ada']],
    ['guest=true', [null]],
    ['guest=false&order=oldest&limit=2', ['root', 'ada']],
    ['ip=127.0.0.2', ['ada']],
    ['ip=127.0.0.2/31', ['ada']],
    ['ip=::ffff:127.0.0.2', ['ada']],
    ['ip=2001:DB8::/32', [null]],
    ['browser=chrome', ['eve']],
    ['os=windows', ['eve']],
    [`createdBefore=${start}`, []],
    [`createdBefore=${clock.now - 4 * minute}`, ['root']],
    ['createdAfter=2026-01-01T00:04:00Z', [null, 'eve']],
    ['createdAfter=2026-01-01T01:04:00%2B01:00', [null, 'eve']],
    ['lastSeenAfter=2026-01-01T00:05', [null, 'ada', 'root'].filter(user => user !== 'root')],
    ['lastSeenBefore=2026-01-01T00:00:01', ['root']],
    [`expiresAfter=${clock.now + 86_400_000}`, ['ada']],
    ['expiresBefore=2026-01-02', [null, 'eve', 'bob', 'ada', 'root']],
    ['minRequests=1&userId=ada', ['ada']],
    ['minRequests=1000', []],
    ['maxRequests=0&limit=2', [null, 'eve']],
    [`search=${id.slice(0, 8)}`, ['ada']],
    ['search=eV', ['eve']],
    ['state=ended', []]
  ]
  for (const [query, users] of cases) t.strictSame(await found(query), users, query)
  const body = (await get('/')).body
  for (const each of [...cookies, cookie]) for (const part of each.slice(4).split('.')) t.notOk(body.includes(part))
  const { items } = (await get('/?userId=ada&remembered=true')).json<{ items: unknown[] }>()
  t.match(items, [
    {
      id,
      userId: 'ada',
      state: 'live',
      device: { browser: 'curl', version: null, os: null, type: 'tool' },
      deviceLabel: 'Command-line client',
      ip: '127.0.0.2',
      createdAt: '2026-01-01T00:01:00.000Z',
      remembered: true,
      requestCount: 1,
      current: false,
      endedAt: null
    }
  ])
  t.match((await get('/?userId=root')).json(), { items: [{ current: true }] })

  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page: { items: { id: string }[]; cursor: string | null } = (
      await get(`/?limit=2&guest=false${cursor === null ? '' : `&cursor=${cursor}`}`)
    ).json()
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  } while (cursor !== null)
  t.equal(new Set(seen).size, 5)
  t.equal(seen.length, 5)
})

t.test('row 65: a cursor is valid for its filter and order only', async t => {
  const { get, signIn } = await adminApp(t)
  for (let i = 0; i < 3; i++) await signIn()
  const { cursor } = (await get('/?limit=1&userId=ada')).json<{ cursor: string }>()
  t.equal((await get(`/?limit=2&userId=ada&state=live&cursor=${cursor}`)).json().items.length, 2)
  const other = (await adminApp(t, { secret: 'another secret of the tests, long enough' }))
  for (const query of [
    `userId=root&cursor=${cursor}`,
    `cursor=${cursor}`,
    `userId=ada&order=oldest&cursor=${cursor}`,
    `userId=ada&cursor=${cursor}x`,
    `userId=ada&cursor=${cursor}.x`,
    `userId=ada&cursor=x${cursor}`,
    'cursor=x',
    'cursor=.',
    `userId=ada&cursor=${cursor.split('.')[0] ?? ''}`
  ]) {
    t.match((await get(`/?${query}`)).json(), { statusCode: 400, code: 'FST_SESSION_INVALID_CURSOR' }, query)
  }
  t.equal((await other.get(`/?limit=1&userId=ada&cursor=${cursor}`)).statusCode, 400)
})

t.test('row 65: an invalid filter is 400, and the message states the expected value', async t => {
  const { get } = await adminApp(t)
  const wrong = [
    'limit=0',
    'limit=-1',
    'limit=201',
    'limit=1e9',
    'limit=NaN',
    'limit=',
    'order=random',
    'sort=lastSeenAt',
    'sort=createdAt',
    'offset=1',
    'userId=',
    'userId=a&userId=b',
    'state=dead',
    'reason=tired',
    'remembered=maybe',
    'guest=2',
    'ip=nowhere',
    'ip=1.2.3.4/33',
    'createdAfter=yesterday',
    'createdAfter=2026-13-01',
    'createdAfter=-5',
    'createdBefore=99999999999999999',
    'createdAfter=',
    'minRequests=-1',
    'minRequests=x',
    'maxRequests=1.5',
    'search=',
    'at=2026-01-01&state=live',
    'at=2026-01-01&reason=idle-timeout',
    'at=2026-01-01&expiresAfter=0',
    'state=live&reason=idle-timeout',
    'state=live&endedAfter=0',
    'state=ended&expiresAfter=0',
    'endedAfter=0&expiresBefore=5',
    `userId=${'x'.repeat(257)}`
  ]
  for (const query of wrong) {
    const response = await get(`/?${query}`)
    t.equal(response.statusCode, 400, query)
  }
  t.match((await get('/?reason=tired')).json(), { code: 'FST_SESSION_INVALID_FILTER', message: /one of logout, revoked/ })
  t.equal((await get('/count?limit=1')).statusCode, 400)
  for (const [ip, query, status] of [
    ['none', '1.2.3.4', 400],
    ['hmac', '1.2.3.4', 400],
    ['truncate', '1.2.3.4', 400],
    ['truncate', '1.2.3.0/25', 400],
    ['truncate', '1.2.3.0/24', 200],
    ['truncate', '2001:db8::/48', 200],
    ['truncate', '2001:db8::/64', 400]
  ] as const) {
    const app = await adminApp(t, { ip })
    t.equal((await app.get(`/?ip=${query}`)).statusCode, status, `${ip} ${query}`)
    t.equal((await app.get(`/count?ip=${query}`)).statusCode, status)
  }
})

t.test('ended sessions are listed with why, and so is what was live at a past moment', async t => {
  const { get, signIn, send, app, clock } = await adminApp(t)
  const id = async (cookie: string): Promise<string> => (await send('/me', { cookie })).json<{ id: string }>().id
  const first = await id(await signIn('ada'))
  const second = await id(await signIn('bob'))
  clock.now += minute
  const then = clock.now
  clock.now += minute
  await app.sessions.revoke(first, { by: 'root' })
  const third = await id(await signIn('eve'))
  await app.sessions.revoke(third, { reason: 'logout' })
  const ids = async (query: string): Promise<string[]> =>
    (await get(`/?${query}`)).json<{ items: { id: string }[] }>().items.map(({ id }) => id)
  t.same(new Set(await ids('state=ended')), new Set([first, third]))
  t.same(await ids('reason=revoked'), [first])
  t.same(await ids(`endedAfter=${clock.now + 1}`), [])
  t.match((await get('/?reason=revoked')).json(), {
    items: [{ state: 'ended', reason: 'revoked', by: 'root', endedAt: '2026-01-01T00:02:00.000Z', expiresAt: null, methods: [] }]
  })
  const was = await ids(`at=${then}&guest=false`)
  t.equal(was.length, 3, 'root and bob, who still are, and ada')
  t.equal(was.at(-1), first)
  t.ok(was.includes(second))
  t.same(await ids(`at=${then - 2 * minute}&userId=ada`), [])
  t.same(await ids(`at=${clock.now}&userId=ada`), [], 'at the very moment of its end it is over')
  t.match((await get('/count?state=ended')).json(), { count: 2 })
  t.match((await get(`/count?at=${then}`)).json(), { count: 3 })
  t.match((await get('/count')).json(), { count: 2 })
  const pages: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { items: { id: string }[]; cursor: string | null } = (
      await get(`/?limit=1&at=${then}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    ).json()
    pages.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  }
  t.same(pages, was)
})

t.test('one session has a timeline: how it began, what happened, how it ended', async t => {
  const { get, signIn, send, app, clock } = await adminApp(t)
  const cookie = await signIn('ada', { agent: chrome })
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  clock.now += minute
  await send('/me', { cookie, remoteAddress: '127.0.0.2', headers: { 'user-agent': 'curl/8' } })
  await app.sessions.flush()
  const live = (await get(`/${id}`)).json<{ timeline: { type: string }[] }>()
  t.match(live, {
    session: { id, state: 'live', ip: '127.0.0.2' },
    userAgent: 'curl/8',
    firstIp: '127.0.0.1',
    firstUserAgent: chrome,
    generation: 0,
    timeline: [
      {
        type: 'created',
        at: '2026-01-01T00:00:00.000Z',
        details: {
          ip: '127.0.0.1',
          device: { browser: 'Chrome', version: '141', os: 'Windows', type: 'desktop' },
          deviceLabel: 'Chrome on Windows',
          remembered: false
        }
      }
    ]
  })
  t.ok(['ip-changed', 'user-agent-changed', 'seen'].every(type => live.timeline.some(entry => entry.type === type)))
  await app.sessions.revoke(id, { by: 'root' })
  t.match((await get(`/${id}`)).json(), {
    session: { state: 'ended' },
    generation: null,
    timeline: [{ type: 'created' }, {}, {}, {}, { type: 'seen' }, { type: 'ended', details: { reason: 'revoked', by: 'root' } }]
  })
  for (const path of ['/AAAAAAAAAAAAAAAAAAAAAA', '/nothing', '/AAAAAAAAAAAAAAAAAAAAAB']) { t.match((await get(path)).json(), { statusCode: 404, code: 'FST_SESSION_NOT_FOUND' }) }
})

t.test('a timeline has sign-ins and rotations without their events', async t => {
  const first = await adminApp(t)
  const { app, clock, get } = first
  const { session, token } = await app.sessions.create({ userId: 'ada', method: 'password' })
  clock.now += minute
  const { decodeToken, hashVerifier } = await import('../../../lib/token/token.ts')
  const decoded = decodeToken(token)
  t.ok(decoded)
  if (decoded === null) return
  await app.sessions.rotate(
    { id: session.id, generation: 0, hash: hashVerifier(decoded.verifier), token },
    { method: ['password', 'totp'] }
  )
  t.match((await get(`/${session.id}`)).json(), {
    generation: 1,
    timeline: [
      { type: 'created' },
      { type: 'rotated', details: { generation: 1, cause: 'authentication' } },
      { type: 'reauthenticated', details: { methods: ['password', 'totp'] } },
      { type: 'seen' }
    ]
  })
  for (let i = 0; i < 200; i++) await app.sessions.create({})
  t.match((await get(`/${session.id}`)).json(), {
    timeline: [
      { type: 'created' },
      { type: 'reauthenticated', details: { methods: ['password', 'totp'] } },
      { type: 'rotated', details: { generation: 1 } },
      { type: 'seen' }
    ]
  })
})

t.test("a user's sessions, live and ended", async t => {
  const { get, signIn, app } = await adminApp(t)
  for (let i = 0; i < 3; i++) await signIn('ada/ü')
  const [one] = await app.sessions.listByUser('ada/ü')
  await app.sessions.revoke(one?.id ?? '')
  t.match((await get(`/users/${encodeURIComponent('ada/ü')}`)).json(), {
    live: [{ userId: 'ada/ü' }, {}],
    ended: [{ id: one?.id, state: 'ended' }]
  })
  t.same((await get('/users/nobody')).json(), { live: [], ended: [] })
})

t.test('numbers of a range', async t => {
  const { get, send: ask, signIn, app, clock, events } = await adminApp(t)
  await signIn('ada', { remember: true })
  await signIn('ada', { agent: chrome })
  const bob = await app.sessions.create({ userId: 'bob', ip: '2001:db8::1' })
  await app.sessions.revoke(bob.session.id)
  t.match((await get('/statistics')).json(), {
    range: '24h',
    interval: 3_600_000,
    live: 3,
    users: 2,
    guests: 0,
    remembered: 1,
    sessionsPerUser: 1.5,
    created: 4,
    createdRemembered: 1,
    ended: { revoked: 1, 'idle-timeout': 0 },
    previous: null,
    security: {},
    topUsers: [{ key: 'ada', sessions: 2, users: 1 }, {}, {}],
    topIps: [{ key: '127.0.0.1', sessions: 3, users: 2 }, { key: '2001:db8::/64' }],
    topBrowsers: [{ key: 'Firefox' }, {}, {}],
    topOs: [{}, {}, {}],
    store: { name: 'memory', scope: 'process', p99: null }
  })
  const hour = (await get('/statistics?range=1h')).json<{ buckets: unknown[], from: string, to: string }>()
  t.match(hour, { from: '2025-12-31T23:05:00.000Z', to: '2026-01-01T00:05:00.000Z', topUsers: [{ key: 'ada' }, {}, {}] })
  t.match(hour.buckets.at(-1), { start: '2026-01-01T00:00:00.000Z', created: 4, ended: { revoked: 1 } })
  clock.now += 24 * 60 * minute
  await app.sessions.cleanup()
  t.match(await app.sessions.statistics('24h'), { created: 0, previous: null }, 'most of the range before was before anybody counted')
  clock.now += 12 * 60 * minute
  t.match((await ask(`${adminApi}/statistics`, { cookie: await signIn('root') })).json(), {
    created: 1,
    previous: { created: 4, ended: { revoked: 1 } }
  })
  t.equal((await app.sessions.statistics('30d')).previous, null)
  t.equal((await app.inject('/public')).statusCode, 200)
  const { send } = await adminApp(t, { admin: { authorize: () => true } })
  t.match((await send(`${adminApi}/statistics`)).json(), { sessionsPerUser: 1 })
  const nobody = await testApp(t, { admin: { authorize: () => true } })
  t.match((await nobody.send(`${adminApi}/statistics?range=30d`)).json(), {
    sessionsPerUser: 0,
    live: 0,
    previous: null,
    buckets: { length: 720 }
  })
  for (const range of ['1y', '', '24H']) t.equal((await send(`${adminApi}/statistics?range=${range}`)).statusCode, 400)
  t.notOk(events.some(event => event.type === 'admin-action'), 'numbers are nobody in particular')
})

t.test('polling the numbers does not keep an admin signed in; looking around does', async t => {
  const { get, clock } = await adminApp(t)
  for (let i = 0; i < 2; i++) {
    clock.now += 20 * minute
    t.equal((await get('/')).statusCode, 200)
  }
  clock.now += 20 * minute
  t.equal((await get('/statistics')).statusCode, 200)
  clock.now += 20 * minute
  t.match((await get('/statistics')).json(), { statusCode: 401, code: 'FST_SESSION_ENDED', reason: 'idle-timeout' })
})

t.test('a store failure during an admin request is reported', async t => {
  const held = gate()
  const { get, app } = await adminApp(t, { storeTimeout: 5 })
  await app.sessions.close()
  held.open()
  t.equal((await get('/')).statusCode, 503)
})

t.test('row 53: an admin revokes sessions by id, or all but one session of a user', async t => {
  const { post, signIn, send, events } = await adminApp(t)
  const ids: string[] = []
  for (const user of ['ada', 'ada', 'ada', 'bob']) ids.push((await send('/me', { cookie: await signIn(user) })).json<{ id: string }>().id)
  const [one = '', two = '', , bob = ''] = ids
  t.same((await post('/revoke', { ids: [one, bob, one, 'AAAAAAAAAAAAAAAAAAAAAA', 'x'] })).json(), { revoked: 2, more: false, cursor: null })
  t.match(events.filter(event => event.type === 'ended'), [{ id: one, reason: 'revoked', by: 'root' }, { id: bob }])
  t.match(events.at(-1), { type: 'admin-action', action: 'revoke', by: 'root', count: 2 })
  t.same((await post('/revoke', { userId: 'ada', except: two })).json(), { revoked: 1, more: false, cursor: null })
  t.same((await post('/revoke', { userId: 'ada' })).json(), { revoked: 1, more: false, cursor: null })
  t.same((await post('/revoke', { userId: 'ada' })).json(), { revoked: 0, more: false, cursor: null })
  t.equal((await post('/revoke', { ids: Array.from({ length: 1001 }, () => one) })).statusCode, 400)
  t.equal((await post('/revoke', { ids: Array.from({ length: 200_000 }, () => one) })).statusCode, 413)
  const anonymous = await adminApp(t, { admin: { authorize: () => true } })
  const { session } = await anonymous.app.sessions.create({ userId: 'ada' })
  t.match((await anonymous.send(`${adminApi}/revoke`, { method: 'POST', payload: { ids: [session.id] } })).json(), { revoked: 1 })
  t.match((await anonymous.app.sessions.get(session.id)), { by: null })
})

t.test('sessions end by filter after a preview of the same filter, by the same admin, and of no session that came later', async t => {
  const { post, signIn, app, clock, events, send, cookie } = await adminApp(t)
  for (let i = 0; i < 12; i++) await signIn('ada')
  await signIn('bob')
  const filter = { search: 'a', guest: false }
  t.match((await post('/revoke', { filter })).json(), { statusCode: 428, code: 'FST_SESSION_CONFIRMATION_REQUIRED' })
  const preview = (await post('/revoke', { filter, dryRun: true })).json<{ token: string }>()
  t.match(preview, { count: 12, ownSessionKept: false, sample: { length: 10, 0: { userId: 'ada', state: 'live' } } })
  t.equal(await app.sessions.count(), 14, 'nothing has ended')
  t.match(events.at(-1), { type: 'admin-action', action: 'preview', count: 12 })
  clock.now += 1
  await signIn('ada')
  const { token } = preview
  for (const other of [
    { filter: { search: 'b', guest: false }, token },
    { filter: {}, all: true, token },
    { filter, token: `${token}x` },
    { filter, token: 'x.y' },
    { filter, token: '' }
  ]) {
    t.match((await post('/revoke', other)).json(), { statusCode: 400, code: 'FST_SESSION_INVALID_CONFIRMATION' })
  }
  t.match(
    (
      await send(`${adminApi}/revoke`, {
        cookie,
        method: 'POST',
        payload: { filter, token },
        headers: { 'sec-fetch-site': 'cross-site' }
      })
    ).json(),
    { statusCode: 403, code: 'FST_SESSION_CROSS_ORIGIN' }
  )
  t.same(
    (await post('/revoke', { filter: { guest: false, search: 'a', state: 'live' }, token })).json(),
    { revoked: 12, more: false, cursor: null },
    'the same filter, written otherwise'
  )
  t.equal(await app.sessions.count({ userId: 'ada' }), 1, 'the one that came later')
  clock.now += 10 * minute
  t.match((await post('/revoke', { filter, token })).json(), { code: 'FST_SESSION_INVALID_CONFIRMATION' }, 'too old')
})

t.test('a token is of one admin, and a run says who it was', async t => {
  const { send, signIn, app } = await adminApp(t, { admin: { authorize: () => true } })
  const [ann, ben] = [await signIn('ann'), await signIn('ben')]
  await signIn('ada')
  const revoke = (cookie: string, payload: object) => send(`${adminApi}/revoke`, { cookie, method: 'POST', payload })
  const { token } = (await revoke(ann, { filter: { userId: 'ada' }, dryRun: true })).json<{ token: string }>()
  t.equal((await revoke(ben, { filter: { userId: 'ada' }, token })).statusCode, 400)
  t.match((await revoke(ann, { filter: { userId: 'ada' }, token })).json(), { revoked: 1 })
  t.match(await app.sessions.history({ userId: 'ada' }), { items: [{ by: 'ann' }] })
  const nobody = (await send(`${adminApi}/revoke`, { method: 'POST', payload: { filter: { userId: 'ben' }, dryRun: true } })).json<{
    token: string
  }>()
  t.match((await send(`${adminApi}/revoke`, { method: 'POST', payload: { filter: { userId: 'ben' }, token: nobody.token } })).json(), {
    revoked: 1
  })
})

t.test('all sessions are revoked in batches, except the admin\'s own', async t => {
  const { post, get, app, clock } = await adminApp(t, { maxSessions: 10_000 })
  for (let i = 0; i < 3; i++) await app.sessions.create({ userId: 'twin' })
  clock.now++
  for (let i = 0; i < 2100; i++) await app.sessions.create({ userId: 'ada' })
  t.match((await post('/revoke', { filter: {}, dryRun: true })).json(), { statusCode: 400, message: /all: true/ })
  const { token, ...preview } = (await post('/revoke', { filter: {}, all: true, dryRun: true })).json<{ token: string }>()
  t.match(preview, { count: 2103, ownSessionKept: true })
  let cursor: string | null = null
  const batches: number[] = []
  do {
    const done: { revoked: number; more: boolean; cursor: string | null } = (
      await post('/revoke', { filter: {}, all: true, token, ...(cursor === null ? {} : { cursor }) })
    ).json()
    t.equal(done.more, done.cursor !== null)
    batches.push(done.revoked)
    cursor = done.cursor
    if (cursor !== null) {
      t.match((await post('/revoke', { filter: {}, all: true, token, cursor: `${cursor}x` })).json(), {
        code: 'FST_SESSION_INVALID_CURSOR'
      })
    }
  } while (cursor !== null)
  t.strictSame(batches, [1003, 1000, 100])
  t.equal(await app.sessions.count(), 1)
  t.equal((await get('/')).statusCode, 200)
})

t.test('row 66: bodies reject unknown and contradictory properties', async t => {
  const { post } = await adminApp(t)
  const wrong: unknown[] = [
    {},
    [],
    'x',
    { ids: [] },
    { ids: 'x' },
    { ids: [5] },
    { ids: ['x'], userId: 'ada' },
    { ids: ['x'], except: 'y' },
    { ids: ['x'], dryRun: true },
    { userId: '' },
    { userId: 'ada', token: 'x' },
    { userId: 'ada', all: true },
    { userId: 'ada', cursor: 'x' },
    { filter: {} },
    { filter: {}, dryRun: true },
    { filter: {}, all: false, dryRun: true },
    { filter: { role: 'admin' }, dryRun: true },
    { filter: { state: 'ended' }, dryRun: true },
    { filter: { reason: 'idle-timeout' }, dryRun: true },
    { filter: { at: 0 }, dryRun: true },
    { filter: { ip: 'x' }, dryRun: true },
    { filter: { userId: 5 }, dryRun: true },
    { filter: { userId: 'ada' }, except: 'x', dryRun: true },
    { filter: { createdAfter: 'x' }, dryRun: true },
    { filter: { remembered: 'yes' }, dryRun: true },
    { reason: 'logout', ids: ['x'] }
  ]
  for (const payload of wrong) t.ok([400, 415].includes((await post('/revoke', payload)).statusCode), JSON.stringify(payload))
  t.match(
    (
      await post('/revoke', { filter: { createdAfter: 0, createdBefore: '2026-01-01T00:00:00.001Z', remembered: false }, dryRun: true })
    ).json(),
    { count: 0, ownSessionKept: true }
  )
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
  app.register(sessions, { secret, routes: { security: 'sessionCookie' }, admin: { authorize: () => false } })
  await app.ready()
  const { paths = {} } = app.swagger() as {
    paths?: Record<string, Record<string, { operationId?: string; security?: unknown; summary?: string; tags?: string[] }>>
  }
  const routes = Object.entries(paths)
    .filter(([path]) => path.startsWith(adminApi))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => ({
        text: `${method} ${path.slice(adminApi.length)} ${route.operationId ?? ''}`,
        ...route
      }))
    )
  t.strictSame(routes.map(({ text }) => text).sort(), [
    'get / adminListSessions',
    'get /count adminCountSessions',
    'get /events adminSessionEvents',
    'get /export adminExportSessions',
    'get /statistics adminSessionStatistics',
    'get /users/{userId} adminUserSessions',
    'get /{id} adminGetSession',
    'post /cleanup adminCleanUpSessions',
    'post /import adminImportSessions',
    'post /revoke adminRevokeSessions'
  ])
  t.ok(routes.every(({ summary, tags, security }) => summary !== undefined && tags?.[0] === 'admin sessions' && security !== undefined))
})

t.test('whoever waits has a turn between the steps of a long look and of a long revocation', async t => {
  const store = memoryStore()
  const { end } = store
  const { send, cookie } = await adminApp(t, { store })
  let [turns, going] = [0, true]
  const turn = (): void => {
    turns++
    if (going) setImmediate(turn)
  }
  turn()
  t.teardown(() => { going = false })
  let calls: number[] = []
  const step = (): string | null => calls.push(turns) % 4 === 0 ? null : 'more'
  const apart = async (what: string, ask: () => Promise<{ json: () => unknown }>, answer: object): Promise<void> => {
    calls = []
    t.match((await ask()).json(), answer, what)
    t.ok(calls.length >= 4)
    t.equal(new Set(calls).size, calls.length, `${what}: no two steps in one turn`)
  }
  const revoke = (payload: object) => send(`${adminApi}/revoke`, { cookie, method: 'POST', payload })
  const { token } = (await revoke({ filter: { ip: '192.0.2.0/24' }, dryRun: true })).json<{ token: string }>()
  store.list = () => ({ items: [], cursor: step() })
  store.history = () => ({ items: [], cursor: step() })
  store.end = (selector, why) => 'filter' in selector ? { ended: [], cursor: step() } : end.call(store, selector, why)
  await apart('a list', () => send(`${adminApi}?ip=192.0.2.0/24`, { cookie }), { items: [], cursor: null })
  await apart('a count of history', () => send(`${adminApi}/count?state=ended`, { cookie }), { count: 0 })
  await apart('a revocation', () => revoke({ filter: { ip: '192.0.2.0/24' }, token }), { revoked: 0 })
})
