import type { Awaitable } from './async.ts'
import type { Filter } from './model/filter.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from './model/record.ts'
import type { Statistics, StatisticsSlice } from './model/statistics.ts'
import type { Device } from './model/device.ts'

export type { SessionTotals, Statistics, StatisticsSlice } from './model/statistics.ts'

/** The context that a store gets when it opens. */
export interface StoreContext {
  /** A clock that overrides the store's own, in milliseconds; `null`: the store's own (a server's time, or `Date.now`). For tests. */
  readonly now: (() => number) | null
  /** Retention of ended-session records in milliseconds; 0 disables them. Guests have none. */
  readonly history: number
  /** Maximum number of ended-session records per user; the oldest are deleted first. */
  readonly historyPerUser: number
  /**
   * After that many milliseconds the caller abandons an operation, and responds with 503. If a store can, it does not perform a write
   * later than that. Absent: no limit.
   */
  readonly giveUp?: number
  /** Logs failures that no caller gets: a lost subscription, a server setting that may lose sessions. */
  readonly warn: (message: string, cause?: unknown) => void
}

/** The maximum number of live sessions per user, and the reaction to one more. */
export interface Limit {
  /** 1 or more. */
  readonly max: number
  /** `evict-oldest`: the oldest by `(createdAt, id)` end; `evict-idle`: the least recently seen end; `reject`: the new one is rejected. */
  readonly onExceeded: 'evict-oldest' | 'evict-idle' | 'reject'
}

export interface CreateOptions {
  /** The caller's current time, on the clock of the record's timestamps. The store shifts them by the difference to its own clock. */
  readonly at: number
  /** `null`: no limit. Ignored for guests. */
  readonly limit: Limit | null
  /** The browser's previous session. Not counted toward the limit; ends as `replaced` in the same step (in another shard: right after). */
  readonly replaces: string | null
  /** Adopts a credential of another library: of all calls with one key, one creates. The mark stays until `until` (clock of `at`). */
  readonly adopts: { readonly key: string, readonly until: number } | null
}

export type CreateResult =
  /** The session was created. `ended`: the evicted and replaced sessions. `record`: as stored, on the store's clock. */
  | { readonly status: 'created', readonly record: SessionRecord, readonly ended: readonly EndedSession[] }
  /** Nothing changed: the user has `limit.max` live sessions (these, oldest first), and the limit rejects one more. */
  | { readonly status: 'refused', readonly live: readonly SessionRecord[] }
  /** Nothing changed: the credential was adopted before. `session`: by this one, live or ended; `null` if its record is deleted. */
  | { readonly status: 'adopted', readonly session: SessionRecord | EndedSession | null }
  /** Nothing changed: a live or ended session has this id. */
  | { readonly status: 'exists' }
  /** Nothing changed: the store is at its cap, and cannot evict a session. */
  | { readonly status: 'full' }

/** The activity of one session since the last batch. */
export interface ActivityUpdate {
  readonly id: string
  /** The number of requests to add. */
  readonly requestCount: number
  /** The last request that reset the idle timeout, on the clock of `at`; 0: all were passive. */
  readonly seenAt: number
  /** The presented generation: if current and unconfirmed, `confirmedAt` becomes `seenAt` (now, if that is 0); -1: confirms nothing. */
  readonly generation: number
  /** Set if changed; otherwise absent or undefined. */
  readonly ip?: string | null | undefined
  readonly userAgent?: string | null | undefined
  readonly device?: Device | undefined
}

