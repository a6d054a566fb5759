import { connect } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { api, cookieOf, secret, setCookies, testApp } from '../helpers/app.ts'
import { CookieJar } from '../helpers/cookie-jar.ts'

type Test = Pick<typeof t, 'rejects'>

/** Not from this machine: the real cookie, not its loopback form. */
const far = { remoteAddress: '192.0.2.1' }

async function isRefused (t: Test, options: object, message: RegExp): Promise<void> {
  const app = Fastify()
  await t.rejects(
    async () => {
      await app.register(sessions, { secret, ...options } as SessionPluginOptions)
    },
    { code: 'FST_SESSION_INVALID_OPTION', message },
    JSON.stringify(options)
  )
  await app.close()
}

t.test('row 7, 8, 9: a cookie that browsers would reject, cut or ignore is rejected at registration', async t => {
  const wrong: [object, RegExp][] = [
    [{ name: '__Host-sid', domain: 'example.com' }, /__Host-/],
    [{ name: '__Host-sid', path: '/app' }, /__Host-/],
    [{ name: '__Host-sid', secure: false }, /cookie.secure/],
    [{ name: '__Secure-sid', secure: false }, /cookie.secure/],
    [{ name: '__HOST-sid' }, /prefix/],
    [{ name: '__secure-sid' }, /prefix/],
    [{ sameSite: 'none', secure: false }, /cookie.secure/],
    [{ sameSite: 'none', partitioned: true, secure: false }, /cookie.secure/],
    [{ partitioned: true }, /partitioned/],
    [{ sameSite: 'NONE' }, /sameSite/],
    [{ name: 'x'.repeat(129) }, /cookie.name/],
    [{ name: 'x', path: `/${'x'.repeat(1001)}` }, /cookie.path/],
    [{ name: 'x', domain: 'x'.repeat(300) }, /cookie.domain/],
    // attributes must not be smuggled in (CVE-2024-47764)
    [{ name: 'sid=1; Domain' }, /cookie.name/],
    [{ name: 'x', path: '/; Domain=evil.example' }, /cookie.path/],
    [{ name: 'x', domain: 'a.example; Secure' }, /cookie.domain/],
    [{ name: 'x', path: '/\r\nSet-Cookie: a=b' }, /cookie.path/]
  ]
  for (const [cookie, message] of wrong) await isRefused(t, { cookie }, message)
  await isRefused(t, { remember: { absoluteTimeout: '401d' } }, /400d/)
})

t.test('row 9: the longest possible cookie fits, and lasts no longer than browsers store it', async t => {
  const cookie = {
    name: 'x'.repeat(128),
    path: `/${'y'.repeat(999)}`,
    domain: `${'z'.repeat(60)}.example`,
    sameSite: 'none',
    partitioned: true
  } as const
  const { send } = await testApp(t, { cookie, remember: { idleTimeout: '400d', absoluteTimeout: '400d' } })
  const [set = ''] = setCookies(await send('/login', { method: 'POST', payload: { userId: 'ada', remember: true }, ...far }))
  t.ok(set.indexOf(';') <= 4096)
  t.ok(Buffer.byteLength(set) <= 4096)
  for (const attribute of set.split('; ').slice(1)) t.ok(attribute.length <= 1024 + 8, attribute.slice(0, 10))
  t.match(set, /; Max-Age=34560000;/)
})

t.test('row 4, 5, 6, 12: deleting a cookie repeats all attributes that set it, so that browsers delete it', async t => {
  for (const cookie of [
    {},
    { name: '__Secure-s', domain: 'app.example', path: '/app', sameSite: 'none', partitioned: true },
    { name: 's', sameSite: 'strict' }
  ] as const) {
    const { send } = await testApp(t, { cookie })
    const [set = ''] = setCookies(await send('/login', { method: 'POST', payload: { userId: 'ada' }, ...far }))
    const [deletion = ''] = setCookies(await send(`${api}/logout`, { cookie: set.split(';', 1).join(''), method: 'POST', ...far }))
    const attributes = set.split('; ').slice(1)
    t.ok(
      ['HttpOnly', 'Secure', `SameSite=${cookie.sameSite === undefined ? 'Lax' : cookie.sameSite === 'none' ? 'None' : 'Strict'}`].every(
        attribute => attributes.includes(attribute)
      )
    )
    t.strictSame(
      deletion.split('; ').filter(part => !/^(Max-Age=0|Expires=Thu, 01 Jan 1970 00:00:00 GMT|[\w-]+=)$/.test(part)),
      attributes
    )
    t.ok(deletion.startsWith(`${set.split('=', 1).join('')}=; Max-Age=0; Expires=`))
  }
})

