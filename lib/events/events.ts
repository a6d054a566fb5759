import type { EndedSession, EndReason } from '../model/record.ts'

/** What every event has. */
interface EventBase {
  /** When, in milliseconds on the store's clock. */
  readonly at: number
  /** The session's public id; `null` where no session is known. */
  readonly id: string | null
  readonly userId: string | null
}

/** What happened, by type: the details that each adds. Never a token, a verifier, a hash, or the user's data. */
interface Details {
  /** A session exists. `newDevice`: none of the user's live sessions had this device. */
  readonly created: { readonly methods: string, readonly remembered: boolean, readonly ip: string | null, readonly device: string | null }
  /** A session took over another library's credential. */
  readonly adopted: { readonly source: string }
  /**
   * Something else happened to a credential of another library. `joined`: it was adopted a moment ago, and opens the same session. `over`:
   * the old store knows nothing of it, or its life is over. `empty`: nobody has signed in, and there is no data. `retired`: the old record
   * is gone. In mode `shadow`: `ready`: it would be adopted; `agrees`, `differs`: the browser has a session of ours too, of the same user or another.
   */
  readonly legacy: { readonly source: string, readonly result: 'joined' | 'over' | 'empty' | 'retired' | 'ready' | 'agrees' | 'differs' }
  /**
   * A credential of another library opened nothing. `forged`: no signature of ours. `ended`: the session that adopted it has ended. `superseded`:
   * its browser has long had the new cookie. `limit`: of concurrent sessions. `unusable`: its user id or data cannot be taken over. `revoked`:
   * its user has signed out everywhere. `count`: since the last such event of this address.
   */
  readonly 'legacy-refused': { readonly source: string, readonly why: 'forged' | 'ended' | 'superseded' | 'limit' | 'unusable' | 'revoked', readonly ip: string | null, readonly count: number }
  /** The old store failed; sessions of this package go on. `count`: failures since the last such event. */
  readonly 'legacy-failed': { readonly source: string, readonly operation: string, readonly error: string, readonly count: number }
  /** A session has a new verifier. */
  readonly rotated: { readonly generation: number, readonly cause: 'age' | 'authentication' | 'request' }
  /** The user of a session proved again who they are. */
  readonly authenticated: { readonly methods: string }
  /** A session was given more idle time on request. */
  readonly extended: { readonly expiresAt: number }
  /** A session ended, for good. Told once over all nodes. */
  readonly ended: { readonly reason: EndReason, readonly by: string | null, readonly session: EndedSession }
  /** The limit of concurrent sessions refused a sign-in. */
  readonly 'limit-refused': { readonly max: number }
  /** A well-signed token of an ended session was presented. */
  readonly 'used-after-end': { readonly reason: EndReason, readonly ip: string | null }
  /** An old verifier came back after its time: two parties hold the session. It was ended. */
  readonly 'token-reused': { readonly ip: string | null, readonly generation: number }
  /** Cookies of our name with a wrong signature. `count`: since the last such event of this address. */
  readonly 'bad-signature': { readonly ip: string | null, readonly count: number }
  /** Well-signed tokens of sessions the store does not know. `count` as above. */
  readonly 'unknown-token': { readonly ip: string | null, readonly count: number }
  /** A session in the store did not open: its encryption key is not among ours, or somebody changed it. It was ended. */
  readonly unsealable: { readonly ip: string | null }
  /** Several cookies of our name came in one request; one was valid. `count` as above. */
  readonly 'duplicate-cookie': { readonly ip: string | null, readonly count: number }
  /** Two different valid cookies of our name came in one request; neither was used. `count` as above. */
  readonly 'cookie-tossing': { readonly ip: string | null, readonly count: number }
  readonly 'ip-changed': { readonly from: string | null, readonly to: string | null }
  readonly 'agent-changed': { readonly from: string | null, readonly to: string | null }
  /** A state-changing request from another site was refused. */
  readonly 'cross-site': { readonly ip: string | null, readonly method: string }
  /** Somebody asked for what is not theirs: another user's session, the admin routes. */
  readonly denied: { readonly action: string, readonly target: string | null, readonly ip: string | null }
  /** An admin read, exported, imported or ended sessions. */
  readonly admin: { readonly action: string, readonly by: string | null, readonly count: number }
  /** The store failed an operation; requests that need it answer 503. `count`: failures since the last such event. */
  readonly 'store-failed': { readonly operation: string, readonly error: string, readonly count: number }
  readonly 'store-recovered': { readonly after: number }
  /** Data of a request could not be kept because its answer had already left, or its session had ended. */
  readonly 'write-lost': { readonly error: string }
  /** A store answered a record, or a session's data, that cannot be read: it opens nothing. */
  readonly unreadable: { readonly part: 'record' | 'data' }
  /** Legacy or imported data had a key that is part of the session API; it was renamed. */
  readonly 'key-renamed': { readonly from: string, readonly to: string }
  readonly swept: { readonly ended: number, readonly duration: number }
}

export type SessionEventType = keyof Details

