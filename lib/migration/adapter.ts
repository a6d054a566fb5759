import type { Awaitable } from '../async.ts'
import type { LegacyCookie, RequestCookies } from '../migration/cookies.ts'

/** A session of another library, as its record (or sealed cookie) tells it. */
export interface LegacySession {
  /** The owner, where the record itself names one; `undefined`: the app's `userId` finds it in the data. `null`: nobody has signed in. */
  readonly userId?: string | number | null | undefined
  /** What the app had put there; JSON. */
  readonly data: Readonly<Record<string, unknown>>
  /** The end of its life in milliseconds since the epoch; `null`: it has none. */
  readonly expiresAt: number | null
  /** When its user signed in, if that is known. */
  readonly createdAt?: number
  /** Its cookie outlives the browser. */
  readonly remember?: boolean
  /** `expiresAt` was an idle deadline: each request moved it so many milliseconds on. */
  readonly rolling?: number
  /** What stays the same while a sealed cookie is sealed again and again. Default: the credential itself. */
  readonly key?: string
}

/** What the old store is told of the new session while the way back is open. */
export interface MirroredSession {
  readonly userId: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly expiresAt: number
}

/**
 * What takes sessions of one other library over: `fromExpressSession` and its kin make one; write your own for anything else.
 * Whatever it throws counts as trouble of the old store.
 */
export interface LegacyAdapter {
  /** For events and counters: `express-session`. Part of each mark: keep it. */
  readonly name: string
  /** Its sessions name their owner: the app need not find it in the data. */
  readonly identifies?: boolean
  /** The cookies it reads; deleted when the old session is retired. */
  readonly cookies: readonly LegacyCookie[]
  /**
   * The credential that a request bears, verified as far as that goes without I/O; `false`: a cookie is there, and not genuine; `null`: none is.
   * Only ever asked about requests without a cookie of ours.
   */
  match (cookies: RequestCookies): string | false | null
  /** The old session; `null` if it is unknown or over. */
  load (credential: string): Awaitable<LegacySession | null>
  /** Deletes the old session, so that the old library refuses it too. Absent: there is nothing but the cookie. */
  retire? (credential: string): Awaitable<void>
  /** Keeps the old session in step. Never brings back one that is gone. */
  mirror? (credential: string, session: MirroredSession): Awaitable<void>
  /** Every old session. */
  scan? (): AsyncIterable<{ readonly credential: string, readonly session: LegacySession }>
}
