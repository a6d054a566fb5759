import type { Device } from './device.ts'
import { parsedOnce } from './parsed-texts.ts'

/**
 * Why a session ended:
 * - `logout`: the user logged out
 * - `revoked`: the user on another device, an admin or the app revoked it
 * - `evicted`: the session limit, or a full store, evicted it for a newer session
 * - `idle-timeout`: no request arrived within the idle timeout
 * - `absolute-timeout`: it reached the absolute timeout
 * - `replaced`: the same browser logged in again, or a guest logged in
 * - `token-reuse`: an outdated verifier was presented after its grace period, so two parties hold the session (RFC 9700 4.14.2)
 */
export type EndReason = 'logout' | 'revoked' | 'evicted' | 'idle-timeout' | 'absolute-timeout' | 'replaced' | 'token-reuse'

/** All reasons, in the order of tables. */
export const endReasons: readonly EndReason[] = [
  'logout', 'revoked', 'evicted', 'idle-timeout', 'absolute-timeout', 'replaced', 'token-reuse'
]

/**
 * A session's data in a store: one opaque text per top-level key (JSON, encrypted if configured). The object has no prototype, so
 * `__proto__` is a key like any other. Never changed in place.
 */
export type EncodedData = Readonly<Record<string, string>>

/** No data. Shared, so that a session without data costs none. */
export const noData: EncodedData = Object.freeze(Object.create(null) as Record<string, string>)

/**
 * The server's record of one browser's session. Timestamps are milliseconds since the epoch on the store's clock, timeouts are
 * milliseconds. It cannot authenticate: it has only the SHA-256 of the verifier.
 */
export interface SessionRecord {
  /** Public, stable, never reused: 16 bytes as 22 base64url characters. */
  readonly id: string
  /** The owner, constant for the session's life; `null` for a guest. */
  readonly userId: string | null
  /** The rotation counter: how often the verifier was rotated, 0 to 65,535. */
  readonly generation: number
  /** SHA-256 of the current verifier, base64url, 43 characters. */
  readonly hash: string
  /** SHA-256 of the previous verifier, while it may be presented; `null` at first, and after a rotation that invalidates it at once. */
  readonly previousHash: string | null
  /** When the current verifier was issued. */
  readonly rotatedAt: number
  /** When a browser that has stored the current verifier first presented it (`confirmsRotation` in policy.ts); `null` until then. */
  readonly confirmedAt: number | null
  readonly createdAt: number
  /** When the user last authenticated; `null` for a guest. */
  readonly authenticatedAt: number | null
  /** The authentication methods that the app named: `password`, `webauthn`, … Frozen, because sessions share it. */
  readonly methods: readonly string[]
  /** The last request that reset the idle timeout. */
  readonly lastSeenAt: number
  /** The idle timeout. */
  readonly idleTimeout: number
  /** The absolute deadline. */
  readonly absoluteExpiresAt: number
  /** The number of validated requests. */
  readonly requestCount: number
  /** Whether the cookie is persistent (remember-me). */
  readonly remembered: boolean
  /** IP address and user agent of the last request, and of the first. `null` if unknown or not stored. */
  readonly ip: string | null
  readonly userAgent: string | null
  readonly firstIp: string | null
  readonly firstUserAgent: string | null
  /** The device according to the last user agent. Frozen, because sessions share it. */
  readonly device: Device
  /** The user's name for the device. */
  readonly deviceName: string | null
  readonly data: EncodedData
}

/** The record of an ended session, for the reason of a 401 and for audits. No data, no verifier. */
export interface EndedSession {
  readonly id: string
  readonly userId: string | null
  readonly reason: EndReason
  /** The actor that ended the session: `user`, `admin`, an admin's id, a job's name; `null` for expiry and limits. */
  readonly by: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly endedAt: number
  readonly requestCount: number
  readonly remembered: boolean
  readonly ip: string | null
  readonly device: Device
  readonly deviceName: string | null
}

/** Returns when the session expires without further requests: the earlier of both deadlines. At this timestamp it has expired. */
export function expiresAt (record: Pick<SessionRecord, 'absoluteExpiresAt' | 'lastSeenAt' | 'idleTimeout'>): number {
  return Math.min(record.absoluteExpiresAt, record.lastSeenAt + record.idleTimeout)
}

/** Returns which deadline the session reached. */
export function expiryReason (
  record: Pick<SessionRecord, 'absoluteExpiresAt' | 'lastSeenAt' | 'idleTimeout'>
): 'idle-timeout' | 'absolute-timeout' {
  return record.lastSeenAt + record.idleTimeout < record.absoluteExpiresAt ? 'idle-timeout' : 'absolute-timeout'
}

/** Returns whether a session has ended, as opposed to live. */
export function hasEnded (session: SessionRecord | EndedSession): session is EndedSession {
  return 'reason' in session
}

/** Returns whether a stored value has the shape of a session: a corrupt record cannot authenticate, and crashes nothing. */
export function isSession (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if ('reason' in value) return true
  const { userId, hash, absoluteExpiresAt, lastSeenAt, idleTimeout, generation, methods, device, data } = value as Partial<SessionRecord>
  // a list or a number must not pass for the user whose id has the same text
  return (userId === null || (typeof userId === 'string' && userId !== '')) &&
    typeof hash === 'string' &&
    typeof absoluteExpiresAt === 'number' &&
    typeof lastSeenAt === 'number' &&
    typeof idleTimeout === 'number' &&
    typeof generation === 'number' &&
    Array.isArray(methods) &&
    typeof device === 'object' && (device as unknown) !== null &&
    typeof data === 'object' && (data as unknown) !== null
}

/** Returns the ended-session record of a session. */
export function toEnded (
  record: SessionRecord,
  ending: { readonly reason: EndReason, readonly by: string | null, readonly at: number }
): EndedSession {
  const { id, userId, createdAt, lastSeenAt, requestCount, remembered, ip, device, deviceName } = record
  return {
    id,
    userId,
    reason: ending.reason,
    by: ending.by,
    createdAt,
    lastSeenAt,
    endedAt: ending.at,
    requestCount,
    remembered,
    ip,
    device,
    deviceName
  }
}

/** No authentication methods. Shared by all sessions that have none. */
export const noMethods: readonly string[] = Object.freeze([])

const parseMethods = parsedOnce((text): readonly string[] => Object.freeze(text.split(' ')))

/** Returns the list of methods for a stored text, in which spaces separate them. Frozen, because sessions share it. */
export function toMethods (text: string): readonly string[] {
  return text === '' ? noMethods : parseMethods(text)
}

/** Returns the text in which stores save methods. */
export function toMethodsText (methods: readonly string[]): string {
  return methods.join(' ')
}

/** Returns the methods that an app named, at most 128 characters of them. */
export function namedMethods (method: string | readonly string[] | undefined): readonly string[] {
  return toMethods((typeof method === 'string' ? method : (method ?? []).join(' ')).slice(0, 128))
}

/** Compares sessions in their order everywhere: oldest first by `(createdAt, id)`. Never by the id alone. */
export function byAge (a: Pick<SessionRecord, 'createdAt' | 'id'>, b: Pick<SessionRecord, 'createdAt' | 'id'>): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