t.test('row 10: each response has at most one Set-Cookie of this package', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.post('/everything', async (request, reply) => {
      reply.header('set-cookie', 'sid=mine; Path=/')
      await request.session.login('ada')
      await request.session.rotate()
      await request.session.reauthenticate()
      await request.session.logout()
      await request.session.login('eve', { remember: true })
      return {}
    })
    app.post('/nothing', async request => { await request.session.login('ada'); await request.session.logout(); return {} })
  })
  for (const cookie of ['', await signIn()]) {
    const sets = setCookies(await send('/everything', { cookie, method: 'POST' }))
    t.equal(sets.length, 1)
    t.equal((await send('/me', { cookie: sets[0]?.split(';', 1).join('') ?? '' })).json().userId, 'eve')
    t.match(setCookies(await send('/nothing', { cookie, method: 'POST' })), [/^sid=; Max-Age=0/])
  }
})

t.test('row 11: cookie attributes that another library stored in the data have no effect', async t => {
  const { send, app } = await testApp(t, {}, app => {
    app.get('/options', async request => {
      request.session.options({ sameSite: 'none', httpOnly: false, secure: false })
      await request.session.rotate()
      return {}
    })
  })
  const written = await send('/data', {
    method: 'POST',
    payload: {
      cookie: {
        sameSite: 'none',
        httpOnly: false,
        secure: false,
        domain: 'evil.example',
        path: '/x',
        expires: '2099-01-01',
        originalMaxAge: 1e12
      }
    },
    ...far
  })
  t.match(setCookies(written), [/; Path=\/; HttpOnly; Secure; SameSite=Lax$/])
  const rotated = await send('/options', { cookie: cookieOf(written), ...far })
  t.match(setCookies(rotated), [/^__Host-sid=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/])
  t.match((await app.sessions.list()).items, [{ idleTimeout: 1_800_000 }])
})

