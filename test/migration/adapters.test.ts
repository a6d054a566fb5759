import t from 'tap'
import { SessionManager } from '../../lib/index.ts'
import { expiringSetCookie } from '../../lib/migration/cookies.ts'
import { fromAuthJs, fromExpressSession, fromFastifySession, fromIronSession, fromSecureSession } from '../../lib/migration/index.ts'
import type { LegacyAdapter } from '../../lib/migration/index.ts'
import { SourceRecords } from '../../lib/migration/source-records.ts'
import { testApp } from '../helpers/app.ts'
import { oldAuthJs, oldBetterAuth, oldIronSession, oldSecureSession, sodium } from '../helpers/legacy-others.ts'
import { hour, newApp, oldExpressSession, oldFastifySession } from '../helpers/legacy.ts'
import type { Old } from '../helpers/legacy.ts'

t.test('options are checked at registration', async t => {
  const adapter: LegacyAdapter = { name: 'old', identifies: true, cookies: [{ name: 'old' }], match: () => null, load: () => null }
  const until = Date.now()
  for (const [migrate, option] of [
    [{}, 'migrate.adapters'],
    [{ adapters: [] }, 'migrate.adapters'],
    [{ adapters: [null] }, 'migrate.adapters'],
    [{ adapters: [{ ...adapter, load: 1 }] }, 'migrate.adapters'],
    [{ adapters: [adapter, adapter], until }, 'migrate.adapters'],
    [{ adapters: [adapter] }, 'migrate.until'],
    [{ adapters: [adapter], until: 'tomorrow' }, 'migrate.until'],
    [{ adapters: [adapter], until: '5' }, 'migrate.until'],
    [{ adapters: [adapter], until, mode: 'go' }, 'migrate.mode'],
    [{ adapters: [adapter], until, from: 1 }, 'migrate.from'],
    [{ adapters: [adapter], until, resolveUserId: 'id' }, 'migrate.resolveUserId'],
    [{ adapters: [{ ...adapter, identifies: false }], until }, 'migrate.resolveUserId'],
    [{ adapters: [adapter], until, timeout: 'x' }, 'migrate.timeout'],
    [{ adapters: [adapter], until, rollback: true, data: () => ({}) }, 'migrate.rollback'],
    [{ adapters: [adapter], until, rollback: { data: 1 } }, 'migrate.rollback.data'],
    [{ adapters: [adapter], until, data: 1 }, 'migrate.data']
  ] as const) {
    await t.rejects(
      testApp(t, { migrate: migrate as never }),
      { code: 'FST_SESSION_INVALID_OPTION', message: new RegExp(`\`${option}\``) },
      option
    )
  }
  const { app } = await testApp(t, {
    resolveUserId: data => data['id'] as string,
    migrate: { adapters: [{ ...adapter, identifies: false }], until }
  })
  t.ok(app.sessions)
  t.throws(() => fromIronSession({ password: 'x', cookieName: 'x' } as never), {
    code: 'FST_SESSION_INVALID_OPTION',
    message: /unsealData/
  })
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
    if (name === 'endless') { t.equal(((await answer.json()) as { info: { absoluteExpiresAt: number } }).info.absoluteExpiresAt, clock.now + 20 * 24 * hour) }
  }
  const plain = await oldIronSession(t, { options: {} })
  const { url: ironUrl } = await newApp(t, plain)
  t.equal((await (await plain.signIn('ada')).at(ironUrl).get('/me')).status, 200, 'lengths of its own')
  const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 7).toString('base64')]
  const rotated = {
    ...secured,
    ...(await oldSecureSession(t)),
    adapter: fromSecureSession({ sodium, key: keys, name: 'ours', cookieName: 'session', identity: data => String(data['signIn']) })
  }
  const { url } = await newApp(t, rotated)
  t.equal((await (await rotated.signIn('ada')).at(url).get('/me')).status, 200)
})

t.test('what is no cookie of an old library’s is forged, and harms nobody', async t => {
  const forgeries: [Old, string[]][] = [
    [await oldSecureSession(t), ['x', 'x;y', `${'A'.repeat(40)};AAAA`, `${'A'.repeat(40)};${'A'.repeat(32)}`]],
    [
      await oldIronSession(t),
      ['x', 'Fe26.2*1*a*b*c*5*d*e', 'Fe26.2*1*a*b*c**d*e~2', 'Fe26.2**a*b*c*5*d*e~2', 'Fe26.2*9*a*b*c*99999999999999*d*e~2']
    ],
    [await oldBetterAuth(t), ['x', '.x', 'x.', `x.${'A'.repeat(43)}=`]],
    [await oldAuthJs(t), ['x', 'a.b.c.d.e', '0123456789abcdef']]
  ]
  for (const [old, values] of forgeries) {
    const { send, events } = await newApp(t, old)
    for (const value of values) { t.equal((await send('/me', { cookie: `${old.cookie}=${encodeURIComponent(value)}` })).statusCode, 401, `${old.cookie} ${value}`) }
    t.notOk(events.some(({ type }) => type === 'migration-failed'))
  }
})

t.test('old stores of every kind: by callback or promise, listing or not, failing in their own words', async t => {
  const records = new Map<string, object>([
    ['a'.repeat(8), { cookie: { expires: 'never', originalMaxAge: 5 }, user: { id: 'ada' } }],
    ['b'.repeat(8), { user: { id: 'grace' } }]
  ])
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

  const failing = (error: unknown) =>
    fromFastifySession({
      secret: { unsign: () => ({ valid: true, value: 'x' }) },
      store: {
        get: (_id: string, callback: (error: unknown) => void) => {
          callback(error)
        },
        set () {},
        destroy () {},
        all (callback: () => void) {
          callback()
        }
      }
    })
  t.equal(await failing(Object.assign(new Error('no file'), { code: 'ENOENT' })).load('x'), null)
  await t.rejects(async () => failing('in words').load('x'), { message: 'the store failed' })
  for await (const none of failing(null).scan?.() ?? []) t.fail(JSON.stringify(none))
})

t.test('an old cookie is deleted with the attributes it was set with', async t => {
  t.equal(
    expiringSetCookie({ name: '__Secure-old', path: '/app', domain: 'example.com' }),
    '__Secure-old=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/app; Domain=example.com; HttpOnly; Secure'
  )
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

t.test('another site cannot open a socket with an old cookie either', async t => {
  const old = await oldExpressSession(t)
  const browser = await old.signIn('ada')
  const { send, app } = await newApp(t, old)
  const headers = { connection: 'upgrade', upgrade: 'websocket', origin: 'https://evil.example' }
  t.equal((await send('/public', { cookie: browser.cookies().join('; '), headers })).statusCode, 403)
  t.equal(await app.sessions.count({}), 0)
  t.equal((await send('/public', { headers })).statusCode, 200, 'without one it is a visitor')
})