/** Everything that can happen. */
export type SessionEvent = { readonly [T in SessionEventType]: EventBase & { readonly type: T } & Details[T] }[SessionEventType]

/** The event of one type. */
export type SessionEventOf<T extends SessionEventType> = Extract<SessionEvent, { readonly type: T }>

/** What an event means to whoever watches: level of the log line, name in the OWASP logging vocabulary, and whether it is about security. */
export interface EventMeaning {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly owasp: string
  readonly security: boolean
  readonly text: string
}

/** Every type with its meaning; docs/reference/events.md is checked against it. */
export const eventMeanings: Readonly<Record<SessionEventType, EventMeaning>> = {
  created: { level: 'info', owasp: 'session_created', security: false, text: 'session created' },
  adopted: { level: 'info', owasp: 'session_created', security: false, text: 'session adopted from another library' },
  legacy: { level: 'debug', owasp: 'session_renewed', security: false, text: 'session of another library seen' },
  'legacy-refused': { level: 'warn', owasp: 'session_use_after_expire', security: true, text: 'session of another library refused' },
  'legacy-failed': { level: 'error', owasp: 'sys_crash', security: false, text: 'store of another library failed' },
  rotated: { level: 'debug', owasp: 'session_renewed', security: false, text: 'session rotated' },
  authenticated: { level: 'info', owasp: 'authn_login_success', security: false, text: 'user authenticated again' },
  extended: { level: 'debug', owasp: 'session_renewed', security: false, text: 'session extended' },
  ended: { level: 'info', owasp: 'session_expired', security: false, text: 'session ended' },
  'limit-refused': { level: 'warn', owasp: 'excess_sessions_exceeded', security: true, text: 'sign-in refused by the limit of sessions' },
  'used-after-end': { level: 'warn', owasp: 'session_use_after_expire', security: true, text: 'ended session presented' },
  'token-reused': { level: 'error', owasp: 'authn_token_reuse', security: true, text: 'old verifier presented, session ended' },
  'bad-signature': { level: 'warn', owasp: 'malicious_extraneous', security: true, text: 'cookie with a wrong signature' },
  'unknown-token': { level: 'warn', owasp: 'session_use_after_expire', security: true, text: 'unknown session presented' },
  unsealable: { level: 'error', owasp: 'sys_crash', security: true, text: 'session in the store does not open, ended' },
  'duplicate-cookie': { level: 'warn', owasp: 'malicious_extraneous', security: true, text: 'several cookies of one name' },
  'cookie-tossing': { level: 'error', owasp: 'malicious_extraneous', security: true, text: 'two different valid cookies of one name' },
  'ip-changed': { level: 'info', owasp: 'session_ip_changed', security: true, text: 'address changed' },
  'agent-changed': { level: 'info', owasp: 'session_agent_changed', security: true, text: 'user agent changed' },
  'cross-site': { level: 'warn', owasp: 'malicious_csrf', security: true, text: 'cross-site request refused' },
  denied: { level: 'warn', owasp: 'authz_fail', security: true, text: 'access denied' },
  admin: { level: 'warn', owasp: 'authz_admin', security: false, text: 'admin action' },
  'store-failed': { level: 'error', owasp: 'sys_crash', security: false, text: 'session store failed' },
  'store-recovered': { level: 'info', owasp: 'sys_restart', security: false, text: 'session store works again' },
  'write-lost': { level: 'error', owasp: 'sys_crash', security: false, text: 'session data could not be kept' },
  unreadable: { level: 'error', owasp: 'sys_crash', security: true, text: 'session could not be read' },
  'key-renamed': { level: 'warn', owasp: 'input_validation_fail', security: false, text: 'reserved data key renamed' },
  swept: { level: 'debug', owasp: 'sys_monitor', security: false, text: 'expired sessions swept' }
}

/** The details of an event, without records and other objects: for logs, pages and streams. */
export function detailsOf (event: SessionEvent): EventDetails {
  const { type, at, id, userId, ...rest } = event
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value !== 'object' || value === null))
}

/** What an event says of a credential of another library: whose it is, and what has become of it; `null` if it is about something else. */
export function legacyOf (event: SessionEvent): { readonly source: string, readonly result: string, readonly count: number } | null {
  switch (event.type) {
    case 'adopted': return { source: event.source, result: 'adopted', count: 1 }
    case 'legacy': return { source: event.source, result: event.result, count: 1 }
    case 'legacy-refused': return { source: event.source, result: event.why, count: event.count }
    case 'legacy-failed': return { source: event.source, result: 'failed', count: 1 }
    default: return null
  }
}

/** What an event says beyond its type: plain values by name. */
export type EventDetails = Readonly<Record<string, string | number | boolean | null>>
/** An event as an admin sees it: what the admin routes send, the console shows and the command line prints. */
export interface EventView {
  /** ISO 8601. */
  readonly at: string
  readonly type: string
  readonly id: string | null
  readonly userId: string | null
  readonly level: string
  /** It is about security. */
  readonly security: boolean
  readonly text: string
  readonly details: EventDetails
}
