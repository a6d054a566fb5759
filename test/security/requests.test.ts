import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { SessionRecord } from '../../lib/index.ts'
import { adminApi, adminApp } from '../helpers/admin.ts'
import { api, cookieOf, firefox, secret, setCookies, testApp } from '../helpers/app.ts'

const minute = 60_000

t.test('row 67: state-changing requests pass only from the same origin, or from no browser', async t => {
  const { send, signIn, events, clock } = await testApp(t, {}, app => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'POST'] as const) { app.route({ method, url: '/mine', config: { session: { sameOrigin: true } }, handler: async () => ({ method }) }) }
  })
  const own = 'http://localhost'
  const cases: [Record<string, string>, boolean][] = [
    [{}, true],
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ origin: own }, true],
    [{ origin: own.toUpperCase() }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: own }, true],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ 'sec-fetch-site': 'Same-Origin' }, false],
    [{ 'sec-fetch-site': 'none, same-origin' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin: own }, false],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'null' }, false],
    [{ origin: '' }, false],
    [{ origin: own.replace('http', 'https') }, false],
    [{ origin: `${own}:8080` }, false],
    [{ origin: `${own}.evil.example` }, false],
    [{ origin: 'http://evil.localhost' }, false],
    [{ origin: `${own}/` }, false],
    [{ origin: `${own}@evil.example` }, false],
    [{ origin: `${own} https://evil.example` }, false],
    // what a stranger can write does not make another host ours
    [{ origin: 'https://evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }, false],
    [{ origin: 'https://evil.example', forwarded: 'host=evil.example;proto=https' }, false],
    [{ origin: 'https://localhost', 'x-forwarded-proto': 'https' }, false]
  ]
  let refused = 0
  for (const [headers, passes] of cases) {
    const label = JSON.stringify(headers)
    for (const method of ['PUT', 'DELETE', 'PATCH', 'POST'] as const) {
      const { statusCode } = await send('/mine', { method, headers })
      if ((statusCode === 200) !== passes) t.fail(`${method} ${statusCode} ${label}`)
    }
    const cookie = await signIn()
    const { id } = (await send('/me', { cookie })).json<{ id: string }>()
    const answers = [
      await send(`${api}/refresh`, { cookie, method: 'POST', headers }),
      await send(`${api}/${id}`, { cookie, method: 'PATCH', payload: { deviceName: 'x' }, headers }),
      await send(`${api}/revoke`, { cookie, method: 'POST', payload: { scope: 'others' }, headers }),
      await send(`${api}/logout`, { cookie, method: 'POST', headers })
    ]
    t.strictSame(answers.map(({ statusCode }) => statusCode), Array(4).fill(passes ? 200 : 403), label)
    t.equal((await send('/me', { cookie })).statusCode, passes ? 401 : 200)
    if (!passes) refused += 8
  }
  clock.now += 60_000
  await send('/mine', { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } })
  const counts = events.flatMap(event => event.type === 'cross-origin-blocked' ? [event.count] : [])
  t.strictSame([counts.length, counts[0], (counts[1] ?? 0) - refused], [2, 1, 0], 'and each is counted')
})

t.test('origins that the app trusts may change state: exactly those, and a blocked request says what to do', async t => {
  const { send, signIn, events, clock } = await testApp(t, {
    trustedOrigins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost']
  })
  const cookie = await signIn()
  const post = async (headers: Record<string, string>) => (await send(`${api}/refresh`, { cookie, method: 'POST', headers })).statusCode
  for (const origin of ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost']) {
    for (const site of ['same-site', 'cross-site']) t.equal(await post({ origin, 'sec-fetch-site': site }), 200, `${origin} ${site}`)
    t.equal(await post({ origin }), 200, origin)
  }
  t.equal(await post({ origin: 'http://localhost' }), 200, "the app's own origin needs no mention")
  for (const origin of [
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://evil.app.example.com',
    'https://app.example.com.evil.example',
    'null',
    'http://localhost:5174',
    'https://app.example.com https://app.example.com'
  ]) {
    for (const site of ['same-site', 'cross-site']) t.equal(await post({ origin, 'sec-fetch-site': site }), 403, `${origin} ${site}`)
    t.equal(await post({ origin }), 403, origin)
  }
  t.equal(await post({ 'sec-fetch-site': 'cross-site' }), 403, 'without an Origin')
  const blocked = events.filter(event => event.type === 'cross-origin-blocked')
  t.match(blocked, [{ origin: 'http://app.example.com', requested: 'http://localhost', hint: /`trustedOrigins`.*Host/ }])
  const hint = async (headers: Record<string, string>) => {
    clock.now += 61_000
    await send('/logout', { method: 'POST' })
    await post(headers)
    return events.findLast(event => event.type === 'cross-origin-blocked')
  }
  t.match(await hint({ origin: 'https://localhost' }), { hint: /`trustProxy`/ })
  t.match(await hint({ 'sec-fetch-site': 'cross-site' }), { origin: null, hint: /no Origin/ })
  t.match(await hint({ origin: 'null' }), { origin: 'null', hint: /`trustedOrigins`/ })
})