/** An atomic change of one session. */
export interface SessionPatch {
  /** Data to set, key by key. Other keys are unchanged. */
  readonly set?: EncodedData
  /**
   * Maximum size of the whole data after the change in bytes of keys and texts, parallel changes included. If it is exceeded, nothing
   * changes, and the operation rejects with `FST_SESSION_DATA_TOO_LARGE`.
   */
  readonly maxBytes?: number
  /** Data keys to remove. */
  readonly unset?: readonly string[]
  /**
   * A new verifier of the next generation; `rotatedAt` becomes now, `confirmedAt` null. `keep`: the old verifier moves to `previousHash`;
   * otherwise that becomes null and the old one is invalid at once. Requires `expect`.
   */
  readonly rotate?: { readonly hash: string, readonly keep: boolean }
  /** The user's name for the device; `null` deletes it. */
  readonly deviceName?: string | null
  /** The session is seen now, which resets the idle timeout. Never passes the absolute deadline. */
  readonly seen?: true
  /** The user authenticates now: `authenticatedAt` and `lastSeenAt` become now, and both timeouts (in ms) are reset. */
  readonly authenticate?: { readonly methods: readonly string[], readonly idleTimeout: number, readonly absoluteTimeout: number }
  /** Only shortens: the absolute deadline becomes the earlier of itself and now + `absoluteTimeout` ms. */
  readonly shorten?: { readonly absoluteTimeout: number }
}

/** The precondition of a change. */
export interface Precondition {
  /** The generation that the caller saw. Of two changes that rotate with the same precondition, one wins. */
  readonly generation: number
}

export type UpdateResult =
  | { readonly status: 'done', readonly record: SessionRecord }
  /** Nothing changed: the precondition failed. `record`: the current session. */
  | { readonly status: 'conflict', readonly record: SessionRecord }
  /** Nothing changed: the session is not live. `ended`: its ended-session record, if it exists. */
  | { readonly status: 'gone', readonly ended: EndedSession | null }

/** Selects the sessions to end. */
export type EndSelector =
  | { readonly ids: readonly string[] }
  /**
   * All live sessions of a user, except `except`: at once, or, if there are many, in bounded steps; continue with `cursor` until it is
   * null. The steps end no session that was created after the first.
   */
  | { readonly userId: string, readonly except?: string, readonly cursor?: string | null }
  /** All sessions that match at the moment of their end: one bounded step; continue with `cursor` until it is null. */
  | { readonly filter: Filter, readonly limit: number, readonly cursor: string | null }

export interface EndCause {
  readonly reason: EndReason
  readonly by: string | null
}

export interface EndResult {
  /** The sessions that this call ended, without those that had ended before. */
  readonly ended: readonly EndedSession[]
  /** Where to continue, for a filter or a user; `null`: all sessions were checked. */
  readonly cursor: string | null
}

export interface PageOptions {
  /** Maximum number of items, 1 or more. A page may have fewer items, or be empty, and have a cursor: the work per call is bounded. */
  readonly limit: number
  /** From the previous page; `null`: from the start. */
  readonly cursor: string | null
  /** By `(createdAt, id)` for live sessions, by `(endedAt, id)` for ended ones. */
  readonly order: 'newest' | 'oldest'
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
}

/** Receives the changes of other nodes. */
export interface StoreListener {
  /** A session ended. */
  ended (session: EndedSession): void
  /** A session was rotated, extended or otherwise changed (never: touched). */
  changed (id: string): void
  /** The stream may have lost messages: the cache must not trust it until a heartbeat returns. */
  lost (): void
}

export interface StoreSubscription {
  /** Sends a heartbeat on the data connection. Resolves when it returns on the subscription: all earlier messages have been received. */
  probe (): Promise<void>
  close (): Awaitable<void>
}

/** A cache of sessions in this process. It can only accept; each rejection, and each request that requires `fresh`, reads the store. */
export interface CacheOptions {
  /** Maximum number of cached sessions: 1 or more. Default: as many as fit into `maxBytes`. */
  readonly max?: number
  /** Maximum memory of cached sessions, estimated: 1 MiB or more. Default 64 MiB, about 60,000 sessions; unlimited if `max` is set. */
  readonly maxBytes?: number
  /** The maximum delay in milliseconds until another node's end takes effect, if the stream fails: 100 or more. Default 1000. */
  readonly maxStale?: number
}

