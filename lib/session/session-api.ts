import type { Session } from 'fastify'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { UserId } from '../model/user-id.ts'
import type { SessionCallback } from './callbacks.ts'
import type { SessionInfo } from './info.ts'

/** How a user signs in. */
export interface LoginOptions {
  /** "Remember me": makes the session persistent. Ask the user first: a persistent cookie requires consent (ePrivacy). */
  readonly remember?: boolean
  /** How the user authenticated: `password`, `webauthn`, `oauth2:github`, … */
  readonly method?: string | readonly string[]
  /** The first data of the session. */
  readonly data?: Readonly<Record<string, unknown>>
}

declare module 'fastify' {
  /** Your session data: `declare module 'fastify' { interface Session { cart?: string[] } }`. */
  interface Session {}
}

/** The type of one key of the data, as the app declares it in `Session`; `unknown` for others. */
export type SessionValue<K extends string> = K extends keyof Session ? Session[K] : unknown

/**
 * `request.session`. Its own properties are the user's data, as in `request.session.cart = [...]`, and are saved before the response is
 * sent. The members below are on its prototype, whose chain ends in `null`, and cannot be assigned (`FST_SESSION_RESERVED_KEY`).
 */
export interface SessionApi {
  /** The public id; `null` without a session. */
  readonly id: string | null
  /** The user of the session; `null` for a guest, or without a session. */
  readonly userId: string | null
  /** The details of the session; `null` without a session. */
  readonly info: SessionInfo | null
  /**
   * Signs a user in: creates a session, enforces `maxSessions`, and ends the session that the browser had. Of the data, the keys in
   * `keepOnLogin` stay, and what is set while the login is in flight. Rejects with `FST_SESSION_LIMIT_REACHED` (`onExceeded: 'reject'`).
   */
  login (userId: UserId, options?: LoginOptions): Promise<void>
  /** Ends the session and deletes the cookie. Does nothing without a session. */
  logout (): Promise<void>
  /** Issues a new token, and invalidates the old one at once: for a change of privileges. */
  rotate (): Promise<void>
  /** The user authenticated again: issues a new token, and resets the idle and the absolute timeout. */
  reauthenticate (options?: { readonly method?: string | readonly string[] }): Promise<void>
  /** Resets the idle timeout; the absolute timeout stays. */
  extend (): Promise<void>
  /** Saves the data now: for sockets, streams of your own and `reply.hijack()`. What is set meanwhile is saved with the response. */
  save (): Promise<void>
  /** @deprecated Await it instead. */
  save (callback: SessionCallback): void
  /** Calls the listener once, when the session ends, on any instance. Returns a function that removes it. */
  onEnd (listener: (session: EndedSession) => void): () => void
  /** Returns one key of the data. */
  get <K extends string>(key: K): SessionValue<K> | undefined
  /** Sets one key of the data. */
  set <K extends string>(key: K, value: SessionValue<K>): void
  /** Returns all data, as a plain object. */
  data (): Record<string, unknown>
  /**
   * Drops all data but the keys in `keep`. With the response, a new session replaces this one. Its user is the one that `resolveUserId`
   * returns for the data.
   */
  regenerate (keep?: readonly string[]): Promise<void>
  /** @deprecated Await it instead. */
  regenerate (callback: SessionCallback): void
  /** @deprecated Await it instead. */
  regenerate (keep: readonly string[], callback: SessionCallback): void
  /** As `logout`. */
  destroy (): Promise<void>
  /** @deprecated Await it instead. */
  destroy (callback: SessionCallback): void
  /** As `logout`, for code that does not await it. */
  delete (): Promise<void>
  /** As `extend`. */
  touch (): Promise<void>
  /** Drops unsaved changes and reads the session again. What is set meanwhile stays. */
  reload (): Promise<void>
  /** @deprecated Await it instead. */
  reload (callback: SessionCallback): void
  /** Does nothing. For code of other libraries: the cookie's attributes are fixed at registration. */
  options (options: Readonly<Record<string, unknown>>): void
  /** As `id`. */
  readonly sessionId: string | null
}

/** The actions behind `request.session`; the state of a request implements them. */
export interface SessionActions {
  readonly record: SessionRecord | null
  info (): SessionInfo | null
  login (userId: UserId, options?: LoginOptions): Promise<void>
  logout (): Promise<void>
  rotate (): Promise<void>
  reauthenticate (options: { readonly method?: string | readonly string[] }): Promise<void>
  extend (): Promise<void>
  save (): Promise<void>
  onEnd (listener: (session: EndedSession) => void): () => void
  regenerate (keep: readonly string[]): Promise<void>
  reload (): Promise<void>
}

const api: Readonly<Record<keyof SessionApi, true>> = {
  id: true,
  sessionId: true,
  userId: true,
  info: true,
  login: true,
  logout: true,
  rotate: true,
  reauthenticate: true,
  extend: true,
  save: true,
  onEnd: true,
  get: true,
  set: true,
  data: true,
  regenerate: true,
  destroy: true,
  delete: true,
  touch: true,
  reload: true,
  options: true
}

/** The names that cannot be keys of the data. */
export const reservedKeys: ReadonlySet<string> = new Set(Object.keys(api))