t.test('trusted origins are checked at registration', async t => {
  for (const origin of [
    '*',
    'https://*.example.com',
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'HTTPS://app.example.com',
    'https://app.example.com:443',
    'null',
    '',
    5,
    'capacitor://',
    'https://a.example,https://b.example'
  ]) {
    await t.rejects(
      testApp(t, { trustedOrigins: [origin as string] }),
      { code: 'FST_SESSION_INVALID_OPTION', message: /`trustedOrigins`.*exact origins/ },
      String(origin)
    )
  }
  await t.rejects(testApp(t, { trustedOrigins: 'https://app.example.com' as never }), { code: 'FST_SESSION_INVALID_OPTION' })
})

t.test('row 13: every response of the routes has no-store, errors as well', async t => {
  const { send, cookie, signIn } = await adminApp(t, { routes: { fresh: '1ms' } })
  const ada = await signIn()
  const crossSite = { 'sec-fetch-site': 'cross-site' }
  for (const [response, status] of [
    [await send(api), 401],
    [await send(`${api}/current`, { cookie: 'sid=forged' }), 401],
    [await send(`${api}/logout`, { method: 'POST', headers: crossSite }), 403],
    [await send(`${api}/refresh`, { method: 'POST', cookie: ada, headers: crossSite }), 403],
    [await send(`${api}?x=1`, { cookie: ada }), 400],
    [await send(`${api}/revoke`, { method: 'POST', cookie: ada, payload: {} }), 400],
    [await send(`${api}/nothing`, { method: 'PATCH', cookie: ada, payload: { deviceName: 'x' } }), 404],
    [await send(`${api}/logout`, { method: 'POST' }), 200],
    [await send(api, { cookie: ada }), 200],
    [await send(adminApi), 401],
    [await send(adminApi, { cookie: ada }), 403],
    [await send(`${adminApi}?x=1`, { cookie }), 400],
    [await send(`${adminApi}/${'A'.repeat(22)}`, { cookie }), 404],
    [await send(adminApi, { cookie }), 200]
  ] as const) { t.strictSame([response.statusCode, response.headers['cache-control']], [status, 'no-store']) }
})

t.test('row 67: behind a trusted proxy, the forwarded origin is the app\'s origin', async t => {
  const { send, signIn } = await testApp(t, {}, () => {}, { trustProxy: true })
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example', 'x-forwarded-for': '192.0.2.1' }
  const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' }, headers: forwarded }))
  t.equal(
    (await send(`${api}/refresh`, { cookie, method: 'POST', headers: { ...forwarded, origin: 'https://app.example' } })).statusCode,
    200
  )
  t.equal(
    (await send(`${api}/refresh`, { cookie, method: 'POST', headers: { ...forwarded, origin: 'http://app.example' } })).statusCode,
    403
  )
  t.type(await signIn(), 'string')
})

