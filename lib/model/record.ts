/**
 * Why a session stopped, for good:
 * - `logout`: its user signed out
 * - `revoked`: somebody ended it: the user from another device, an admin, the app
 * - `evicted`: the limit of concurrent sessions, or a full store, made room for a newer one
 * - `idle`: no request for too long
 * - `absolute`: its longest life was over
 * - `replaced`: the same browser signed in again, or a guest signed in
 * - `reused`: an older verifier came back after its time: somebody else has a copy
 */
export type EndReason = 'logout' | 'revoked' | 'evicted' | 'idle' | 'absolute' | 'replaced' | 'reused'

/** Every reason, in the order in which tables list them. */
export const endReasons: readonly EndReason[] = ['logout', 'revoked', 'evicted', 'idle', 'absolute', 'replaced', 'reused']

/**
 * A session's data as a store sees it: one opaque text per top-level key (the manager writes JSON, sealed if the app asked for it).
 * The object has no prototype, so that `__proto__` is a key like any other. Never changed in place.
 */
export type EncodedData = Readonly<Record<string, string>>

/** No data. Shared, so that a session without data costs none. */
export const noData: EncodedData = Object.freeze(Object.create(null) as Record<string, string>)

/**
 * What the server knows of one signed-in browser. Instants are milliseconds since the epoch on the store's clock, lengths are
 * milliseconds. Nothing in it opens the session: of the verifier there is only the SHA-256.
 */
export interface SessionRecord {
  /** Public, stable, never reused: 16 bytes as 22 base64url characters. */
  readonly id: string
  /** The owner for the session's whole life; `null` for a guest. */
  readonly userId: string | null
  /** How often the verifier was rotated: 0 to 65,535. */
  readonly generation: number
  /** SHA-256 of the current verifier, base64url, 43 characters. */
  readonly hash: string
  /** SHA-256 of the verifier before, while it may still be presented; `null` at first and after a rotation that kills at once. */
  readonly previousHash: string | null
  /** When the current verifier was issued. */
  readonly rotatedAt: number
  /** When the current verifier was first presented by a browser that has it for good (`confirms` in policy.ts); `null` until then. */
  readonly confirmedAt: number | null
  readonly createdAt: number
  /** When the user last proved who they are; `null` for a guest. */
  readonly authenticatedAt: number | null
  /** How they did: `password`, `webauthn`, … Whatever the app said, joined by spaces; `''` if it said nothing. */
  readonly methods: string
  /** The last request that kept the session alive. */
  readonly lastSeenAt: number
  /** How long the session lives without a request. */
  readonly idle: number
  /** When it ends whatever happens. */
  readonly absoluteAt: number
  /** How many requests were validated. */
  readonly requests: number
  /** It outlives the browser (remember-me). */
  readonly remembered: boolean
  /** Address and agent of the last request, and of the first. `null` where unknown or not kept. */
  readonly ip: string | null
  readonly agent: string | null
  readonly firstIp: string | null
  readonly firstAgent: string | null
  /** What the agent says the device is, parsed once: `browser|system|type`, such as `Firefox 144|Linux|desktop`; `null` if unknown. */
  readonly device: string | null
  /** What its user calls the device. */
  readonly name: string | null
  readonly data: EncodedData
}

/** What is left of a session that ended: the answer to "why am I signed out" and "who was here". No data, no verifier. */
export interface EndedSession {
  readonly id: string
  readonly userId: string | null
  readonly reason: EndReason
  /** Who ended it, in the words of whoever did: `user`, `admin`, an admin's id, a job's name; `null` if nobody did (expiry, limits). */
  readonly by: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly endedAt: number
  readonly requests: number
  readonly remembered: boolean
  readonly ip: string | null
  readonly device: string | null
  readonly name: string | null
}

/** When the session ends if nothing comes: the sooner of both deadlines. At this very instant it is over. */
export function expiresAt (record: Pick<SessionRecord, 'absoluteAt' | 'lastSeenAt' | 'idle'>): number {
  return Math.min(record.absoluteAt, record.lastSeenAt + record.idle)
}

/** Which deadline ended it. */
export function expiryReason (record: Pick<SessionRecord, 'absoluteAt' | 'lastSeenAt' | 'idle'>): 'idle' | 'absolute' {
  return record.lastSeenAt + record.idle < record.absoluteAt ? 'idle' : 'absolute'
}

/** Ended, as opposed to live. */
export function hasEnded (session: SessionRecord | EndedSession): session is EndedSession {
  return 'reason' in session
}

/** Whether a store's answer has the shape of a session at all: what was corrupted opens nothing, and crashes nothing. */
export function isSession (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if ('reason' in value) return true
  const { hash, absoluteAt, lastSeenAt, idle, generation, methods, data } = value as Partial<SessionRecord>
  return typeof hash === 'string' && typeof absoluteAt === 'number' && typeof lastSeenAt === 'number' && typeof idle === 'number' &&
    typeof generation === 'number' && typeof methods === 'string' && typeof data === 'object' && (data as unknown) !== null
}

/** What is left of a record when it ends. */
export function toEnded (record: SessionRecord, ending: { readonly reason: EndReason, readonly by: string | null, readonly at: number }): EndedSession {
  const { id, userId, createdAt, lastSeenAt, requests, remembered, ip, device, name } = record
  return { id, userId, reason: ending.reason, by: ending.by, createdAt, lastSeenAt, endedAt: ending.at, requests, remembered, ip, device, name }
}

/** How a user proved who they are, in one text: words with a space in between, at most 128 characters. */
export function toMethods (method: string | readonly string[] | undefined): string {
  return (typeof method === 'string' ? [method] : method ?? []).join(' ').slice(0, 128)
}

/** The order of sessions everywhere: oldest first by `(createdAt, id)`. Never by the id alone. */
export function byAge (a: Pick<SessionRecord, 'createdAt' | 'id'>, b: Pick<SessionRecord, 'createdAt' | 'id'>): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