/**
 * Stores sessions. Every engine must keep ten guarantees, the laws (`fastify-session-manager/testing` exports them as conformance tests).
 * Operations on one session or one user are atomic, in one round trip. Operations across users take bounded steps, each of them atomic.
 *
 * 1. Reads never return an expired session, even before cleanup.
 * 2. Only `create` makes a session exist. A late write to an ended session changes nothing.
 * 3. N concurrent creations for one user under limit L leave the L newest. Of two updates with the same precondition exactly one succeeds.
 * 4. Returned data is a copy, and is JSON.
 * 5. Data merges key by key: parallel writes to different keys are both stored.
 * 6. Activity adds up and never moves a timestamp back. No wrong clock extends a session past its absolute timeout.
 * 7. Every ended session is reported exactly once, with a reason.
 * 8. A cursor is a value, valid for its list, filter and order only. Pages neither repeat nor skip sessions while others end.
 * 9. Apps that share a store never see each other's names, ids or data.
 * 10. When all sessions have ended and history is purged, the store is empty.
 *
 * If a store cannot perform an operation, it rejects or throws. It never returns "not found" instead.
 */
export interface Store {
  /** For logs and pages: `memory`, `redis`, … */
  readonly name: string
  /** Where the same sessions are visible: in this process, on this machine, or on all machines that connect to the server. */
  readonly scope: 'process' | 'machine' | 'network'
  /** Whether sessions survive a restart of the process. */
  readonly durable: boolean
  /** Validations use a cache in this process, which `subscribe` invalidates; the store must then have it. Absent: each validation reads. */
  readonly cache?: CacheOptions
  /** Maximum sessions in one `touch`. Default 200: a store in this process blocks requests. A store that divides batches can take more. */
  readonly maxBatchSize?: number

  /** Connects, and creates its schema. Called once, before any other operation. */
  open (context: StoreContext): Awaitable<void>
  /** Resolves if the store is ready. */
  ping (): Awaitable<void>
  /** Closes the connections that the store opened. Called once, last. */
  close (): Awaitable<void>
  /** The store's clock, if it is not this process's; the manager measures its offset. */
  now? (): Awaitable<number>

  /** The only insert: atomic with the limit, the replaced session and the adoption. */
  create (record: SessionRecord, options: CreateOptions): Awaitable<CreateResult>
  /**
   * Returns the live session, the ended-session record, or `null`; from the primary. Never writes. A change creates another record. Only
   * the activity of a record (`lastSeenAt`, `requestCount`, `confirmedAt`, `ip`, `userAgent`) may change, if the store is in this process.
   */
  read (id: string): Awaitable<SessionRecord | EndedSession | null>
  /** Adds activity; never moves a timestamp back, never creates a session. Returns the ids that are not live. */
  touch (batch: readonly ActivityUpdate[], at: number): Awaitable<readonly string[]>
  /** Changes a live session. */
  update (id: string, change: SessionPatch, expect?: Precondition): Awaitable<UpdateResult>
  /** Ends sessions, finally. */
  end (selector: EndSelector, why: EndCause): Awaitable<EndResult>
  /** Lists live sessions. */
  list (filter: Filter, page: PageOptions): Awaitable<Page<SessionRecord>>
  /** Lists ended sessions that are still in history. */
  history (filter: Filter, page: PageOptions): Awaitable<Page<EndedSession>>
  /** Deletes all ended-session records of a user, and copies of them that other nodes have not read yet; live sessions stay. */
  deleteHistory (userId: string): Awaitable<void>
  /** Counts the matching live sessions of one bounded step; add the counts until `cursor` is null. */
  count (filter: Filter, cursor: string | null): Awaitable<{ readonly count: number, readonly cursor: string | null }>
  /** Ends up to `max` expired sessions (exactly one node gets each of them), and deletes old history, marks and slices. */
  cleanup (max: number): Awaitable<{ readonly ended: readonly EndedSession[], readonly more: boolean }>
  /** Stores a node's slice, over its slice of the same time bucket. */
  saveStatistics (slice: StatisticsSlice): Awaitable<void>
  /** Returns totals, and the slices with `from <= start < to`. */
  statistics (from: number, to: number): Awaitable<Statistics>
  /** Absent if all reads are local. */
  subscribe? (listener: StoreListener): Awaitable<StoreSubscription>
}
