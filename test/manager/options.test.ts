import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { SessionManager } from '../../lib/manager/manager.ts'
import { toAdminOptions } from '../../routes/admin/options.ts'
import { toPageOptions } from '../../routes/pages/options.ts'
import { toCookieAttributes } from '../../lib/cookie/attributes.ts'
import { resolveOptions } from '../../lib/manager/options.ts'
import type { SessionManagerOptions } from '../../lib/manager/options.ts'
import {
  fromAuthJs,
  fromBetterAuth,
  fromExpressSession,
  fromFastifySession,
  fromIronSession,
  fromSecureSession
} from '../../lib/migration/index.ts'
import { resolveMigrationOptions } from '../../lib/migration/options.ts'
import { toMilliseconds } from '../../lib/options.ts'
import { checkPluginOptions, toRequestOptions, toRouteOptions } from '../../lib/plugin/options.ts'
import { routeConfigOf } from '../../lib/plugin/route-config.ts'
import type { SessionRouteConfig } from '../../lib/plugin/route-config.ts'
import type { Store } from '../../lib/store.ts'
import { memoryStore } from '../../lib/stores/memory.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'

const secret = 'a secret of the tests, long enough'
const day = 86_400_000

t.test('durations are text with a unit, or milliseconds', async t => {
  for (const [value, expected] of [
    ['30m', 1_800_000],
    ['1.5h', 5_400_000],
    ['14d', 14 * day],
    ['90s', 90_000],
    ['500ms', 500],
    [0, 0],
    [12.4, 12]
  ] as const) { t.equal(toMilliseconds(value, 'x'), expected) }
  for (const value of ['', '5', 'm', '5 m', '-5m', '5y', NaN, Infinity, -1, null, undefined, {}, '1e3s', '9999999d']) {
    t.throws(() => toMilliseconds(value, 'idle'), {
      code: 'FST_SESSION_INVALID_OPTION',
      message: "Expected `idle` to be a duration such as '30m', or milliseconds, from 0ms to 3650d."
    })
  }
  t.throws(() => toMilliseconds('1s', 'x', { min: 2000, max: 3_600_000 }), { message: /from 2s to 1h/ })
})

t.test('defaults: half an hour idle, twelve hours, two weeks and thirty days remembered', async t => {
  const {
    policy,
    maxSessions: limit,
    historyRetention: history,
    cleanupInterval: sweep,
    flushInterval: flush,
    storeTimeout,
    remembers
  } = resolveOptions({ secret })
  t.strictSame(policy.session, { idleTimeout: 1_800_000, absoluteTimeout: day / 2 })
  t.strictSame(policy.remembered, { idleTimeout: 14 * day, absoluteTimeout: 30 * day })
  t.strictSame(policy.guest, { idleTimeout: 1_800_000, absoluteTimeout: 14_400_000 })
  t.strictSame(policy.rotateAfter, { session: 0, remembered: 3_600_000 })
  t.strictSame([history, sweep, flush, storeTimeout, remembers], [30 * day, 900_000, 1000, 500, true])
  t.equal(limit.max('ada'), 100)
  t.equal(limit.onExceeded, 'evict-oldest')
})

t.test('profiles are the lengths of NIST SP 800-63B-4, and shorter ones are allowed', async t => {
  t.strictSame(resolveOptions({ secret, nistProfile: 'aal1' }).policy.session, { idleTimeout: 30 * day, absoluteTimeout: 30 * day })
  t.strictSame(resolveOptions({ secret, nistProfile: 'aal2' }).policy.session, { idleTimeout: 3_600_000, absoluteTimeout: day })
  t.strictSame(resolveOptions({ secret, nistProfile: 'aal3' }).policy.session, { idleTimeout: 900_000, absoluteTimeout: day / 2 })
  t.strictSame(resolveOptions({ secret, nistProfile: 'aal2', idleTimeout: '10m' }).policy.session, {
    idleTimeout: 600_000,
    absoluteTimeout: day
  })
  t.equal(resolveOptions({ secret, nistProfile: 'aal2' }).remembers, false)
})

