import type { Awaitable } from './async.ts'
import type { Filter } from './model/filter.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from './model/record.ts'

/** What a store is told when it opens. */
export interface StoreContext {
  /**
   * The clock to use instead of the store's own, in milliseconds; `null`: the store's own (a server's time, or `Date.now`).
   * Only tests move time.
   */
  readonly now: (() => number) | null
  /** How long the short record of an ended session is kept, in milliseconds; 0 keeps none. Guests leave none. */
  readonly history: number
  /** How many ended sessions are kept of one user; the oldest go first. */
  readonly historyPerUser: number
  /** Told of trouble that no caller can be told of: a lost subscription, a setting of the server that may lose sessions. */
  readonly warn: (message: string, cause?: unknown) => void
}

/** How many live sessions a user may have, and what happens to one more. */
export interface Limit {
  /** 1 or more. */
  readonly max: number
  /** `oldest`: the oldest by `(createdAt, id)` end; `idle`: those that were seen least recently end; `reject`: the new one is refused. */
  readonly onLimit: 'oldest' | 'idle' | 'reject'
}

export interface CreateOptions {
  /** The caller's present, on the clock that the record's instants come from. The store shifts them by the difference to its own clock. */
  readonly at: number
  /** `null`: no limit. Ignored for guests. */
  readonly limit: Limit | null
  /** The browser's own former session. Does not count to the limit, and ends as `replaced` in the same step (or right after, if it lies in another shard). */
  readonly replaces: string | null
  /**
   * The session takes over a credential of another library. Of all calls with one key, one creates; the others get what it created.
   * The mark outlives the session, so that its end is the credential's end: until `until` (same clock as `at`).
   */
  readonly adopts: { readonly key: string, readonly until: number } | null
}

export type Created =
  /** It exists. `ended`: what made room for it or was replaced. `record`: as stored, on the store's clock. */
  | { readonly status: 'created', readonly record: SessionRecord, readonly ended: readonly EndedSession[] }
  /** Nothing changed: the user has `limit.max` live sessions (these, oldest first), and the limit refuses one more. */
  | { readonly status: 'refused', readonly live: readonly SessionRecord[] }
  /** Nothing changed: the credential was adopted before. The session that did, live or ended; `null` if its history is gone too. */
  | { readonly status: 'adopted', readonly session: SessionRecord | EndedSession | null }
  /** Nothing changed: a session with this id exists or is remembered as ended. */
  | { readonly status: 'exists' }
  /** Nothing changed: the store is at its cap, and nothing in it may go. */
  | { readonly status: 'full' }

/** What requests added to one session since the last batch. */
export interface Touch {
  readonly id: string
  /** How many requests to add. */
  readonly requests: number
  /** The last request that kept the session alive, on the clock of `at`; 0: none did (all were passive). */
  readonly seenAt: number
  /** The generation that was presented: if it is the current one and not yet confirmed, `confirmedAt` becomes `seenAt` (now, if that is 0); -1: confirms nothing. */
  readonly generation: number
  /** Set if changed; absent or undefined otherwise. */
  readonly ip?: string | null | undefined
  readonly agent?: string | null | undefined
  readonly device?: string | null | undefined
}

/** One change of one session. All of it happens, or nothing. */
export interface Change {
  /** Data to set, key by key. Other keys stay as they are. */
  readonly set?: EncodedData
  /** Data keys to remove. */
  readonly unset?: readonly string[]
  /**
   * A new verifier, one generation on; `rotatedAt` becomes now, `confirmedAt` null. `keep`: the old verifier moves to `previousHash`;
   * otherwise that becomes null and the old one is dead at once. Wants `expect`.
   */
  readonly rotate?: { readonly hash: string, readonly keep: boolean }
  /** What the user calls the device; `null` takes the name away. */
  readonly name?: string | null
  /** The session is seen now: its idle time starts anew. Never passes the absolute deadline. */
  readonly seen?: true
  /** The user proved who they are, now: `authenticatedAt` and `lastSeenAt` become now, both lengths (ms, from now) start anew. */
  readonly authenticate?: { readonly methods: string, readonly idle: number, readonly absolute: number }
  /** Only ever shortens: the absolute deadline becomes the sooner of itself and now + `absolute` ms. */
  readonly shorten?: { readonly absolute: number }
}