t.test('row 64: no spelling of a path bypasses a guard', async t => {
  const { send, signIn } = await testApp(t, { admin: { authorize: () => false } }, app => {
    app.get('/private/page', { config: { session: { required: true } } }, async () => 'the inner page')
    app.register(
      async scope => {
        scope.addHook('onRequest', scope.requireSession)
        scope.get('/page', async () => 'the inner page')
      },
      { prefix: '/scoped' }
    )
  }, { routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: false } })
  const signedIn = await signIn()
  for (const path of ['/private/page', '/scoped/page', api, `${api}/current`, adminApi, `${adminApi}/statistics`]) {
    const spellings = [
      path,
      `/${path}`,
      `${path}/`,
      `${path}//`,
      path.replaceAll('/', '//'),
      path.toUpperCase(),
      `${path};x=1`,
      `${path}%2F`,
      `${path}%20`,
      path.replace('p', '%70'),
      path.replace('/', '/./'),
      path.replace('/', '/x/../'),
      `${path}?x#y`,
      `${path}%00`,
      `${path}%`,
      `http://localhost${path}`,
      path.replace('a', '%2561')
    ]
    for (const spelling of spellings) {
      for (const cookie of ['', ...path.startsWith(adminApi) ? [signedIn] : []]) {
        const { statusCode, body } = await send(spelling, { cookie })
        if (![400, 401, 403, 404].includes(statusCode) || body.includes('inner') || body.includes('"sessions"')) { t.fail(`${statusCode} ${spelling}`) }
      }
    }
    t.pass(path)
  }
})

t.test('row 65: pages are bounded, and only issued cursors are accepted', async t => {
  const { get } = await adminApp(t)
  for (const limit of [
    '0',
    '-1',
    '1e9',
    '201',
    'NaN',
    'Infinity',
    '[]',
    '',
    '1.5',
    '1&limit=2',
    '0x10',
    'null',
    'true',
    '%00',
    '9'.repeat(400)
  ]) { t.equal((await get(`/?limit=${limit}`)).statusCode, 400, limit) }
  t.equal((await get('/?limit=200')).statusCode, 200)
  const cursor = (await get('/?limit=1&state=live')).json<{ cursor: string | null }>().cursor
  t.equal(cursor, null)
  const { get: more, signIn } = await adminApp(t)
  for (let i = 0; i < 3; i++) await signIn(`user ${i}`)
  const good = (await more('/?limit=1')).json<{ cursor: string }>().cursor
  t.equal((await more(`/?limit=1&cursor=${good}`)).statusCode, 200)
  const bent = Array.from({ length: good.length }, (_, i) => `${good.slice(0, i)}${good[i] === 'A' ? 'B' : 'A'}${good.slice(i + 1)}`)
  for (const bad of [...bent, good.slice(1), `${good}A`, `${good}.x`, 'x', '.', '%00', '[]', '{"a":1}', '-1', '../..', 'x'.repeat(2049)]) { t.equal((await more(`/?limit=1&cursor=${encodeURIComponent(bad)}`)).statusCode, 400) }
  for (const query of [
    `userId=ada&cursor=${good}`,
    `order=oldest&cursor=${good}`,
    `state=ended&cursor=${good}`,
    `cursor=${good}&cursor=${good}`
  ]) { t.equal((await more(`/?limit=1&${query}`)).statusCode, 400, query) }
  t.equal((await get(`/?limit=1&cursor=${good}`)).statusCode, 200, 'nodes with one secret take each other\'s')
})

t.test('row 66: every route rejects unknown properties', async t => {
  const routes: { method: string, url: string, body: boolean, query: boolean }[] = []
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  app.addHook('onRoute', ({ method, url, schema }) => {
    for (const each of [method].flat()) { if (each !== 'HEAD') routes.push({ method: each, url, body: schema?.body !== undefined, query: schema?.querystring !== undefined }) }
  })
  app.register(sessions, { secret, admin: { authorize: () => true } })
  app.get('/login', async request => { await request.session.login('ada'); return {} })
  await app.ready()
  const cookie = cookieOf(await app.inject('/login'))
  const ours = routes.filter(({ url }) => url.startsWith('/api/'))
  t.ok(ours.length > 15)
  let bodies = 0
  for (const { method, url, body, query } of ours) {
    if (url.endsWith('/logout') || url.endsWith('/import')) continue
    const path = url.replace(':id', 'A'.repeat(22)).replace(':userId', 'ada')
    const send = (more: object) => app.inject({ method, url: path, headers: { cookie }, ...more } as InjectOptions)
    if (query) t.equal((await send({ url: `${path}?isAdmin=true` })).statusCode, 400, `${method} ${path}?`)
    if (!body) continue
    bodies++
    for (const extra of [
      { userId: 'eve', expiresAt: 9e15 },
      { role: 'admin' },
      JSON.parse('{"__proto__":{"isAdmin":true}}') as object,
      JSON.parse('{"constructor":{"prototype":{"isAdmin":true}}}') as object
    ]) {
      for (const payload of [{ scope: 'others', ...extra }, { name: 'x', ...extra }, { ids: ['x'], ...extra }, extra]) {
        const { statusCode } = await send({
          payload: JSON.stringify({ ...payload, ...(Object.hasOwn(extra, '__proto__') ? {} : { unexpected: 1 }) }).replace(
            '{',
            Object.hasOwn(extra, '__proto__') ? '{"__proto__":{"isAdmin":true},' : '{'
          ),
          headers: { cookie, 'content-type': 'application/json' }
        })
        if (statusCode !== 400) t.fail(`${statusCode} ${method} ${path} ${JSON.stringify(payload)}`)
      }
    }
  }
  t.ok(bodies >= 3)
  t.equal(({} as { isAdmin?: boolean }).isAdmin, undefined)
  t.equal((await app.inject({ url: `${api}/current`, headers: { cookie } })).statusCode, 200)
})