t.test('contradictions and nonsense are refused, naming the option', async t => {
  const wrong: [SessionManagerOptions, RegExp][] = [
    [{ secret: 'short' }, /`secret`/],
    [{ secret: [] }, /`secret`/],
    [{ secret: [secret, ''] }, /`secret`/],
    [{ secret: [secret, 'short'] }, /`secret`/],
    [{ secret: 5 as unknown as string }, /`secret`/],
    [{ secret, idleTimeout: '2h', absoluteTimeout: '1h' }, /`idleTimeout`/],
    [{ secret, idleTimeout: '5s' }, /ten times `flushInterval`/],
    [{ secret, idleTimeout: 0 }, /`idleTimeout`/],
    [{ secret, nistProfile: 'aal2', idleTimeout: '2h' }, /`idleTimeout`.*aal2/],
    [{ secret, nistProfile: 'aal3', absoluteTimeout: '13h' }, /`absoluteTimeout`.*aal3/],
    [{ secret, nistProfile: 'aal9' as 'aal1' }, /`nistProfile`/],
    [{ secret, remember: { absoluteTimeout: '401d' } }, /400d/],
    [{ secret, remember: { idleTimeout: '31d', absoluteTimeout: '30d' } }, /remember.idle/],
    [{ secret, remember: { rotateAfter: '1m' } }, /remember.rotate/],
    [{ secret, rotateAfter: '10s' }, /`rotateAfter`/],
    [{ secret, maxSessions: 0 }, /`maxSessions`/],
    [{ secret, maxSessions: 1.5 }, /`maxSessions`/],
    [{ secret, maxSessions: '5' as unknown as number }, /`maxSessions`/],
    [{ secret, maxSessions: { max: -1 } }, /`maxSessions`/],
    [{ secret, maxSessions: { max: 1, onExceeded: 'newest' as 'evict-oldest' } }, /maxSessions.onExceeded/],
    [{ secret, cleanupInterval: 0 }, /`cleanupInterval`/],
    [{ secret, flushInterval: '2m' }, /`flushInterval`/],
    [{ secret, storeTimeout: 0 }, /`storeTimeout`/],
    [{ secret, ip: 'all' as 'full' }, /`ip`/],
    [{ secret, onTokenReuse: 'x' as 'user' }, /`onTokenReuse`/],
    [{ secret, now: 5 as unknown as () => number }, /`now`/],
    [{ secret, assessRisk: true as unknown as () => 'allow' }, /`assessRisk`/],
    [{ secret, guest: { idleTimeout: '5h' } as const, flushInterval: '1h' }, /flush/]
  ]
  for (const [options, message] of wrong) t.throws(() => resolveOptions(options), { code: 'FST_SESSION_INVALID_OPTION', message })
})

t.test('a long idle time takes the absolute one along', async t => {
  t.strictSame(resolveOptions({ secret, idleTimeout: '20h' }).policy.session, {
    idleTimeout: (day * 20) / 24,
    absoluteTimeout: (day * 20) / 24
  })
})

t.test('a limit can be a function of the user, and is checked when it answers', async t => {
  const { maxSessions: limit } = resolveOptions({
    secret,
    maxSessions: { max: async userId => (userId === 'ada' ? 2 : 0), onExceeded: 'evict-idle' }
  })
  t.equal(await limit.max('ada'), 2)
  await t.rejects(async () => limit.max('bob'), { code: 'FST_SESSION_INVALID_OPTION' })
  t.equal(resolveOptions({ secret, maxSessions: Infinity }).maxSessions.max('ada'), Infinity)
})