/** What must hold for a change to happen. */
export interface Expect {
  /** The generation the caller saw. Of two changes that expect the same, and rotate, one wins. */
  readonly generation: number
}

export type Updated =
  | { readonly status: 'done', readonly record: SessionRecord }
  /** Nothing changed: `expect` did not hold. The session as it is. */
  | { readonly status: 'conflict', readonly record: SessionRecord }
  /** Nothing changed: the session is not live. What is left of it, if anything. */
  | { readonly status: 'gone', readonly ended: EndedSession | null }

/** Which sessions to end. */
export type EndSelector =
  | { readonly ids: readonly string[] }
  /** All live sessions of a user, but `except`. */
  | { readonly userId: string, readonly except?: string }
  /** Everything that matches at the moment of its end: one bounded step; go on with `cursor` until it is null. */
  | { readonly filter: Filter, readonly limit: number, readonly cursor: string | null }

export interface EndWhy {
  readonly reason: EndReason
  readonly by: string | null
}

export interface Ending {
  /** Each session that this call ended. One that had ended before is not among them. */
  readonly ended: readonly EndedSession[]
  /** Where to go on, for a filter; `null`: nothing is left to look at. */
  readonly cursor: string | null
}

export interface PageOptions {
  /** At most so many items: 1 or more. A page may hold fewer, even none, and still have a cursor: work per call is bounded. */
  readonly limit: number
  /** From the page before; `null`: from the start. */
  readonly cursor: string | null
  /** By `(createdAt, id)` for live sessions, by `(endedAt, id)` for ended ones. */
  readonly order: 'newest' | 'oldest'
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
}

/** One node's numbers of one stretch of time. The value is the node's own, written over and over while the stretch lasts; never merged by the store. */
export interface Slice {
  /** The node that counted. */
  readonly node: string
  /** Start of the stretch, store's clock. */
  readonly at: number
  /** Length of the stretch in milliseconds: 300,000 or 3,600,000. */
  readonly span: number
  /** JSON, at most 16 KiB. */
  readonly value: string
  /** Kept until then (store's clock); purged by a sweep after. */
  readonly until: number
}

/** How many sessions there are. Sessions that have expired but are not yet swept may be counted. */
export interface Counts {
  /** All of them, guests too. */
  readonly live: number
  /** Users with at least one. */
  readonly users: number
  readonly guests: number
  readonly remembered: number
}

export interface Statistics extends Counts {
  /** All slices, of every node, whose stretch starts within the range. */
  readonly slices: readonly Slice[]
}

/** What other nodes did, as it happens. */
export interface StoreListener {
  /** A session ended. */
  ended (session: EndedSession): void
  /** A session was rotated, extended or otherwise changed (never: touched). */
  changed (id: string): void
  /** The stream cannot be trusted from here on: something may have been missed. */
  lost (): void
}

export interface StoreWatch {
  /**
   * Sends a beat through the very connection that data takes, and resolves when it came back on the subscription: everything that was
   * told before it has then been heard.
   */
  probe (): Promise<void>
  close (): Awaitable<void>
}

/** Copies of sessions in this process. A copy may only ever say yes; every no, and whatever asks for a fresh sign-in, is read. */
export interface CacheOptions {
  /** At most so many copies. Default 10,000. */
  readonly max?: number
  /** The longest time in milliseconds for which another node's end may go unheard, if all else fails: 100 or more. Default 1000. */
  readonly maxStale?: number
}

