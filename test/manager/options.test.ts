import t from 'tap'
import { toSettings } from '../../lib/manager/options.ts'
import type { SessionManagerOptions } from '../../lib/manager/options.ts'
import { toMilliseconds } from '../../lib/options.ts'
import { rulesOf } from '../../lib/plugin/route-config.ts'
import type { SessionRouteConfig } from '../../lib/plugin/route-config.ts'
import type { Store } from '../../lib/store.ts'
import { memoryStore } from '../../lib/stores/memory.ts'

const secret = 'a secret of the tests, long enough'
const day = 86_400_000

t.test('durations are text with a unit, or milliseconds', async t => {
  for (const [value, expected] of [['30m', 1_800_000], ['1.5h', 5_400_000], ['14d', 14 * day], ['90s', 90_000], ['500ms', 500], [0, 0], [12.4, 12]] as const) t.equal(toMilliseconds(value, 'x'), expected)
  for (const value of ['', '5', 'm', '5 m', '-5m', '5y', NaN, Infinity, -1, null, undefined, {}, '1e3s', '9999999d']) {
    t.throws(() => toMilliseconds(value, 'idle'), { code: 'FST_SESSION_INVALID_OPTION', message: "Expected `idle` to be a duration such as '30m', or milliseconds, from 0ms to 3650d." })
  }
  t.throws(() => toMilliseconds('1s', 'x', { min: 2000, max: 3_600_000 }), { message: /from 2s to 1h/ })
})

t.test('defaults: half an hour idle, twelve hours, two weeks and thirty days remembered', async t => {
  const { policy, limit, history, sweep, flush, storeTimeout, remembers } = toSettings({ secret })
  t.strictSame(policy.session, { idle: 1_800_000, absolute: day / 2 })
  t.strictSame(policy.remembered, { idle: 14 * day, absolute: 30 * day })
  t.strictSame(policy.guest, { idle: 1_800_000, absolute: 14_400_000 })
  t.strictSame(policy.rotate, { session: 0, remembered: 3_600_000 })
  t.strictSame([history, sweep, flush, storeTimeout, remembers], [30 * day, 900_000, 1000, 500, true])
  t.equal(limit.max('ada'), 100)
  t.equal(limit.onLimit, 'oldest')
})

t.test('profiles are the lengths of NIST SP 800-63B-4, and shorter ones are allowed', async t => {
  t.strictSame(toSettings({ secret, profile: 'aal1' }).policy.session, { idle: 30 * day, absolute: 30 * day })
  t.strictSame(toSettings({ secret, profile: 'aal2' }).policy.session, { idle: 3_600_000, absolute: day })
  t.strictSame(toSettings({ secret, profile: 'aal3' }).policy.session, { idle: 900_000, absolute: day / 2 })
  t.strictSame(toSettings({ secret, profile: 'aal2', idle: '10m' }).policy.session, { idle: 600_000, absolute: day })
  t.equal(toSettings({ secret, profile: 'aal2' }).remembers, false)
})