t.test('row 62: step-up is required where configured, and reauthentication satisfies it', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/password', { config: { session: { fresh: '5m' } } }, async () => ({ changed: true }))
    app.post('/again', async request => {
      await request.session.reauthenticate({ method: ['password', 'totp'] })
      return request.session.info?.methods
    })
  })
  let cookie = await signIn()
  const change = (headers: Record<string, string> = {}) => send('/password', { cookie, method: 'POST', headers })
  t.equal((await change()).statusCode, 200)
  clock.now += 5 * minute
  t.equal((await change()).statusCode, 200, 'up to the very instant')
  clock.now += 1
  t.match((await change()).json(), { statusCode: 403, code: 'FST_SESSION_NOT_FRESH' })
  await send(`${api}/refresh`, { cookie, method: 'POST' })
  t.equal((await change()).statusCode, 403, 'refreshing proves nothing')
  const again = await send('/again', { cookie, method: 'POST' })
  t.strictSame(again.json(), ['password', 'totp'])
  cookie = cookieOf(again)
  t.equal((await change()).statusCode, 200)
  t.match((await send('/password', { method: 'POST' })).json(), { statusCode: 401 })
  t.match(
    (await send('/password', { cookie: cookieOf(await send('/data', { method: 'POST', payload: { a: 1 } })), method: 'POST' })).json(),
    { statusCode: 401 },
    'a guest has nothing to step up'
  )
})

t.test('row 81: IP addresses and hosts come from the connection or a trusted proxy', async t => {
  const ip = async (server: object, remoteAddress: string, headers: Record<string, string> = {}) => {
    const { send } = await testApp(t, { cookie: { secure: true } }, () => {}, server)
    const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' }, remoteAddress, headers }))
    return (await send('/me', { cookie, remoteAddress, headers })).json<{ info: { ip: string | null } }>().info.ip
  }
  for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'client-ip', 'true-client-ip', 'cf-connecting-ip']) { t.equal(await ip({}, '192.0.2.1', { [header]: '198.51.100.7' }), '192.0.2.1', header) }
  t.equal(await ip({ trustProxy: '10.0.0.0/8' }, '192.0.2.1', { 'x-forwarded-for': '198.51.100.7' }), '192.0.2.1')
  t.equal(await ip({ trustProxy: '10.0.0.0/8' }, '10.1.2.3', { 'x-forwarded-for': 'junk, 198.51.100.7' }), '198.51.100.7')
  for (const [raw, kept] of [
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::1', '::1']
  ] as const) { t.equal(await ip({}, raw), kept) }
  // some proxies add the port (Azure), and write IPv6 in brackets
  for (const [header, expected] of [
    ['203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::7]:51234', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7']
  ] as const) { t.equal(await ip({ trustProxy: '192.0.2.0/24' }, '192.0.2.1', { 'x-forwarded-for': header }), expected, header) }
  for (const junk of [
    '<script>alert(1)</script>',
    'x'.repeat(5000),
    'unknown',
    '1.2.3.4:port',
    '[::1',
    'fe80::1%eth0',
    '1.2.3.4\u001b[31m',
    "'; DROP TABLE sessions",
    '999.1.1.1',
    '0x7f.1'
  ]) { t.equal(await ip({ trustProxy: true }, '192.0.2.1', { 'x-forwarded-for': junk }), null, junk.slice(0, 20)) }
  const { app } = await testApp(t, { cookie: { secure: true } })
  const dir = mkdtempSync(join(tmpdir(), 'sheet-'))
  t.teardown(() => { rmSync(dir, { recursive: true }) })
  const path = join(dir, 'socket')
  await app.listen({ path })
  const answer = await new Promise<IncomingMessage>(resolve => {
    httpRequest({ socketPath: path, path: '/login', method: 'POST', headers: { 'content-type': 'application/json' } }, resolve).end(
      '{"userId":"ada"}'
    )
  })
  t.equal(answer.statusCode, 200)
  t.match(await app.sessions.listByUser('ada'), [{ ip: null }], 'a UNIX socket has none')
})

