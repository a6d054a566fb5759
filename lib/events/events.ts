import type { EndedSession, EndReason } from '../model/record.ts'
import { deviceLabel } from '../model/device.ts'
import type { Device } from '../model/device.ts'

/** The fields of every event. */
interface EventBase {
  /** Time of the event, in milliseconds on the store's clock. */
  readonly at: number
  /** The session's public id; `null` if the session is unknown. */
  readonly id: string | null
  readonly userId: string | null
}

/** The ended-session record in the event `ended`: the device is an object. */
export interface EndedSessionInfo extends EndedSession {
  /** `Firefox on Linux` */
  readonly deviceLabel: string
}

/** The details that each type of event adds. None of them has a token, a verifier, a hash, or the user's data. */
interface EventDetailsByType {
  /** A session was created. */
  readonly created: {
    readonly methods: readonly string[]
    readonly remembered: boolean
    readonly ip: string | null
    readonly device: Device
    /** `Firefox on Linux` */
    readonly deviceLabel: string
  }
  /** A session adopted another library's credential. */
  readonly adopted: { readonly source: string }
  /**
   * A legacy cookie was processed without creating a session. `joined`: it was adopted a moment ago, and uses the same session. `over`: the
   * legacy store does not have it, or it has expired. `empty`: no user has logged in, and there is no data. `retired`: the legacy record
   * was deleted. In mode `shadow`: `ready`: it would be adopted; `agrees`, `differs`: the browser also has a session of this package, of
   * the same user or another.
   */
  readonly migration: { readonly source: string, readonly result: 'joined' | 'over' | 'empty' | 'retired' | 'ready' | 'agrees' | 'differs' }
  /**
   * A credential of another library was rejected. `forged`: its signature is wrong. `ended`: the session that adopted it has ended.
   * `superseded`: its browser has had the new cookie for some time. `limit`: the user has `maxSessions` sessions. `unusable`: its user id
   * or data cannot be migrated. `revoked`: the user has logged out everywhere. `count`: since the last such event of this IP address.
   */
  readonly 'migration-rejected': {
    readonly source: string
    readonly why: 'forged' | 'ended' | 'superseded' | 'limit' | 'unusable' | 'revoked'
    readonly ip: string | null
    readonly count: number
  }
  /** The legacy store failed; sessions of this package are unaffected. `count`: failures since the last such event. */
  readonly 'migration-failed': { readonly source: string, readonly operation: string, readonly error: string, readonly count: number }
  /** A session has a new verifier. */
  readonly rotated: { readonly generation: number, readonly cause: 'age' | 'authentication' | 'request' }
  /** The user of a session authenticated again. */
  readonly reauthenticated: { readonly methods: readonly string[] }
  /** A request reset the idle timeout of its session. */
  readonly extended: { readonly expiresAt: number }
  /** A session ended. Exactly one node emits this event. */
  readonly ended: {
    readonly reason: EndReason
    readonly by: string | null
    readonly session: EndedSessionInfo
    /** The limit of the user's sessions, if a login exceeded it and this session was evicted. */
    readonly max?: number
  }
  /** A login was rejected because the user has `max` sessions. */
  readonly 'login-rejected': { readonly max: number }
  /** A well-signed token of an ended session was presented. `count`: since the last such event of this user and network. */
  readonly 'ended-session-used': { readonly reason: EndReason, readonly ip: string | null, readonly count: number }
  /** An outdated verifier was presented after its grace period: two parties hold the session. It was ended. */
  readonly 'token-reused': { readonly ip: string | null, readonly generation: number }
  /** Session cookies with a wrong signature. `count`: since the last such event of this network (IPv6: /64). */
  readonly 'bad-signature': { readonly ip: string | null, readonly count: number }
  /** Well-signed tokens of sessions the store does not know. `count` as above. */
  readonly 'unknown-token': { readonly ip: string | null, readonly count: number }
  /** A record in the store could not be decrypted: its key is not configured, or the record was changed. The session was ended. */
  readonly 'decryption-failed': { readonly ip: string | null }
  /** A request had several session cookies; at most one of them was valid and of a live session. `count` as above. */
  readonly 'duplicate-cookie': { readonly ip: string | null, readonly count: number }
  /** A request had valid cookies of two live sessions, or more than eight of the name; none was used. `count` as above. */
  readonly 'cookie-tossing': { readonly ip: string | null, readonly count: number }
  /** `count`: since the last such event of this session. */
  readonly 'ip-changed': { readonly from: string | null, readonly to: string | null, readonly count: number }
  /** `count` as for `ip-changed`. */
  readonly 'user-agent-changed': { readonly from: string | null, readonly to: string | null, readonly count: number }
  /**
   * A state-changing request or WebSocket upgrade from another origin was blocked. `origin`: that of the page, as its browser sent it;
   * `requested`: that of the request, as Fastify derives it; `hint`: what to do if the page belongs to the app. `count` as above.
   */
  readonly 'cross-origin-blocked': {
    readonly ip: string | null
    readonly method: string
    readonly origin: string | null
    readonly requested: string
    readonly hint: string
    readonly count: number
  }
  /** A client requested another user's session or the admin routes without permission. `count` as above. */
  readonly 'access-denied': { readonly action: string, readonly target: string | null, readonly ip: string | null, readonly count: number }
  /** An admin read, exported, imported or ended sessions. */
  readonly 'admin-action': { readonly action: string, readonly by: string | null, readonly count: number }
  /** An operation of the store failed; requests that need it get a 503. `count`: failures since the last such event. */
  readonly 'store-failed': { readonly operation: string, readonly error: string, readonly count: number }
  readonly 'store-recovered': { readonly after: number }
  /**
   * Data of a request was not stored: its response had been sent, its session had ended, or the request may not make a guest session.
   * `count`: since the last such event of this session.
   */
  readonly 'write-lost': { readonly error: string, readonly count: number }
  /** A stored record, or its data, cannot be read; it cannot authenticate. `count`: since the last such event of this session. */
  readonly 'record-corrupt': { readonly part: 'record' | 'data', readonly count: number }
  /** Legacy or imported data had a key that is part of the session API; it was renamed. */
  readonly 'key-renamed': { readonly from: string, readonly to: string }
  /** A cleanup ended expired sessions. `duration`: milliseconds. */
  readonly cleanup: { readonly ended: number, readonly duration: number }
}

