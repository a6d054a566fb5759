import { withoutCredentials } from '../errors.ts'
import type { IpMode } from '../model/ip-address.ts'
import type { SessionRecord } from '../model/record.ts'
import { checkNames, day, maxCookieAge, namesOf, oneOf, optionalFunction, invalidOption, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import type { Lifetime, Policy } from '../policy.ts'
import type { Limit, Store } from '../store.ts'
import { toFlushInterval } from './platform.ts'
import { toEncryption, toSecrets } from './secrets.ts'
import type { EncryptionOptions, ResolvedEncryption } from './secrets.ts'

/** Limit of concurrent sessions per user. */
export interface MaxSessionsOptions {
  /** 1 or more, or a function that returns the number for a user; `Infinity`: no limit. */
  readonly max: number | ((userId: string) => number | Promise<number>)
  /** What happens if a login would exceed `max`. Default `evict-oldest`. */
  readonly onExceeded?: Limit['onExceeded']
}

/** What an `assessRisk` function returns: allow the request, require a recent sign-in, or revoke the session. */
export type RiskVerdict = 'allow' | 'challenge' | 'revoke'

/** The client of a request, in the form that is stored. */
export interface RiskRequest {
  readonly ip: string | null
  readonly userAgent: string | null
}

/** Timeouts of one kind of session. */
interface LifetimeOptions {
  readonly idleTimeout?: Duration
  readonly absoluteTimeout?: Duration
}

/** Options of a `SessionManager`. Durations are texts (`'30m'`) or milliseconds. */
export interface SessionManagerOptions {
  /**
   * 32 characters or more. To change it, list several: the first signs, all verify. Default: one that is generated for this process; in
   * production and with a shared store a secret is required.
   */
  readonly secret?: string | readonly string[]
  /** Separates the keys of several managers. Default: the cookie's name. */
  readonly name?: string
  /** An instance, or `memory`, or a URL: `file:…`, `redis://…`, `postgres://…`. Default `memory`. */
  readonly store?: Store | string
  /** Maximum time without a request. Default 30m. */
  readonly idleTimeout?: Duration
  /** Maximum lifetime, regardless of activity. Default 12h. */
  readonly absoluteTimeout?: Duration
  /** Persistent sessions. Defaults 14d, 30d, and a new token each hour. */
  readonly remember?: LifetimeOptions & { readonly rotateAfter?: Duration }
  /** Sessions without a user. Default 30m, 4h. */
  readonly guest?: LifetimeOptions
  /** The age at which a session cookie's token is rotated. Default 0: only logins and requests of the app rotate it. */
  readonly rotateAfter?: Duration
  /** Makes the timeouts of NIST SP 800-63B-4 the default, and rejects longer ones. `aal2` and `aal3` allow no persistent sessions. */
  readonly nistProfile?: 'aal1' | 'aal2' | 'aal3'
  /** Maximum number of sessions per user. Default 100; the oldest is evicted. */
  readonly maxSessions?: number | MaxSessionsOptions
  /** Retention of ended-session records. Default 30d; 0 stores none. */
  readonly historyRetention?: Duration
  /**
   * Maximum number of ended-session records per user, 1 to 1,000; the oldest are deleted first. Default: `maxSessions` if that is a number,
   * at least 20 and at most 1,000.
   */
  readonly historyPerUser?: number
  /** The time between two cleanups. Default 15m. */
  readonly cleanupInterval?: Duration
  /** The time between two flushes of last-seen updates, at most a tenth of `idleTimeout`. Default 1s; on serverless platforms 0. */
  readonly flushInterval?: Duration
  /** Maximum duration of a store operation. Default 500 ms. */
  readonly storeTimeout?: Duration
  /** Stored form of IP addresses. Default `full`. */
  readonly ip?: IpMode
  /** Sessions that end if an outdated token is reused: this one, or all of its user. Default `session`. */
  readonly onTokenReuse?: 'session' | 'user'
  /** Decides about a request whose IP address or user agent differs from the session's. Default: allow. An event is emitted in any case. */
  readonly assessRisk?: (session: SessionRecord, request: RiskRequest) => RiskVerdict | Promise<RiskVerdict>
  /** Encrypts the data of stored sessions, and optionally more fields. Default: no encryption. */
  readonly encryption?: EncryptionOptions
  /** The clock, for tests. Default: the store's. */
  readonly now?: () => number
  /** Receives warnings about failures that no caller can receive. Default `process.emitWarning`. */
  readonly warn?: (message: string, cause?: unknown) => void
}

/** Every option of a manager. */
export const managerOptionNames = namesOf<SessionManagerOptions>({
  ...{ secret: true, name: true, store: true, idleTimeout: true, absoluteTimeout: true, remember: true, guest: true, rotateAfter: true },
  ...{ nistProfile: true, maxSessions: true, historyRetention: true, historyPerUser: true, cleanupInterval: true, flushInterval: true },
  ...{ storeTimeout: true, ip: true, onTokenReuse: true, assessRisk: true, encryption: true, now: true, warn: true }
})
const guestNames = namesOf<LifetimeOptions>({ idleTimeout: true, absoluteTimeout: true })
const rememberNames = [...guestNames, 'rotateAfter']
const maxSessionsNames = namesOf<MaxSessionsOptions>({ max: true, onExceeded: true })

/** Options, checked; durations in milliseconds. */
export interface ResolvedOptions {
  readonly secrets: readonly string[]
  readonly name: string
  readonly store: Store | string
  readonly policy: Policy
  /** Whether persistent sessions are allowed. */
  readonly remembers: boolean
  readonly maxSessions: {
    readonly max: (userId: string) => number | Promise<number>
    readonly onExceeded: Limit['onExceeded']
  }
  readonly historyRetention: number
  readonly historyPerUser: number
  readonly cleanupInterval: number
  readonly flushInterval: number
  readonly storeTimeout: number
  readonly ip: IpMode
  readonly onTokenReuse: 'session' | 'user'
  readonly assessRisk: SessionManagerOptions['assessRisk'] | undefined
  readonly encryption: ResolvedEncryption | null
  readonly now: (() => number) | null
  readonly warn: (message: string, cause?: unknown) => void
}

// NIST SP 800-63B-4 §2.1.3, §2.2.3, §2.3.3
const profiles: Readonly<Record<'aal1' | 'aal2' | 'aal3', Lifetime>> = {
  aal1: { idleTimeout: 30 * day, absoluteTimeout: 30 * day },
  aal2: { idleTimeout: 3_600_000, absoluteTimeout: day },
  aal3: { idleTimeout: 900_000, absoluteTimeout: day / 2 }
}

/** Checks options and fills in defaults. Throws `FST_SESSION_INVALID_OPTION`, naming the option and what was expected. */
export function resolveOptions (options: SessionManagerOptions): ResolvedOptions {
  checkNames(options, '', managerOptionNames)
  const warn = options.warn ?? emitWarning
  const flush = toFlushInterval(options.flushInterval, warn)
  const store = options.store ?? 'memory'
  return hideSecrets({
    secrets: toSecrets(options.secret, store, warn),
    name: options.name ?? '__Host-sid',
    store,
    policy: toPolicy(options, flush),
    remembers: options.nistProfile !== 'aal2' && options.nistProfile !== 'aal3',
    maxSessions: toMaxSessions(options.maxSessions ?? 100),
    historyRetention: toMilliseconds(options.historyRetention ?? 30 * day, 'historyRetention'),
    historyPerUser: toHistoryPerUser(options),
    cleanupInterval: toMilliseconds(options.cleanupInterval ?? 900_000, 'cleanupInterval', { min: 1000, max: day }),
    flushInterval: flush,
    storeTimeout: toMilliseconds(options.storeTimeout ?? 500, 'storeTimeout', { min: 1, max: 60_000 }),
    ip: oneOf(options.ip ?? 'full', 'ip', ['full', 'truncate', 'hmac', 'none']),
    onTokenReuse: oneOf(options.onTokenReuse ?? 'session', 'onTokenReuse', ['session', 'user']),
    assessRisk: optionalFunction(options.assessRisk, 'assessRisk'),
    encryption: options.encryption === undefined ? null : toEncryption(options.encryption),
    now: optionalFunction(options.now, 'now') ?? null,
    warn
  })
}

function emitWarning (message: string, cause?: unknown): void {
  process.emitWarning(message, { code: 'FST_SESSION', detail: cause instanceof Error ? (withoutCredentials(cause) as Error).message : '' })
}

/** Hides secrets from listings, because options are shown on pages and in logs. A store's URL has a password. */
function hideSecrets (settings: ResolvedOptions): ResolvedOptions {
  for (const name of ['secrets', 'encryption', 'store'] as const) Object.defineProperty(settings, name, { enumerable: false })
  return settings
}

function toPolicy (options: SessionManagerOptions, flush: number): Policy {
  const { remember = {}, guest = {}, nistProfile } = options
  checkNames(remember, 'remember', rememberNames)
  checkNames(guest, 'guest', guestNames)
  const profile = nistProfile === undefined ? undefined : profiles[oneOf(nistProfile, 'nistProfile', ['aal1', 'aal2', 'aal3'])]
  const session = toLifetime(options, '', profile ?? { idleTimeout: 30 * 60_000, absoluteTimeout: day / 2 }, flush)
  if (profile !== undefined && (session.idleTimeout > profile.idleTimeout || session.absoluteTimeout > profile.absoluteTimeout)) {
    const wrong = session.idleTimeout > profile.idleTimeout ? 'idleTimeout' : 'absoluteTimeout'
    throw invalidOption(wrong, `within \`nistProfile\` '${String(nistProfile)}' (NIST SP 800-63B-4), or \`nistProfile\` to be left out`)
  }
  const remembered = toLifetime(remember, 'remember.', { idleTimeout: 14 * day, absoluteTimeout: 30 * day }, flush)
  if (remembered.absoluteTimeout > maxCookieAge) {
    throw invalidOption('remember.absoluteTimeout', 'at most 400d, which is what browsers keep a cookie for')
  }
  return {
    session,
    remembered,
    guest: toLifetime(guest, 'guest.', { idleTimeout: 30 * 60_000, absoluteTimeout: 4 * 3_600_000 }, flush),
    rotateAfter: {
      session: toRotation(options.rotateAfter ?? 0, 'rotateAfter'),
      remembered: toRotation(remember.rotateAfter ?? 3_600_000, 'remember.rotateAfter')
    },
    minOverlap: 60_000,
    grace: 30_000
  }
}

function toLifetime (options: LifetimeOptions, prefix: string, defaults: Lifetime, flush: number): Lifetime {
  const longest = options.idleTimeout === undefined ? 0 : toMilliseconds(options.idleTimeout, `${prefix}idleTimeout`)
  const absoluteDefault = Math.max(defaults.absoluteTimeout, longest)
  const absolute = toMilliseconds(options.absoluteTimeout ?? absoluteDefault, `${prefix}absoluteTimeout`, { min: 1000 })
  const idle = toMilliseconds(options.idleTimeout ?? Math.min(defaults.idleTimeout, absolute), `${prefix}idleTimeout`, { min: 1000 })
  if (idle > absolute) throw invalidOption(`${prefix}idleTimeout`, `at most \`${prefix}absoluteTimeout\``)
  if (idle < flush * 10) {
    throw invalidOption(`${prefix}idleTimeout`, 'at least ten times `flushInterval`, so that activity on its way is never too late')
  }
  return { idleTimeout: idle, absoluteTimeout: absolute }
}

function toRotation (value: Duration, option: string): number {
  const length = toMilliseconds(value, option)
  if (length > 0 && length < 120_000) {
    throw invalidOption(option, '0 (never by age) or at least 2m, which is what browsers and their requests need to follow')
  }
  return length
}

function toMaxSessions (limit: SessionManagerOptions['maxSessions'] & {}): ResolvedOptions['maxSessions'] {
  if (typeof limit === 'object') checkNames(limit, 'maxSessions', maxSessionsNames)
  const { max, onExceeded } = typeof limit === 'object' ? limit : { max: limit, onExceeded: undefined }
  if (typeof max !== 'function') checkMax(max)
  return {
    max: typeof max === 'function' ? async userId => checkMax(await max(userId)) : () => max,
    onExceeded: oneOf(onExceeded ?? 'evict-oldest', 'maxSessions.onExceeded', ['evict-oldest', 'evict-idle', 'reject'])
  }
}

/** Returns the limit of sessions by default, so that a user who signs out everywhere can see all of them in the history. */
function toHistoryPerUser ({ historyPerUser, maxSessions = 100 }: SessionManagerOptions): number {
  if (historyPerUser === undefined) {
    const max = typeof maxSessions === 'object' ? maxSessions.max : maxSessions
    return typeof max === 'number' ? Math.min(1000, Math.max(20, max)) : 20
  }
  if (!Number.isSafeInteger(historyPerUser) || historyPerUser < 1 || historyPerUser > 1000) {
    throw invalidOption('historyPerUser', 'a whole number from 1 to 1,000')
  }
  return historyPerUser
}

function checkMax (max: unknown): number {
  if (typeof max === 'number' && (max === Infinity || (Number.isSafeInteger(max) && max >= 1))) return max
  throw invalidOption('maxSessions', '1 or more')
}