t.test('history keeps as many sessions of a user as may be live, from 20 to 1,000, or as many as the option says', async t => {
  for (const [maxSessions, expected] of [
    [undefined, 100],
    [5, 20],
    [21, 21],
    [5000, 1000],
    [Infinity, 1000],
    [{ max: 50 }, 50],
    [{ max: () => 50 }, 20]
  ] as const) {
    t.equal(resolveOptions({ secret, ...(maxSessions === undefined ? {} : { maxSessions }) }).historyPerUser, expected)
  }
  t.equal(resolveOptions({ secret, maxSessions: 5, historyPerUser: 1 }).historyPerUser, 1)
  for (const historyPerUser of [0, 1001, 1.5, -1, Infinity, '20' as unknown as number]) {
    t.throws(() => resolveOptions({ secret, historyPerUser }), { code: 'FST_SESSION_INVALID_OPTION', message: /`historyPerUser`/ })
  }
  for (const [historyPerUser, expected] of [[3, 3], [undefined, 25]] as const) {
    const sessions = await new SessionManager({ secret, maxSessions: 25, ...historyPerUser === undefined ? {} : { historyPerUser } }).open()
    for (let i = 0; i < 25; i++) await sessions.create({ userId: 'ada' })
    await sessions.revokeUser('ada')
    t.equal((await sessions.history({ userId: 'ada' }, { limit: 200 })).items.length, expected, 'the store gets it')
    await sessions.close()
  }
})

t.test('without a secret one is made up, with a warning, for sessions of this process outside production only', async t => {
  const warnings: string[] = []
  const warn = (message: string) => { warnings.push(message) }
  t.ok((resolveOptions({ warn }).secrets[0] ?? '').length >= 43)
  t.equal(resolveOptions({ warn, store: memoryStore() }).secrets.length, 1)
  t.equal(warnings.length, 2)
  t.match(warnings[0], /No `secret`/)
  const shared = { ...memoryStore(), scope: 'network' } as unknown as Store
  t.throws(() => resolveOptions({ warn, store: shared }), { code: 'FST_SESSION_INVALID_OPTION' })
  const { NODE_ENV } = process.env
  process.env['NODE_ENV'] = 'production'
  t.teardown(() => { if (NODE_ENV === undefined) Reflect.deleteProperty(process.env, 'NODE_ENV'); else process.env['NODE_ENV'] = NODE_ENV })
  t.throws(() => resolveOptions({ warn }), { code: 'FST_SESSION_INVALID_OPTION', message: /randomBytes/ })
})

/** Sets variables of the environment for one test. */
function withEnvironment (t: { teardown: (fn: () => void) => void }, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env }
  t.teardown(() => {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before[name]
    }
  })
  Object.assign(process.env, variables)
}

/** Returns the warnings of a start. */
async function warningsOf (store: Store): Promise<string[]> {
  const warnings: string[] = []
  const manager = await new SessionManager({ secret, store, warn: message => { warnings.push(message) } }).open()
  await manager.close()
  return warnings
}

t.test('a store in the memory of one process warns at the start in production, and where there are several processes', async t => {
  t.strictSame(await warningsOf(memoryStore()), [])
  for (const [variable, value] of [
    ['NODE_APP_INSTANCE', '0'],
    ['WEB_CONCURRENCY', '2'],
    ['AWS_LAMBDA_FUNCTION_NAME', 'app'],
    ['K_SERVICE', 'app'],
    ['VERCEL', '1']
  ] as const) {
    await t.test(variable, async t => {
      withEnvironment(t, { [variable]: value })
      t.match(await warningsOf(memoryStore()), [/`memory` belongs to one process.*Redis/])
    })
  }
  await t.test('one process', async t => {
    withEnvironment(t, { WEB_CONCURRENCY: '1', NODE_APP_INSTANCE: '' })
    t.strictSame(await warningsOf(memoryStore()), [])
  })
  await t.test('production', async t => {
    withEnvironment(t, { NODE_ENV: 'production' })
    t.match(await warningsOf(memoryStore()), [/`memory` is not persistent/])
    const dir = mkdtempSync(join(tmpdir(), 'fsm-warn-'))
    t.teardown(() => { rmSync(dir, { recursive: true }) })
    t.strictSame(await warningsOf(sqliteStore(join(dir, 'sessions.db'))), [], 'a file is persistent')
    withEnvironment(t, { WEB_CONCURRENCY: '2' })
    t.strictSame(await warningsOf(sqliteStore(join(dir, 'sessions.db'))), [], 'and shared by the processes of a machine')
  })
  await t.test('a worker of node:cluster', async t => {
    cluster.setupPrimary({ exec: join(import.meta.dirname, '../helpers/cluster-child.ts') })
    const worker = cluster.fork()
    const [warnings] = await once(worker, 'message') as [string[]]
    await once(worker, 'exit')
    t.match(warnings, [/node:cluster.*anonymous/])
  })
})