/**
 * Where sessions live. The verbs mean something, so that every engine can keep the laws (`fastify-session-manager/testing` exports
 * them as a suite); verbs on one session or one user are atomic and one round trip; verbs across users are bounded steps, each atomic.
 *
 * The laws: 1 an expired session is not there, swept or not · 2 only `create` makes a session exist; every late write on an ended one
 * changes nothing · 3 N concurrent creations under limit L leave L, the newest; of two updates that expect the same, one wins · 4 data
 * that comes out is a copy · 5 data merges key by key · 6 activity never moves a session back in time, and adds up; nothing lengthens a
 * life past its absolute deadline · 7 whatever ends a session says so once, with its reason · 8 a cursor is a value: pages neither
 * repeat nor skip when sessions end meanwhile · 9 names, ids and data of one app never reach another's · 10 when everything has ended
 * and history is purged, the store holds nothing.
 *
 * A store that cannot do its work rejects (or throws); it never answers "not there" instead.
 */
export interface Store {
  /** For logs and pages: `memory`, `redis`, … */
  readonly name: string
  /** Who sees the same sessions: this process, the processes of this machine, or every machine that reaches the server. */
  readonly scope: 'process' | 'machine' | 'network'
  /** Sessions outlive the process. */
  readonly durable: boolean
  /** The app wants validations answered from copies in this process, kept true by `watch`, which the store must then have. Absent: every validation reads. */
  readonly cache?: CacheOptions
  /**
   * So many sessions are in a `touch` at most. Default 200, because where a store is in this process, requests wait meanwhile; more suit one
   * that divides them further.
   */
  readonly batch?: number

  /** Connects, creates what it needs. Called once, before any other verb. */
  open (context: StoreContext): Awaitable<void>
  /** Resolves if the store can do its work now. */
  ping (): Awaitable<void>
  /** Closes what the store itself opened. Called once, last. */
  close (): Awaitable<void>
  /** The store's clock, if it is not this process's: what the manager measures its offset against. */
  now? (): Awaitable<number>

  /** The only insert: atomic with the limit, the replaced session and the adoption. */
  create (record: SessionRecord, options: CreateOptions): Awaitable<Created>
  /**
   * The live session, or what is left of it, or `null`; from the primary. Never a write. A change makes another record, so that whoever
   * holds this one sees none; its activity (`lastSeenAt`, `requests`, `confirmedAt`, address, agent) may move on, where the store is in this
   * process.
   */
  read (id: string): Awaitable<SessionRecord | EndedSession | null>
  /** Adds up, never moves back, never creates. Answers the ids that are not live. */
  touch (batch: readonly Touch[], at: number): Awaitable<readonly string[]>
  /** Changes a live session. */
  update (id: string, change: Change, expect?: Expect): Awaitable<Updated>
  /** Final. */
  end (selector: EndSelector, why: EndWhy): Awaitable<Ending>
  /** Live sessions. */
  list (filter: Filter, page: PageOptions): Awaitable<Page<SessionRecord>>
  /** Ended sessions, as far as history reaches. */
  history (filter: Filter, page: PageOptions): Awaitable<Page<EndedSession>>
  /** How many live sessions match, within one bounded step; add up until `cursor` is null. */
  count (filter: Filter, cursor: string | null): Awaitable<{ readonly count: number, readonly cursor: string | null }>
  /** Ends up to `max` expired sessions (each is told by one caller over all nodes) and purges old history, marks and slices. */
  sweep (max: number): Awaitable<{ readonly ended: readonly EndedSession[], readonly more: boolean }>
  /** Keeps a node's slice: overwrites the same node's of the same stretch. */
  observe (slice: Slice): Awaitable<void>
  /** Counts, and the slices with `from <= at < to`. */
  statistics (from: number, to: number): Awaitable<Statistics>
  /** Absent where every read is local. */
  watch? (listener: StoreListener): Awaitable<StoreWatch>
}