t.test('contradictions and nonsense are refused, naming the option', async t => {
  const wrong: [SessionManagerOptions, RegExp][] = [
    [{ secret: 'short' }, /`secret`/], [{ secret: [] }, /`secret`/], [{ secret: [secret, ''] }, /`secret`/], [{ secret: [secret, 'short'] }, /`secret`/], [{ secret: 5 as unknown as string }, /`secret`/],
    [{ secret, idle: '2h', absolute: '1h' }, /`idle`/], [{ secret, idle: '5s' }, /ten times `flush`/], [{ secret, idle: 0 }, /`idle`/],
    [{ secret, profile: 'aal2', idle: '2h' }, /`idle`.*aal2/], [{ secret, profile: 'aal3', absolute: '13h' }, /`absolute`.*aal3/], [{ secret, profile: 'aal9' as 'aal1' }, /`profile`/],
    [{ secret, remember: { absolute: '401d' } }, /400d/], [{ secret, remember: { idle: '31d', absolute: '30d' } }, /remember.idle/], [{ secret, remember: { rotate: '1m' } }, /remember.rotate/], [{ secret, rotate: '10s' }, /`rotate`/],
    [{ secret, limit: 0 }, /`limit`/], [{ secret, limit: 1.5 }, /`limit`/], [{ secret, limit: '5' as unknown as number }, /`limit`/], [{ secret, limit: { max: -1 } }, /`limit`/], [{ secret, limit: { max: 1, onLimit: 'newest' as 'oldest' } }, /limit.onLimit/],
    [{ secret, sweep: 0 }, /`sweep`/], [{ secret, flush: '2m' }, /`flush`/], [{ secret, storeTimeout: 0 }, /`storeTimeout`/], [{ secret, ip: 'all' as 'full' }, /`ip`/], [{ secret, onReuse: 'x' as 'user' }, /`onReuse`/],
    [{ secret, now: 5 as unknown as () => number }, /`now`/], [{ secret, risk: true as unknown as () => 'allow' }, /`risk`/], [{ secret, guest: { idle: '5h' } as const, flush: '1h' }, /flush/]
  ]
  for (const [options, message] of wrong) t.throws(() => toSettings(options), { code: 'FST_SESSION_INVALID_OPTION', message })
})

t.test('a long idle time takes the absolute one along', async t => {
  t.strictSame(toSettings({ secret, idle: '20h' }).policy.session, { idle: day * 20 / 24, absolute: day * 20 / 24 })
})

t.test('a limit can be a function of the user, and is checked when it answers', async t => {
  const { limit } = toSettings({ secret, limit: { max: async userId => userId === 'ada' ? 2 : 0, onLimit: 'idle' } })
  t.equal(await limit.max('ada'), 2)
  await t.rejects(async () => limit.max('bob'), { code: 'FST_SESSION_INVALID_OPTION' })
  t.equal(toSettings({ secret, limit: Infinity }).limit.max('ada'), Infinity)
})

t.test('without a secret one is made up, with a warning, for sessions of this process outside production only', async t => {
  const warnings: string[] = []
  const warn = (message: string) => { warnings.push(message) }
  t.ok((toSettings({ warn }).secrets[0] ?? '').length >= 43)
  t.equal(toSettings({ warn, store: memoryStore() }).secrets.length, 1)
  t.equal(warnings.length, 2)
  t.match(warnings[0], /No `secret`/)
  const shared = { ...memoryStore(), scope: 'network' } as unknown as Store
  t.throws(() => toSettings({ warn, store: shared }), { code: 'FST_SESSION_INVALID_OPTION' })
  const { NODE_ENV } = process.env
  process.env['NODE_ENV'] = 'production'
  t.teardown(() => { if (NODE_ENV === undefined) Reflect.deleteProperty(process.env, 'NODE_ENV'); else process.env['NODE_ENV'] = NODE_ENV })
  t.throws(() => toSettings({ warn }), { code: 'FST_SESSION_INVALID_OPTION', message: /randomBytes/ })
})

t.test('without a place to warn, warnings go to the process', async t => {
  const warned = new Promise<Error & { code?: string, detail?: string }>(resolve => { process.once('warning', resolve) })
  toSettings({ secret }).warn('trouble', new Error('inner'))
  t.match(await warned, { message: 'trouble', code: 'FST_SESSION' })
  const again = new Promise<Error>(resolve => { process.once('warning', resolve) })
  toSettings({ secret }).warn('more trouble')
  t.match(await again, { message: 'more trouble' })
})

t.test("a route's rules are checked", async t => {
  t.match(rulesOf(undefined), { off: false, required: false })
  t.match(rulesOf({ session: false }), { off: true })
  const config = { session: { fresh: '10m', passive: true } } as const
  t.strictSame(rulesOf(config), { off: false, required: true, fresh: 600_000, passive: true, sameOrigin: 'upgrades' })
  t.equal(rulesOf(config), rulesOf(config), 'once')
  for (const session of [true, null, 'required', { requried: true }, { required: 1 }, { fresh: 'soon' }, { fresh: 0 }]) {
    t.throws(() => rulesOf({ session: session as SessionRouteConfig }), { code: 'FST_SESSION_INVALID_OPTION' })
  }
})
