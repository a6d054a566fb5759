import type { Awaitable } from '../async.ts'
import type { LegacyCookie, RequestCookies } from '../migration/cookies.ts'

/** A session of another library, from its record or its encrypted cookie. */
export interface LegacySession {
  /**
   * The owner, if the record contains one; `undefined`: the app's `resolveUserId` returns it from the data. `null`: no user has signed in.
   */
  readonly userId?: string | number | null | undefined
  /** The data of the app; JSON. */
  readonly data: Readonly<Record<string, unknown>>
  /** When it expires, in milliseconds since the epoch; `null`: never. */
  readonly expiresAt: number | null
  /** When its user signed in, if that is known. */
  readonly createdAt?: number
  /** Its cookie is persistent (remember-me). */
  readonly remember?: boolean
  /** `expiresAt` was an idle deadline: each request extended it by this many milliseconds. */
  readonly rolling?: number
  /** A value that stays the same when an encrypted cookie is written again. Default: the credential itself. */
  readonly key?: string
}

/** The session to write back to the old store, for a rollback. */
export interface MirroredSession {
  readonly userId: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly expiresAt: number
}

/**
 * Reads the sessions of one other library. `fromExpressSession` and similar functions return one; write your own for other libraries.
 * An error that it throws counts as a failure of the old store, unless the credential is to blame: the adapter has no `retire` and so no
 * store, the error is a `SyntaxError`, or its `code` is an SQLSTATE of class 22.
 */
export interface LegacyAdapter {
  /** For events and counters: `express-session`. Part of the key of each adopted credential: never change it. */
  readonly name: string
  /** Its sessions have a user id: `resolveUserId` is not called. */
  readonly identifies?: boolean
  /** The cookies that it reads; deleted with the legacy session. */
  readonly cookies: readonly LegacyCookie[]
  /**
   * Returns the credential of a request, verified as far as possible without I/O; `false`: a cookie exists, but is not genuine; `null`: no
   * cookie. Called only for requests without a session cookie of this package.
   */
  match (cookies: RequestCookies): string | false | null
  /** Returns the legacy session; `null` if it is unknown or has expired. */
  load (credential: string): Awaitable<LegacySession | null>
  /** Deletes the legacy session, so that the old library rejects it, too. Absent: the session is stored in the cookie only. */
  retire? (credential: string): Awaitable<void>
  /** Writes back to the legacy session. Never restores a deleted one. */
  mirror? (credential: string, session: MirroredSession): Awaitable<void>
  /** Yields every legacy session. */
  scan? (): AsyncIterable<{ readonly credential: string, readonly session: LegacySession }>
}

/** Returns whether a legacy session has expired. */
export function isExpired ({ expiresAt }: LegacySession, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}