t.test('without a place to warn, warnings go to the process', async t => {
  const warned = new Promise<Error & { code?: string, detail?: string }>(resolve => { process.once('warning', resolve) })
  resolveOptions({ secret }).warn('trouble', new Error('inner'))
  t.match(await warned, { message: 'trouble', code: 'FST_SESSION' })
  const again = new Promise<Error>(resolve => { process.once('warning', resolve) })
  resolveOptions({ secret }).warn('more trouble')
  t.match(await again, { message: 'more trouble' })
})

t.test("a route's rules are checked", async t => {
  t.match(routeConfigOf(undefined), { disabled: false, required: false })
  t.match(routeConfigOf({ session: false }), { disabled: true })
  const config = { session: { fresh: '10m', passive: true } } as const
  t.strictSame(routeConfigOf(config), { disabled: false, required: true, fresh: 600_000, passive: true, sameOrigin: 'upgrades' })
  t.equal(routeConfigOf(config), routeConfigOf(config), 'once')
  for (const session of [true, null, 'required', { requried: true }, { required: 1 }, { fresh: 'soon' }, { fresh: 0 }]) {
    t.throws(() => routeConfigOf({ session: session as SessionRouteConfig }), { code: 'FST_SESSION_INVALID_OPTION' })
  }
})

t.test('an option that does not exist is refused at every level, with the nearest name, or with what to use in its place', async t => {
  const manager = (options: object) => () => resolveOptions({ secret, ...options })
  const authorize = () => true
  const adapter = { name: 'old', match () {}, load () {}, cookies: [], identifies: true }
  const wrong: [string, () => unknown, string][] = [
    ['idleTimout', manager({ idleTimout: '1h' }), '`idleTimeout`'],
    ['remember.absolutetimeout', manager({ remember: { absolutetimeout: '1h' } }), '`remember.absoluteTimeout`'],
    ['guest.rotateAfter', manager({ guest: { rotateAfter: '1h' } }), 'left out'],
    ['maxSessions.onexceed', manager({ maxSessions: { max: 1, onexceed: 'reject' } }), '`maxSessions.onExceeded`'],
    ['maxSessions.onLimit', manager({ maxSessions: { max: 1, onLimit: 'reject' } }), 'Use `maxSessions.onExceeded`'],
    ['encryption.key', manager({ encryption: { keys: secret, key: secret } }), '`encryption.keys`'],
    ['cookie', () => { checkPluginOptions({ cookies: {} } as never) }, '`cookie`'],
    ['saveUninitialized', () => { checkPluginOptions({ saveUninitialized: false } as never) }, 'left out. A guest session'],
    ['cookie.maxAge', () => toCookieAttributes({ maxAge: 1 } as never), '`idleTimeout`'],
    ['cookie.samesite', () => toCookieAttributes({ samesite: 'strict' } as never), '`cookie.sameSite`'],
    ['routes.refresh', () => toRouteOptions({ routes: { refresh: '5m' } } as never), '`routes.fresh`'],
    ['eventStream.heartBeat', () => toRouteOptions({ eventStream: { heartBeat: '5s' } } as never), '`eventStream.heartbeat`'],
    ['otel.users', () => toRequestOptions({ otel: { api: { trace: { getActiveSpan () {} } }, users: true } } as never), '`otel.user`'],
    ['devicesPage.lng', () => toPageOptions({ lng: 'de' } as never, 'devicesPage', '/devices'), '`devicesPage.lang`'],
    ['admin.authorise', () => toAdminOptions({ authorize, authorise: authorize } as never), '`admin.authorize`'],
    ['admin.console.url', () => toAdminOptions({ authorize, console: { url: '/x' } } as never), 'left out'],
    ['migrate.modes', () => resolveMigrationOptions({ adapters: [adapter], until: 1, modes: 'drain' } as never, undefined), '`migrate.mode`'],
    ['migrate.rollback.date', () => resolveMigrationOptions({ adapters: [adapter], until: 1, rollback: { data: () => ({}), date: 1 } } as never, undefined), '`migrate.rollback.data`'],
    ['config.session.requried', () => routeConfigOf({ session: { requried: true } } as never), '`config.session.required`'],
    ['maximum', () => memoryStore({ maximum: 5 } as never), '`max`'],
    ['tableName', () => sqliteStore('x.db', { tableName: 'x' } as never), 'Use `prefix`'],
    ['keyPrefix', () => redisStore('redis://x', { keyPrefix: 'x' } as never), 'Use `prefix`'],
    ['ttl', () => redisStore('redis://x', { ttl: 5 } as never), '`idleTimeout`'],
    ['wait.replica', () => redisStore('redis://x', { wait: { replicas: 1, replica: 1 } } as never), '`wait.replicas`'],
    ['cache.maxAge', () => redisStore('redis://x', { cache: { maxAge: 5 } } as never), 'left out'],
    ['schemaName', () => postgresStore('postgres://x', { schemaName: 'x' } as never), 'Use `schema`'],
    ['cache.stale', () => postgresStore('postgres://x', { cache: { stale: 5 } } as never), '`cache.maxStale`']
  ]
  for (const [option, check, advice] of wrong) {
    if (option === 'cookie') { t.throws(check, { code: 'FST_SESSION_INVALID_OPTION', message: 'Expected `cookies` to be `cookie`.' }, 'cookies') } else t.throws(check, { code: 'FST_SESSION_INVALID_OPTION', message: `Expected \`${option}\` to be` }, option)
    try { check() } catch (error) { t.match((error as Error).message, advice) }
  }
})