export type SessionEventType = keyof EventDetailsByType

/** All events. */
export type SessionEvent = { readonly [T in SessionEventType]: EventBase & { readonly type: T } & EventDetailsByType[T] }[SessionEventType]

/** The event of one type. */
export type SessionEventOf<T extends SessionEventType> = Extract<SessionEvent, { readonly type: T }>

/** How an event is logged and counted. */
export interface EventMeaning {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Name in the OWASP Logging Vocabulary; `null` if the vocabulary has none. */
  readonly owasp: string | null
  /** Whether it counts as a security event. */
  readonly security: boolean
  readonly text: string
}

/**
 * Every type with its meaning; docs/reference/events.md is checked against it. Where there is an OWASP name, the level is the vocabulary's:
 * INFO is `info`, WARN is `warn`, CRITICAL is `error`. One exception: `session_use_after_expire` is a warning, because each user who
 * returns after a timeout causes it.
 */
export const eventMeanings: Readonly<Record<SessionEventType, EventMeaning>> = {
  created: { level: 'info', owasp: 'session_created', security: false, text: 'session created' },
  adopted: { level: 'info', owasp: null, security: false, text: 'session migrated from another library' },
  migration: { level: 'debug', owasp: null, security: false, text: 'legacy session checked' },
  'migration-rejected': { level: 'warn', owasp: 'authn_login_fail', security: true, text: 'legacy session rejected' },
  'migration-failed': { level: 'error', owasp: null, security: false, text: 'legacy store failed' },
  rotated: { level: 'debug', owasp: null, security: false, text: 'session rotated' },
  reauthenticated: { level: 'info', owasp: 'authn_login_success', security: false, text: 'user reauthenticated' },
  extended: { level: 'info', owasp: 'session_renewed', security: false, text: 'session extended' },
  ended: { level: 'info', owasp: 'session_expired', security: false, text: 'session ended' },
  'login-rejected': { level: 'warn', owasp: 'excess_sessions_exceeded', security: true, text: 'login rejected: too many sessions' },
  'ended-session-used': { level: 'warn', owasp: 'session_use_after_expire', security: true, text: 'ended session presented' },
  'token-reused': { level: 'error', owasp: 'authn_token_reuse', security: true, text: 'outdated token presented, session ended' },
  'bad-signature': { level: 'error', owasp: 'malicious_extraneous', security: true, text: 'cookie with a wrong signature' },
  'unknown-token': { level: 'warn', owasp: 'session_use_after_expire', security: true, text: 'unknown session presented' },
  'decryption-failed': { level: 'warn', owasp: 'crypt_decrypt_fail', security: true, text: 'session could not be decrypted, ended' },
  'duplicate-cookie': { level: 'warn', owasp: null, security: true, text: 'several session cookies' },
  'cookie-tossing': { level: 'error', owasp: 'malicious_extraneous', security: true, text: 'two different valid session cookies' },
  'ip-changed': { level: 'info', owasp: null, security: true, text: 'IP address changed' },
  'user-agent-changed': { level: 'info', owasp: null, security: true, text: 'user agent changed' },
  'cross-origin-blocked': { level: 'error', owasp: 'malicious_csrf', security: true, text: 'cross-origin request blocked' },
  'access-denied': { level: 'error', owasp: 'authz_fail', security: true, text: 'access denied' },
  'admin-action': { level: 'warn', owasp: 'authz_admin', security: false, text: 'admin action' },
  'store-failed': { level: 'error', owasp: null, security: false, text: 'session store failed' },
  'store-recovered': { level: 'info', owasp: null, security: false, text: 'session store recovered' },
  'write-lost': { level: 'error', owasp: null, security: false, text: 'session data could not be stored' },
  'record-corrupt': { level: 'error', owasp: null, security: true, text: 'session could not be read' },
  'key-renamed': { level: 'warn', owasp: 'input_validation_fail', security: false, text: 'reserved data key renamed' },
  cleanup: { level: 'debug', owasp: null, security: false, text: 'expired sessions cleaned up' }
}