t.test('row 81: IP addresses are stored in the configured form, in lists and events', async t => {
  for (const [mode, wanted] of [['full', '203.0.113.77'], ['truncate', '203.0.113.0'], ['hmac', /^[\w-]{22}$/], ['none', null]] as const) {
    const { send, events } = await testApp(t, { ip: mode, cookie: { secure: true } })
    const from = { remoteAddress: '203.0.113.77' }
    const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' }, ...from }))
    t.match((await send(api, { cookie, ...from })).json(), { sessions: [{ ip: wanted }] })
    await send('/me', { cookie, remoteAddress: '198.51.100.1' })
    await send('/me', { cookie: '__Host-sid=junk', ...from })
    if (mode !== 'full') t.notOk(JSON.stringify(events).includes('203.0.113.77'))
    t.equal(events.some(({ type }) => type === 'ip-changed'), mode !== 'none')
    t.match(events.find(({ type }) => type === 'bad-signature'), { ip: wanted })
  }
})

t.test('row 81: while secrets change, the hashed IP address of a session stays that of its client', async t => {
  const store = memoryStore()
  const [a, b] = ['the old secret, which is long enough', 'the new secret, which is long enough']
  const from = { remoteAddress: '203.0.113.77' }
  const node = (secret: string[]) => testApp(t, { store, secret, ip: 'hmac', cookie: { secure: true }, assessRisk: () => 'revoke' })
  const [old, both, last] = [await node([a]), await node([b, a]), await node([b])]
  const plain = await testApp(t, { store, secret: [b, a], ip: 'hmac', cookie: { secure: true } })
  let cookie = cookieOf(await old.send('/login', { method: 'POST', payload: { userId: 'ada' }, ...from }))
  const other = cookieOf(await old.send('/login', { method: 'POST', payload: { userId: 'eve' }, ...from }))
  t.equal((await plain.send('/me', { cookie: other, ...from })).statusCode, 200)
  const renewed = await both.send('/me', { cookie, ...from })
  t.equal(renewed.statusCode, 200)
  cookie = cookieOf(renewed)
  await both.app.sessions.flush()
  t.equal((await last.send('/me', { cookie, ...from })).statusCode, 200, 'the session has the hash of the new secret')
  t.strictSame([plain, both, last].flatMap(({ events }) => events.filter(({ type }) => type === 'ip-changed')), [])
  t.equal((await last.send('/me', { cookie, remoteAddress: '203.0.113.78' })).statusCode, 401, 'another address is another address')
})

t.test('row 81: the cookie is Secure and host-only, whatever protocol the request claims', async t => {
  for (const server of [{}, { trustProxy: true }]) {
    const { send } = await testApp(t, {}, () => {}, server)
    for (const headers of [
      { 'x-forwarded-proto': 'http' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-host': 'evil.example' },
      { host: 'evil.example' }
    ] as Record<string, string>[]) {
      t.match(setCookies(await send('/login', { method: 'POST', payload: { userId: 'ada' }, headers, remoteAddress: '192.0.2.1' })), [
        /^__Host-sid=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/
      ])
    }
  }
})

t.test('row 82: client-supplied text is short and plain before it is shown or logged', async t => {
  const { get, send, events } = await adminApp(t)
  const agents: [string, string | null][] = [
    ['x'.repeat(15_000), 'x'.repeat(512)],
    [`${'x'.repeat(511)}é`, 'x'.repeat(511)],
    ['a\u0000b\u001b[31mc\u007f\u009fd', 'ab[31mcd'],
    ['</script><script>alert(1)</script>', '</script><script>alert(1)</script>'],
    ['   ', null],
    ['', null],
    ["=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"],
    ['\u00e2\u0098\u0083', '\u00e2'],
    ['(((((((((((((((((((((((((a+)+)+)+)+)+'.repeat(200), '(((((((((((((((((((((((((a+)+)+)+)+)+'.repeat(200).slice(0, 512)]
  ]
  for (const [agent, kept] of agents) {
    const login = await send('/login', { method: 'POST', payload: { userId: 'ada' }, headers: { 'user-agent': agent } })
    t.equal(login.statusCode, 200)
    t.equal(
      (await send('/me', { cookie: cookieOf(login), headers: { 'user-agent': agent } })).json<{ info: { userAgent: string | null } }>()
        .info.userAgent,
      kept
    )
  }
  t.notMatch(JSON.stringify(events), /\p{Cc}/u)
  const rows = (await get('/export?userId=ada')).body
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as { userAgent: string | null })
  t.equal(rows.length, agents.length)
  t.ok(rows.every(({ userAgent }) => userAgent === null || Buffer.byteLength(userAgent) <= 512))
})

