import { randomBytes } from 'node:crypto'
import { withoutCredentials } from '../errors.ts'
import type { AddressMode } from '../model/ip-address.ts'
import type { SessionRecord } from '../model/record.ts'
import { day, maxCookieAge, oneOf, optionalFunction, refuse, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import type { Lengths, Policy } from '../policy.ts'
import type { Limit, Store } from '../store.ts'

/** How many sessions a user may have at once. */
export interface LimitOptions {
  /** 1 or more, or a function of the user that answers one; `Infinity`: no limit. */
  readonly max: number | ((userId: string) => number | Promise<number>)
  /** What happens to one more. Default `oldest`. */
  readonly onLimit?: Limit['onLimit']
}

/** What a `risk` function answers: go on, ask for a recent sign-in, or end the session. */
export type RiskVerdict = 'allow' | 'challenge' | 'end'

/** Options of a `SessionManager`. Lengths are durations: `'30m'` or milliseconds. */
export interface SessionManagerOptions {
  /** 32 characters or more; several: the first signs, all verify. None: one of this process only, refused in production and with any shared store. */
  readonly secret?: string | readonly string[]
  /** Keeps the keys of several managers apart. Default: the cookie's name. */
  readonly name?: string
  /** An instance, or `memory`, or a URL: `file:…`, `redis://…`, `postgres://…`. Default `memory`. */
  readonly store?: Store | string
  /** Without a request for so long, a session ends. Default 30m. */
  readonly idle?: Duration
  /** And after so long, whatever happens. Default 12h. */
  readonly absolute?: Duration
  /** Sessions that outlive the browser. Defaults 14d, 30d, and a new verifier each hour. */
  readonly remember?: { readonly idle?: Duration, readonly absolute?: Duration, readonly rotate?: Duration }
  /** Sessions without a user. Default 30m, 4h. */
  readonly guest?: { readonly idle?: Duration, readonly absolute?: Duration }
  /** How old the verifier of a session that dies with the browser may get. Default 0: it is rotated by sign-in and on request only. */
  readonly rotate?: Duration
  /** Lengths of NIST SP 800-63B-4 as defaults; longer ones are refused. With `aal2` and `aal3` nothing is remembered. */
  readonly profile?: 'aal1' | 'aal2' | 'aal3'
  /** Default 100 for each user, oldest first. */
  readonly limit?: number | LimitOptions
  /** How long ended sessions are remembered. Default 30d; 0: not at all. */
  readonly history?: Duration
  /** Between two cleanups. Default 15m. */
  readonly sweep?: Duration
  /** Between two batches of activity. Default 1s; 0: each request writes through. `idle` must be ten times as long. */
  readonly flush?: Duration
  /** How long a verb of the store may take. Default 500. */
  readonly storeTimeout?: Duration
  /** What is kept of addresses. Default `full`. */
  readonly ip?: AddressMode
  /** What ends with a session whose old verifier came back. Default `session`. */
  readonly onReuse?: 'session' | 'user'
  /** Decides about a request whose address or agent differs from the session's. Default: allow; there is an event in any case. */
  readonly risk?: (session: SessionRecord, request: { readonly ip: string | null, readonly agent: string | null }) => RiskVerdict | Promise<RiskVerdict>
  /**
   * Seals what the store keeps (AES-256-GCM): data always, addresses and agents by option; what is sealed cannot be looked for. `key`: 32
   * random characters or more, several to change it (the first seals, all open). `plain`: sessions from before sealing are taken as they are.
   */
  readonly encryption?: { readonly key: string | readonly string[], readonly ip?: boolean, readonly agent?: boolean, readonly plain?: boolean }
  /** Only tests move time. */
  readonly now?: () => number
  /** Told of trouble that no caller can be told of. Default `process.emitWarning`. */
  readonly warn?: (message: string, cause?: unknown) => void
}

/** Options, checked. Milliseconds. */
export interface Settings {
  readonly secrets: readonly string[]
  readonly name: string
  readonly store: Store | string
  readonly policy: Policy
  /** Sessions may be remembered. */
  readonly remembers: boolean
  readonly limit: { readonly max: (userId: string) => number | Promise<number>, readonly onLimit: Limit['onLimit'] }
  readonly history: number
  readonly sweep: number
  readonly flush: number
  readonly storeTimeout: number
  readonly ip: AddressMode
  readonly onReuse: 'session' | 'user'
  readonly risk: SessionManagerOptions['risk'] | undefined
  readonly encryption: { readonly keys: readonly string[], readonly ip: boolean, readonly agent: boolean, readonly plain: boolean } | null
  readonly now: (() => number) | null
  readonly warn: (message: string, cause?: unknown) => void
}

// NIST SP 800-63B-4 §2.1.3, §2.2.3, §2.3.3
const profiles: Readonly<Record<'aal1' | 'aal2' | 'aal3', Lengths>> = {
  aal1: { idle: 30 * day, absolute: 30 * day },
  aal2: { idle: 3_600_000, absolute: day },
  aal3: { idle: 900_000, absolute: day / 2 }
}

/** Checks options and fills in defaults. Throws `FST_SESSION_INVALID_OPTION`, naming the option and what was expected. */
export function toSettings (options: SessionManagerOptions): Settings {
  const flush = toMilliseconds(options.flush ?? 1000, 'flush', { max: 60_000 })
  const warn = options.warn ?? ((message, cause) => { process.emitWarning(message, { code: 'FST_SESSION', detail: cause instanceof Error ? (withoutCredentials(cause) as Error).message : '' }) })
  const store = options.store ?? 'memory'
  return withHidden({
    secrets: toSecrets(options.secret, store, warn),
    name: options.name ?? '__Host-sid',
    store,
    policy: toPolicy(options, flush),
    remembers: options.profile !== 'aal2' && options.profile !== 'aal3',
    limit: toLimit(options.limit ?? 100),
    history: toMilliseconds(options.history ?? 30 * day, 'history'),
    sweep: toMilliseconds(options.sweep ?? 900_000, 'sweep', { min: 1000, max: day }),
    flush,
    storeTimeout: toMilliseconds(options.storeTimeout ?? 500, 'storeTimeout', { min: 1, max: 60_000 }),
    ip: oneOf(options.ip ?? 'full', 'ip', ['full', 'truncate', 'hmac', 'none']),
    onReuse: oneOf(options.onReuse ?? 'session', 'onReuse', ['session', 'user']),
    risk: optionalFunction(options.risk, 'risk'),
    encryption: options.encryption === undefined ? null : toEncryption(options.encryption),
    now: optionalFunction(options.now, 'now') ?? null,
    warn
  })
}

/** Settings are shown on pages and in logs; what is secret in them is there for whoever names it, and in no listing. A store's URL has a password. */
function withHidden (settings: Settings): Settings {
  for (const name of ['secrets', 'encryption', 'store'] as const) Object.defineProperty(settings, name, { enumerable: false })
  return settings
}

function toSecrets (secret: SessionManagerOptions['secret'], store: Store | string, warn: Settings['warn']): readonly string[] {
  const secrets = secret === undefined ? [] : Array.isArray(secret) ? secret as readonly string[] : [secret as string]
  if (secret === undefined) {
    const local = store === 'memory' || (typeof store === 'object' && store.scope === 'process')
    if (process.env['NODE_ENV'] === 'production' || !local) throw refuse('secret', expectedSecret)
    warn('No `secret`: one was made up for this process, and its sessions end with it. Set one before production.')
    return [randomBytes(32).toString('base64url')]
  }
  return strong(secrets, 'secret')
}

function strong (secrets: readonly string[], option: string): readonly string[] {
  if (secrets.length === 0 || !secrets.every(secret => typeof secret === 'string' && secret.length >= 32)) throw refuse(option, expectedSecret)
  return secrets
}

function toEncryption (encryption: NonNullable<SessionManagerOptions['encryption']>): NonNullable<Settings['encryption']> {
  if (typeof (encryption as unknown) !== 'object' || (encryption as unknown) === null) throw refuse('encryption', 'an object with a `key`')
  const { key, ip = false, agent = false, plain = false, ...rest } = encryption
  const [wrong] = Object.keys(rest)
  if (wrong !== undefined) throw refuse(`encryption.${wrong}`, 'key, ip, agent or plain')
  for (const [name, value] of Object.entries({ ip, agent, plain })) if (typeof value !== 'boolean') throw refuse(`encryption.${name}`, 'true or false')
  return { keys: strong(Array.isArray(key) ? key as readonly string[] : [key as string], 'encryption.key'), ip, agent, plain }
}

const expectedSecret = 'a random string of 32 characters or more, or several (the first signs). Make one: node -e "console.log(crypto.randomBytes(32).toString(\'base64url\'))"'

function toPolicy (options: SessionManagerOptions, flush: number): Policy {
  const profile = options.profile === undefined ? undefined : profiles[oneOf(options.profile, 'profile', ['aal1', 'aal2', 'aal3'])]
  const { remember = {}, guest = {} } = options
  const session = toLengths(options, '', profile ?? { idle: 30 * 60_000, absolute: day / 2 }, flush)
  if (profile !== undefined && (session.idle > profile.idle || session.absolute > profile.absolute)) {
    throw refuse(session.idle > profile.idle ? 'idle' : 'absolute', `within profile '${String(options.profile)}' (NIST SP 800-63B-4), or the profile to be left out`)
  }
  const remembered = toLengths(remember, 'remember.', { idle: 14 * day, absolute: 30 * day }, flush)
  if (remembered.absolute > maxCookieAge) throw refuse('remember.absolute', 'at most 400d, which is what browsers keep a cookie for')
  return {
    session,
    remembered,
    guest: toLengths(guest, 'guest.', { idle: 30 * 60_000, absolute: 4 * 3_600_000 }, flush),
    rotate: { session: toRotation(options.rotate ?? 0, 'rotate'), remembered: toRotation(remember.rotate ?? 3_600_000, 'remember.rotate') },
    settle: 60_000,
    grace: 30_000
  }
}

function toLengths (options: { readonly idle?: Duration, readonly absolute?: Duration }, prefix: string, defaults: Lengths, flush: number): Lengths {
  const absolute = toMilliseconds(options.absolute ?? Math.max(defaults.absolute, options.idle === undefined ? 0 : toMilliseconds(options.idle, `${prefix}idle`)), `${prefix}absolute`, { min: 1000 })
  const idle = toMilliseconds(options.idle ?? Math.min(defaults.idle, absolute), `${prefix}idle`, { min: 1000 })
  if (idle > absolute) throw refuse(`${prefix}idle`, `at most \`${prefix}absolute\``)
  if (idle < flush * 10) throw refuse(`${prefix}idle`, 'at least ten times `flush`, so that activity on its way is never too late')
  return { idle, absolute }
}

function toRotation (value: Duration, option: string): number {
  const length = toMilliseconds(value, option)
  if (length > 0 && length < 120_000) throw refuse(option, '0 (never by age) or at least 2m, which is what browsers and their requests need to follow')
  return length
}

function toLimit (limit: number | LimitOptions): Settings['limit'] {
  const { max, onLimit } = typeof limit === 'number' ? { max: limit, onLimit: undefined } : limit
  if (typeof max !== 'function') checkMax(max)
  return {
    max: typeof max === 'function' ? async userId => checkMax(await max(userId)) : () => max,
    onLimit: oneOf(onLimit ?? 'oldest', 'limit.onLimit', ['oldest', 'idle', 'reject'])
  }
}

function checkMax (max: unknown): number {
  if (typeof max !== 'number' || !(max === Infinity || (Number.isSafeInteger(max) && max >= 1))) throw refuse('limit', '1 or more')
  return max
}