/** Returns the event that announces the end of a session. `max`: the limit that a login exceeded, which evicted sessions name. */
export function toEndedEvent (session: EndedSession, max?: number): SessionEventOf<'ended'> {
  const { id, userId, endedAt, reason, by, device } = session
  const limit = max === undefined || userId === null || reason !== 'evicted' ? {} : { max }
  return {
    type: 'ended',
    at: endedAt,
    id,
    userId,
    reason,
    by,
    session: { ...session, deviceLabel: deviceLabel(device) },
    ...limit
  }
}

/** Returns the details of an event without records: for logs, pages and streams. */
export function plainDetails (event: SessionEvent): EventDetails {
  const { type, at, id, userId, ...rest } = event
  if (event.type !== 'ended') return rest as EventDetails
  const { reason, by, session: { device, deviceLabel }, max } = event
  return { reason, by, device, deviceLabel, ...max === undefined ? {} : { max } }
}

/** Returns the source and the result of an event about a credential of another library; `null` for other events. */
export function migrationOf (event: SessionEvent): { readonly source: string, readonly result: string, readonly count: number } | null {
  switch (event.type) {
    case 'adopted': return { source: event.source, result: 'adopted', count: 1 }
    case 'migration': return { source: event.source, result: event.result, count: 1 }
    case 'migration-rejected': return { source: event.source, result: event.why, count: event.count }
    case 'migration-failed': return { source: event.source, result: 'failed', count: 1 }
    default: return null
  }
}

/** One detail of an event. */
export type EventDetail = string | number | boolean | null | readonly string[] | Device
/** The details of an event by name, without its common fields. */
export type EventDetails = Readonly<Record<string, EventDetail>>
/** An event for admins: in the admin routes, the console and the command line. */
export interface EventView {
  /** ISO 8601. */
  readonly at: string
  readonly type: string
  readonly id: string | null
  readonly userId: string | null
  readonly level: string
  /** Whether it is a security event. */
  readonly security: boolean
  readonly text: string
  readonly details: EventDetails
}