t.test('options that are no object are refused by name', async t => {
  for (const value of [null, 'x', 5, [], true]) {
    t.throws(() => toCookieAttributes(value as never), { code: 'FST_SESSION_INVALID_OPTION', message: '`cookie`' })
    t.throws(() => resolveOptions({ secret, remember: value as never }), { message: '`remember`' })
    t.throws(() => toRouteOptions({ eventStream: value as never }), { message: '`eventStream`' })
  }
})

t.test('adapters of old libraries refuse options that they do not have', async t => {
  const wrong: [string, () => unknown][] = [
    ['fromFastifySession.cookie-name', () => fromFastifySession({ secret, store: {}, 'cookie-name': 'x' } as never)],
    ['fromExpressSession.resave', () => fromExpressSession({ secret, store: {}, resave: false } as never)],
    ['fromBetterAuth.basePath', () => fromBetterAuth({ secret, auth: {}, basePath: '/x' } as never)],
    ['fromIronSession.cookiename', () => fromIronSession({ password: secret, unsealData () {}, cookiename: 'x' } as never)],
    ['fromSecureSession.cookieNames', () => fromSecureSession({ sodium: {}, secret, cookieNames: 'x' } as never)],
    ['fromAuthJs.cookies', () => fromAuthJs({ adapter: { getSessionAndUser () {} }, cookies: {} } as never)]
  ]
  for (const [option, make] of wrong) t.throws(make, { code: 'FST_SESSION_INVALID_OPTION', message: `\`${option}\`` }, option)
})