t.test('row 13: responses that set or delete the cookie have no-store', async t => {
  const { send, signIn, clock } = await testApp(t, {}, app => {
    app.post('/rotate', async (request, reply) => {
      reply.header('cache-control', 'max-age=60')
      await request.session.rotate()
      return {}
    })
  })
  const remembered = await signIn('ada', { remember: true })
  clock.now += 3_600_001
  for (const response of [
    await send('/login', { method: 'POST', payload: { userId: 'ada' } }),
    await send('/data', { method: 'POST', payload: { a: 1 } }),
    await send('/me', { cookie: remembered }),
    await send('/rotate', { cookie: await signIn(), method: 'POST' }),
    await send(`${api}/logout`, { cookie: await signIn(), method: 'POST' })
  ]) {
    t.equal(setCookies(response).length, 1)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('row 16: a weak secret is rejected, alone and in a list', async t => {
  for (const bad of [
    '',
    'short',
    'x'.repeat(31),
    [],
    [''],
    [secret, ''],
    [secret, 'short'],
    ['short', secret],
    [secret, undefined],
    [secret, 5],
    null,
    5,
    {}
  ]) { await isRefused(t, { secret: bad }, /`secret`/) }
  const { NODE_ENV } = process.env
  t.teardown(() => { if (NODE_ENV === undefined) delete process.env['NODE_ENV']; else process.env['NODE_ENV'] = NODE_ENV })
  process.env['NODE_ENV'] = 'production'
  await isRefused(t, { secret: undefined }, /`secret`/)
})

t.test('row 20, 21: cut, flipped, padded and re-encoded cookies are invalid', async t => {
  const store = memoryStore()
  const { send, signIn, app } = await testApp(t, { store })
  const value = (await signIn()).slice(4)
  const reads: string[] = []
  const read = store.read.bind(store)
  store.read = id => { reads.push(id); return read(id) }
  const [token = '', signature = ''] = value.split('.')
  const bytes = Buffer.from(signature, 'base64')
  // 43 characters hold 258 bits: two of them are spare, and only one spelling of them is canonical
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(signature.slice(-1))
  const flipped = Array.from({ length: 256 }, (_, bit) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    return [`${token}.${copy.toString('base64url')}`, `${token}.${copy.toString('base64').slice(0, 43)}`]
  }).flat()
  const bent = Array.from({ length: 68 }, (_, i) => `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}.${signature}`)
  const shapes = [
    '',
    '.',
    token,
    `.${signature}`,
    `${token}.`,
    value.slice(0, -1),
    value.slice(1),
    `${value}=`,
    `${value}==`,
    `${value}A`,
    `${value}.`,
    `${value}.${signature}`,
    `"${value}`,
    `s:${value}`,
    `s%3A${value}`,
    encodeURIComponent(`"${value}"`),
    value.replace('.', '%252E'),
    ...[1, 2, 3].map(spare => `${token}.${signature.slice(0, -1)}${alphabet[(last & ~3) | ((last + spare) & 3)] ?? ''}`),
    `${token}.${bytes.toString('hex')}`,
    `${token}.${bytes.toString('latin1')}`,
    `${Buffer.from(token, 'base64url').toString('hex')}.${signature}`,
    'x'.repeat(12_000),
    '%E0%A4%A',
    '%00',
    '😀',
    '\ud800',
    'null',
    'undefined',
    '[object Object]',
    '{"a":1}',
    '__proto__',
    ...flipped,
    ...bent
  ].filter(shape => shape !== value)
  for (const shape of shapes) {
    const response = await send('/me', { cookie: `sid=${shape}` })
    if (response.statusCode !== 401 || setCookies(response).length > 0) t.fail(`${response.statusCode} for ${shape.slice(0, 120)}`)
  }
  t.strictSame(reads, [], 'the store is asked nothing')
  t.equal((await send('/me', { cookie: `sid=${value}` })).statusCode, 200)
  t.equal(await app.sessions.count(), 1)
})

t.test('row 23: a token is accepted from the cookie only', async t => {
  const { send, signIn } = await testApp(t, {}, app => { app.post('/who', async request => ({ userId: request.session.userId })) })
  const cookie = await signIn()
  const value = cookie.slice(4)
  const { id } = (await send('/me', { cookie })).json<{ id: string }>()
  for (const text of [value, id]) {
    for (const query of [
      `sid=${encodeURIComponent(text)}`,
      `session=${encodeURIComponent(text)}`,
      `__Host-sid=${encodeURIComponent(text)}`,
      `sessionId=${encodeURIComponent(text)}`
    ]) { t.equal((await send(`/me?${query}`)).statusCode, 401) }
    for (const headers of [
      { authorization: `Bearer ${text}` },
      { 'x-session-id': text },
      { 'x-session': text },
      { sid: text },
      { 'set-cookie': `sid=${text}` },
      { cookie2: `sid=${text}` }
    ]) { t.equal((await send('/me', { headers: headers as unknown as Record<string, string> })).statusCode, 401) }
    t.same(
      (
        await send('/who', { method: 'POST', payload: { sid: text, sessionId: text, id: text, cookie: `sid=${text}`, userId: 'ada' } })
      ).json(),
      { userId: null }
    )
  }
  t.equal((await send('/me', { cookie: `sid=${id}` })).statusCode, 401, 'an id opens nothing')
})

t.test('row 24, 25: of two cookies of one name the only valid one counts; two live ones are ignored', async t => {
  const { send, signIn, events } = await testApp(t)
  const cookie = await signIn()
  const planted = await signIn('eve')
  for (const junk of [
    'sid=junk',
    'sid=',
    'sid',
    `sid=${'x'.repeat(5000)}`,
    ' \t sid=junk',
    `sid="${cookie.slice(4)}"`,
    `${cookie.slice(0, -2)}xx`
  ]) {
    for (const header of [`${junk}; ${cookie}`, `${cookie}; ${junk}`, `${junk};${cookie};${junk}`]) {
      const response = await send('/me', { cookie: header })
      t.equal(response.json().userId, 'ada', header.slice(0, 30))
      t.strictSame(setCookies(response), [], 'and stays as it is')
    }
  }
  for (const header of [`${planted}; ${cookie}`, `${cookie}; ${planted}`, `\t${planted}; ${cookie}`, `a=b; ${cookie};\t ${planted}`]) { t.match((await send('/me', { cookie: header })).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' }) }
  t.equal((await send('/me', { cookie: `${cookie}; ${cookie}` })).json().userId, 'ada', 'the same twice is one')
  t.strictSame([...new Set(events.map(event => event.type))].filter(type => type !== 'created'), ['duplicate-cookie', 'cookie-tossing'])
})

for (const [what, from, to] of [
  ['domain', { name: 'sid' }, { name: 'sid', domain: 'example.com' }],
  ['domain, taken away', { name: 'sid', domain: 'example.com' }, { name: 'sid' }],
  ['path', { name: 'sid', path: '/' }, { name: 'sid', path: '/app' }],
  ['path, to the root', { name: 'sid', path: '/app' }, { name: 'sid' }],
  ['partition', { sameSite: 'none' }, { sameSite: 'none', partitioned: true }],
  ['partition, taken away', { sameSite: 'none', partitioned: true }, { sameSite: 'none' }]
] as const) {
  t.test(`row 24, 25: after a change of ${what} a user stays signed in, can sign in again and log out, and no twin remains`, async t => {
    const store = memoryStore()
    const host = 'www.example.com'
    const routes = (app: FastifyInstance): void => {
      app.get('/app/me', { config: { session: { required: true } } }, async request => ({ userId: request.session.userId }))
      app.post('/app/login', async request => { await request.session.login(request.body as string, { remember: true }); return {} })
      app.post('/app/logout', async request => { await request.session.logout(); return {} })
    }
    const before = await testApp(t, { store, cookie: from }, routes)
    const after = await testApp(t, { store, cookie: to }, routes)
    const jar = new CookieJar(host)
    const send = async (url: string, { send } = after, payload?: string) => {
      const cookie = jar.header(url)
      return jar.store(
        await send(url, {
          method: url.endsWith('me') ? 'GET' : 'POST',
          cookie,
          headers: { host, 'content-type': 'application/json' },
          payload: JSON.stringify(payload ?? ''),
          ...far
        })
      )
    }
    await send('/app/login', before, 'ada')
    t.equal((await send('/app/me')).json().userId, 'ada', 'the old cookie stays valid')
    t.equal(jar.size, 1)
    await send('/app/login', after, 'bob')
    t.equal(jar.size, 2, 'the twin is dead')
    t.equal((await send('/app/me')).json().userId, 'bob', 'the live one is used')
    t.equal(jar.size, 1, 'and the other deleted')
    t.equal((await send('/app/me')).json().userId, 'bob')

    // the live session in the old form, and a dead one in the new form
    const old = new CookieJar(host)
    old.store(
      await before.send('/app/login', { method: 'POST', payload: '"eve"', headers: { host, 'content-type': 'application/json' }, ...far })
    )
    await after.app.sessions.revokeUser('bob')
    jar.add(
      setCookies(
        await before.send('/app/login', {
          method: 'POST',
          payload: '"eve"',
          headers: { host, 'content-type': 'application/json' },
          ...far
        })
      ).join()
    )
    t.equal(jar.size, 2)
    t.equal((await send('/app/me')).json().userId, 'eve')
    t.equal(jar.size, 1, 'the live one is issued in the new form')
    t.equal((await send('/app/me')).json().userId, 'eve')

    // two live ones: an attack, which does not outlive the response
    const planted = setCookies(
      await before.send('/app/login', {
        method: 'POST',
        payload: '"mallory"',
        headers: { host, 'content-type': 'application/json' },
        ...far
      })
    ).join()
    jar.add(planted)
    t.equal((await send('/app/me')).json().code, 'FST_SESSION_REQUIRED')
    t.equal((await send('/app/me')).json().userId, 'eve', "the app's own cookie remains")
    jar.add(planted)
    await send('/app/login', after, 'ada')
    t.equal((await send('/app/me')).json().userId, 'ada', 'a sign-in deletes the twin')
    jar.add(planted)
    t.strictSame([(await send('/app/logout')).statusCode, jar.size], [200, 0], 'a log-out leaves none')
    t.equal((await after.app.sessions.count({ userId: 'mallory' })), 1, 'and does not end a session that was not accepted')
  })
}

t.test('row 24, 25: an outdated cookie beside the current one of its session is no reuse, and is deleted', async t => {
  const store = memoryStore()
  const before = await testApp(t, { store, cookie: { name: 'sid' } })
  const after = await testApp(t, { store, cookie: { name: 'sid', domain: 'example.com' } })
  const jar = new CookieJar('example.com')
  const headers = { host: 'example.com' }
  jar.store(await before.send('/login', { method: 'POST', payload: { userId: 'ada', remember: true }, headers, ...far }))
  for (const each of [before, after]) each.clock.now += 3_600_001
  jar.store(await after.send('/me', { cookie: jar.header('/me'), headers, ...far }))
  t.equal(jar.size, 2, 'rotation issued the new form')
  for (let i = 0; i < 3; i++) {
    for (const each of [before, after]) each.clock.now += 900_000
    const response = jar.store(await after.send('/me', { cookie: jar.header('/me'), headers, ...far }))
    t.equal(response.json().userId, 'ada')
    t.equal(jar.size, 1)
  }
  t.strictSame(after.events.filter(({ type }) => type === 'token-reused' || type === 'cookie-tossing'), [])
})

t.test('row 24, 25: while the store fails, several cookies are no reason to sign out', async t => {
  const store = memoryStore()
  const { send, signIn } = await testApp(t, { store }, app => { app.get('/open', async () => ({})) })
  const header = `${await signIn()}; ${await signIn('eve')}`
  store.read = () => { throw new Error('down') }
  const refused = await send('/me', { cookie: header })
  t.match([refused.statusCode, setCookies(refused)], [503, []])
  const open = await send('/open', { cookie: header })
  t.strictSame([open.statusCode, setCookies(open)], [200, []])
})

t.test('row 26: names that resemble the cookie name are ignored', async t => {
  const { send, app } = await testApp(t)
  const value = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' }, ...far })).slice('__Host-sid='.length)
  for (const name of [
    '\u00a0__Host-sid',
    '__Host-sid\u00a0',
    '\ufeff__Host-sid',
    '%5f%5fHost-sid',
    '__host-sid',
    '__HOST-SID',
    '__Host-SID',
    '=__Host-sid',
    '$__Host-sid',
    '"__Host-sid"',
    '__Host-sid ',
    '__Secure-sid',
    'x__Host-sid',
    '__Host-sid[]',
    '$Version=1,__Host-sid'
  ]) {
    t.equal((await send('/me', { cookie: `${name}=${value}`, ...far })).statusCode, 401, JSON.stringify(name))
    t.equal(
      (await send('/me', { cookie: `${name}=junk; __Host-sid=${value}`, ...far })).json().userId,
      'ada',
      `${JSON.stringify(name)} disturbs nobody`
    )
  }
  // as bytes on a real connection, which from here would be the loopback form
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const login = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' } }))
  const status = (name: Buffer | string) => new Promise<number>(resolve => {
    const socket = connect(Number(url.port), '127.0.0.1', () => {
      socket.end(
        Buffer.concat([
          Buffer.from('GET /me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: '),
          Buffer.from(name),
          Buffer.from(login.slice(3)),
          Buffer.from('\r\n\r\n')
        ])
      )
    })
    socket.on('data', (data: Buffer) => { resolve(Number(data.toString('latin1').split(' ')[1])) })
  })
  t.equal(await status('sid'), 200)
  t.equal(await status('a=b;\t sid'), 200)
  for (const name of [
    Buffer.from([0xa0, ...Buffer.from('sid')]),
    Buffer.from('\u00a0sid'),
    Buffer.from('%73id'),
    Buffer.from('SID'),
    Buffer.from('=sid'),
    Buffer.from('a=b,sid')
  ]) { t.equal(await status(name), 401, name.toString('latin1')) }
  for (const name of [Buffer.from('\0sid'), Buffer.from('\u001bsid'), Buffer.from('a=b\nsid')]) { t.equal(await status(name), 400, 'refused before it reaches us') }
})

t.test('row 27: a flooded header is read once, in linear time', async t => {
  const { send, signIn } = await testApp(t)
  const cookie = await signIn()
  const pairs = Array.from({ length: 3000 }, (_, i) => `a${i}=${i}`).join('; ')
  for (const flood of [
    pairs,
    ';'.repeat(400_000),
    ' '.repeat(400_000),
    'sid'.repeat(130_000),
    '='.repeat(400_000),
    'sid=; '.repeat(60_000),
    `${' '.repeat(400)}sid=x;`.repeat(1000)
  ]) {
    t.equal((await send('/me', { cookie: flood })).statusCode, 401)
    t.equal((await send('/me', { cookie: `${flood}; ${cookie}` })).statusCode, 200)
  }
  for (const odd of ['__proto__=x', 'constructor=x', 'toString=x; hasOwnProperty=y', 'a', '=', ';;;', ',']) { t.equal((await send('/me', { cookie: `${odd}; ${cookie}` })).statusCode, 200) }
})

t.test('row 1, 2, 3: tokens never repeat, have no meaning and are not in the store', async t => {
  const store = memoryStore()
  const { send, app } = await testApp(t, { store })
  const seen = new Set<string>()
  let ones = 0
  const users = 4000
  for (let i = 0; i < users; i++) {
    const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: `user-${i}@example.com` } }))
    const [token = ''] = cookie.slice(4).split('.')
    const verifier = Buffer.from(token, 'base64url').subarray(19)
    if (verifier.length !== 32) t.fail('256 bits')
    seen.add(verifier.toString('hex'))
    for (const byte of verifier) ones += (byte.toString(2).match(/1/g) ?? []).length
    if (i % 100 === 0) {
      t.notOk(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(token), 'no UUID')
      for (const text of [`user-${i}`, String(Date.UTC(2026, 0, 1)), Date.UTC(2026, 0, 1).toString(16)]) {
        t.notOk(
          [verifier.toString('latin1'), verifier.toString('hex'), verifier.toString('base64')].some(form => form.includes(text)),
          'neither a name nor a time'
        )
      }
      // the raw records, as whoever holds the store sees them
      const dump = JSON.stringify(await store.list({}, { limit: 10_000, cursor: null, order: 'newest' }))
      for (const part of [token, cookie.slice(4), ...['hex', 'base64', 'base64url'].map(form => verifier.toString(form as 'hex'))]) { t.notOk(dump.includes(part), 'not in the store') }
    }
    if (i % 2 === 0) await send(`${api}/logout`, { cookie, method: 'POST' })
    else await app.sessions.revokeUser(`user-${i}@example.com`)
  }
  t.equal(seen.size, users)
  const bits = users * 256
  t.ok(Math.abs(ones - bits / 2) < 5 * Math.sqrt(bits) / 2, `${ones} of ${bits} bits are set`)
})

t.test('row 17, 18: users stay signed in while secrets change on a running fleet, one node after the other', async t => {
  const store = memoryStore()
  const [a, b] = ['the old secret, which is long enough', 'the new secret, which is long enough']
  const old = await testApp(t, { store, secret: a })
  const first = await testApp(t, { store, secret: [a, b] })
  const second = await testApp(t, { store, secret: [b, a] })
  let cookie = await old.signIn()
  t.equal((await first.send('/me', { cookie })).statusCode, 200)
  const answer = await second.send('/me', { cookie })
  t.equal(answer.statusCode, 200)
  cookie = cookieOf(answer)
  t.equal((await first.send('/me', { cookie })).statusCode, 200, 'a node that signs with the old one knows the new one')
  const unknown = await old.send('/me', { cookie })
  t.equal(unknown.statusCode, 401)
  t.strictSame(setCookies(unknown), [], 'a node that does not know it yet does not delete it')
  t.equal((await second.send('/me', { cookie })).statusCode, 200)
})