t.test('row 82: a CSV export contains no formula', async t => {
  const { get, send, app } = await adminApp(t)
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', "=cmd|' /C calc'!A0", 'a"b,c', 'plain']) { await send('/login', { method: 'POST', payload: { userId: text, method: text.trim() }, headers: { 'user-agent': text } }) }
  const response = await get('/export?format=csv')
  t.match(response.headers, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="sessions-2026-01-01.csv"',
    'x-content-type-options': 'nosniff'
  })
  const [head = '', ...lines] = response.body.split('\r\n')
  t.match(head, /^"id","userId","createdAt",/)
  t.equal(lines.length, 10, 'nine sessions, and the end')
  for (const cell of response.body.match(/"(?:[^"]|"")*"/g) ?? []) t.notOk(/^"[=+\-@\t\r]/.test(cell), cell)
  t.ok(response.body.includes('"\'=cmd|\' /C calc\'!A0"'))
  t.ok(response.body.includes('"a""b,c"'))
  t.match(response.body, /"2026-01-01T00:00:00.000Z"/)
  await app.sessions.revoke((await app.sessions.listByUser('plain'))[0]?.id ?? '')
  t.match((await get('/export?format=csv&state=ended')).body, /"reason"[^]*"plain"[^]*"revoked"/)
  t.equal((await get('/export?format=csv&data=true')).statusCode, 400)
  t.match((await get('/export?format=csv&userId=nobody')).body, /^"id"[^\n]*\r\n$/)
})

t.test('row 73: a corrupt record authenticates no request, crashes nothing, and emits an event', async t => {
  const store = memoryStore()
  const { send, signIn, events, app, clock } = await testApp(t, { store })
  const cookie = await signIn()
  const read = store.read.bind(store)
  const good = await read((await app.sessions.listByUser('ada'))[0]?.id ?? '') as SessionRecord
  const shapes: unknown[] = [
    'text',
    '',
    5,
    true,
    [],
    [1],
    {},
    () => {},
    { ...good, hash: null },
    { ...good, hash: 5 },
    { ...good, hash: undefined },
    { ...good, absoluteExpiresAt: 'soon' },
    { ...good, absoluteExpiresAt: null },
    { ...good, lastSeenAt: undefined },
    { ...good, idleTimeout: 'x' },
    { ...good, generation: '0' },
    { ...good, methods: null },
    { ...good, data: null },
    { ...good, data: 'x' },
    JSON.parse('{"__proto__":{"hash":"x"}}')
  ]
  for (const shape of shapes) {
    store.read = () => shape as SessionRecord
    t.match((await send('/me', { cookie })).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' }, JSON.stringify(shape))
    t.strictSame((await send('/who', { cookie })).json(), { userId: null, data: {} })
  }
  store.read = () => 'text' as unknown as SessionRecord
  clock.now += 60_000
  await send('/me', { cookie })
  t.match(
    events.filter(event => event.type === 'record-corrupt'),
    [
      { part: 'record', count: 1 },
      { part: 'record', count: shapes.length * 2 }
    ]
  )
  for (const record of [
    { ...good, absoluteExpiresAt: NaN },
    { ...good, lastSeenAt: NaN },
    { ...good, idleTimeout: NaN },
    { ...good, absoluteExpiresAt: -Infinity }
  ]) {
    store.read = () => record
    t.match((await send('/me', { cookie })).json(), { statusCode: 401 }, 'no number is no endless life')
  }
  store.read = read
  t.equal((await send('/me', { cookie })).statusCode, 200)
})

t.test('row 73: undecodable data is not treated as missing: its session ends', async t => {
  for (const text of ['{', '', 'undefined', '\u0000', '{"a":']) {
    const store = memoryStore()
    const { send, signIn, events } = await testApp(t, { store })
    const cookie = await signIn()
    const read = store.read.bind(store)
    store.read = id => { const found = read(id) as SessionRecord; return 'reason' in found ? found : { ...found, data: { mfa: text } } }
    t.match((await send('/me', { cookie })).json(), { statusCode: 401, code: 'FST_SESSION_ENDED' }, JSON.stringify(text))
    t.match(events.find(({ type }) => type === 'record-corrupt'), { part: 'data', userId: 'ada' })
    t.match(events.find(({ type }) => type === 'ended'), { reason: 'revoked', by: 'unreadable data' })
    t.match((await send('/who', { cookie })).json(), { userId: null }, 'and the next request is anonymous')
  }
})

t.test('row 60: user ids are compared byte by byte, and a user sees only their own sessions', async t => {
  const { send, app } = await testApp(t)
  for (const userId of ['', null, {}, [], ['ada'], true, 1.5, 1e300, 'x'.repeat(257), 'é'.repeat(129), 'a\u0000b', { toString: 'ada' }]) {
    t.match(
      (await send('/login', { method: 'POST', payload: { userId } })).json(),
      { statusCode: 500, code: 'FST_SESSION_INVALID_USER_ID' },
      JSON.stringify(userId)
    )
  }
  t.equal(await app.sessions.count(), 0)
  const users = [
    '1',
    0,
    '*',
    '%',
    '_',
    'user:1}',
    '{user}',
    'a\r\nDEL x',
    "'; DROP TABLE sessions; --",
    '__proto__',
    'constructor',
    'caf\u00e9',
    'cafe\u0301',
    'ADA',
    'ada',
    'ada ',
    '../ada',
    '\u202eada',
    'x'.repeat(256)
  ]
  const cookies = new Map<string | number, string>()
  for (const userId of users) cookies.set(userId, cookieOf(await send('/login', { method: 'POST', payload: { userId } })))
  for (const [userId, cookie] of cookies) {
    t.equal((await send('/me', { cookie })).json().userId, String(userId))
    t.equal((await send(api, { cookie })).json<{ sessions: unknown[] }>().sessions.length, 1, JSON.stringify(userId))
  }
  t.equal((await app.sessions.revokeUser(1)).length, 1, 'a number is its decimal form')
  t.equal((await app.sessions.revokeUser('*')).length, 1)
  t.equal(await app.sessions.count(), users.length - 2)
})

t.test('a new IP address or a browser update logs no user out, and both emit an event', async t => {
  const { send, signIn, events } = await testApp(t, { cookie: { secure: true } })
  const cookie = await signIn()
  t.equal((await send('/me', { cookie, remoteAddress: '198.51.100.1' })).statusCode, 200)
  t.equal(
    (await send('/me', { cookie, remoteAddress: '198.51.100.1', headers: { 'user-agent': firefox.replaceAll('144', '145') } }))
      .statusCode,
    200
  )
  t.match(
    events.filter(({ type }) => type.endsWith('-changed')),
    [
      { type: 'ip-changed', from: '127.0.0.1', to: '198.51.100.1' },
      { type: 'user-agent-changed', to: /145/ }
    ]
  )
})

t.test('row 62: assessRisk can require reauthentication or revoke a session, and never allows by mistake', async t => {
  let verdict: unknown = 'challenge'
  const asked: unknown[] = []
  const { send, signIn, events, clock } = await testApp(
    t,
    {
      cookie: { secure: true },
      assessRisk: (session, { ip }) => {
        asked.push([session.userId, ip])
        return verdict as 'allow'
      }
    },
    app => {
      app.get('/fresh', { config: { session: { fresh: '10m' } } }, async () => ({}))
      app.post('/again', async request => {
        await request.session.reauthenticate()
        return {}
      })
    }
  )
  let cookie = await signIn()
  const there = { remoteAddress: '198.51.100.1' }
  t.equal((await send('/fresh', { cookie })).statusCode, 200)
  t.strictSame(asked, [], 'nothing was different')
  for (let i = 0; i < 3; i++) {
    t.equal((await send('/me', { cookie, ...there })).statusCode, 200)
    t.equal((await send('/fresh', { cookie, ...there })).statusCode, 403)
    clock.now += 2000
  }
  t.equal((await send('/fresh', { cookie })).statusCode, 200, 'the user is not bothered at home')
  t.equal(events.filter(({ type }) => type === 'ip-changed').length, 1, 'told once')
  cookie = cookieOf(await send('/again', { cookie, method: 'POST', ...there }))
  t.equal((await send('/fresh', { cookie, ...there })).statusCode, 200, 'who authenticated there is known there')
  for (const wrong of [undefined, null, true, 'Allow', 'deny']) {
    verdict = wrong
    t.match((await send('/me', { cookie, remoteAddress: '198.51.100.2' })).json(), { statusCode: 500, code: 'FST_SESSION_INVALID_OPTION' })
  }
  verdict = 'allow'
  t.equal((await send('/fresh', { cookie, remoteAddress: '198.51.100.3' })).statusCode, 200)
  verdict = 'revoke'
  t.match((await send('/me', { cookie, remoteAddress: '198.51.100.4' })).json(), { statusCode: 401, reason: 'revoked' })
  t.match((await send('/me', { cookie, remoteAddress: '198.51.100.3' })).json(), { statusCode: 401, reason: 'revoked' })
  t.match(events.find(({ type }) => type === 'ended'), { by: 'risk' })
})

t.test('risk decides while a cookie rotates, too', async t => {
  let verdict: 'challenge' | 'revoke' = 'challenge'
  const { send, signIn, clock, app } = await testApp(
    t,
    { cookie: { secure: true }, assessRisk: () => verdict, flushInterval: 0 },
    app => {
      app.get('/fresh', { config: { session: { fresh: '100d' } } }, async () => ({}))
    }
  )
  const there = { remoteAddress: '198.51.100.1' }
  const lost = await signIn('ada', { remember: true })
  clock.now += 61 * minute
  const rotated = await send('/fresh', { cookie: lost, ...there })
  t.equal(rotated.statusCode, 403)
  t.equal(setCookies(rotated).length, 1)
  t.equal((await send('/fresh', { cookie: lost, ...there })).statusCode, 403, 'nor when its answer was lost')
  verdict = 'revoke'
  const again = await send('/me', { cookie: lost, ...there })
  t.match(again.json(), { statusCode: 401, reason: 'revoked' })
  t.strictSame(setCookies(again), [])
  const other = await signIn('ada', { remember: true })
  clock.now += 61 * minute
  t.equal((await send('/me', { cookie: other, ...there })).statusCode, 401)
  t.equal(await app.sessions.count(), 0)
})

t.test('row 69: driver errors never reach a client, and their credentials never reach a log', async t => {
  const lines: string[] = []
  const inner = Object.assign(new Error('connect ECONNREFUSED redis://admin:hunter2@10.0.0.1:6379'), {
    code: 'ECONNREFUSED',
    command: { args: ['a secret argument'] }
  })
  const trouble = new Error('query failed', { cause: inner })
  const store = memoryStore()
  const { send, signIn } = await testApp(t, { store }, () => {}, {
    logger: {
      level: 'trace',
      stream: {
        write: (line: string) => {
          lines.push(line)
        }
      }
    }
  })
  const cookie = await signIn()
  for (const thrown of [trouble, inner, 'redis://admin:hunter2@10.0.0.1', null, Object.assign(new Error('x'), { stack: undefined })]) {
    store.read = () => { throw thrown as Error }
    const response = await send('/me', { cookie })
    t.equal(
      response.body,
      '{"statusCode":503,"code":"FST_SESSION_STORE_UNAVAILABLE","error":"Service Unavailable","message":"Sessions are temporarily unavailable. Try again shortly."}'
    )
  }
  t.match(lines.join(''), /query failed[^]*ECONNREFUSED redis:\/\/\*\*\*@10\.0\.0\.1/, 'the log says what is wrong')
  t.notMatch(lines.join(''), /hunter2|secret argument/)
})
