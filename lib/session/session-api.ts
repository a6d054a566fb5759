import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { SessionCallback } from './callbacks.ts'
import type { SessionInfo } from './info.ts'

/** How a user signs in. */
export interface LoginOptions {
  /** "Remember me": the session outlives the browser. Ask the user first (ePrivacy: a persistent cookie wants consent). */
  readonly remember?: boolean
  /** How they proved who they are: `password`, `webauthn`, `oauth2:github`, … */
  readonly method?: string | readonly string[]
  /** The first data of the session. */
  readonly data?: Readonly<Record<string, unknown>>
}

/**
 * `request.session`. Its own properties are the user's data: `request.session.cart = [...]`; they are kept when the response is sent.
 * Everything else is here, on a prototype whose chain ends in `null`, and cannot be assigned (`FST_SESSION_RESERVED_KEY`).
 */
export interface SessionApi {
  /** The public id; `null` if there is no session (yet). */
  readonly id: string | null
  /** Whose session it is; `null` for a guest, or without a session. */
  readonly userId: string | null
  /** What the server knows of it; `null` without a session. */
  readonly info: SessionInfo | null
  /**
   * Signs a user in: always a new session, with the limit; the browser's former one ends. Of a guest's data only what the option `keep`
   * names goes along. Rejects with `FST_SESSION_LIMIT_REACHED` (409) under limit `reject`.
   */
  login (userId: string | number, options?: LoginOptions): Promise<void>
  /** Ends the session and deletes the cookie. Does nothing without a session. */
  logout (): Promise<void>
  /** A new verifier, now; the old one is dead. After a change of privileges. */
  rotate (): Promise<void>
  /** The user proved again who they are: a new verifier, and both lengths start anew. */
  reauthenticate (options?: { readonly method?: string | readonly string[] }): Promise<void>
  /** The idle time starts anew; the absolute deadline stays. */
  extend (): Promise<void>
  /** Keeps the data now, instead of with the response: for sockets, streams of your own and `reply.hijack()`. */
  save (): Promise<void>
  /** @deprecated Await it instead. */
  save (callback: SessionCallback): void
  /** Calls back once, when the session ends, wherever it is ended. Returns what stops it. */
  onEnd (listener: (session: EndedSession) => void): () => void
  /** One key of the data. */
  get (key: string): unknown
  /** Sets one key of the data. */
  set (key: string, value: unknown): void
  /** All data, as a plain object. */
  data (): Record<string, unknown>
  /** Drops all data but `keep`; with the response the session gets a new token, and the owner that the option `userId` finds in the data. */
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
  /** Drops unsaved changes and reads the session again. */
  reload (): Promise<void>
  /** @deprecated Await it instead. */
  reload (callback: SessionCallback): void
  /** Accepted for code written for other libraries; cookies have one policy here, fixed at registration. */
  options (options: Readonly<Record<string, unknown>>): void
  /** As `id`. */
  readonly sessionId: string | null
}

/** What `request.session` hands on: the state of one request's session implements it. */
export interface SessionActions {
  readonly record: SessionRecord | null
  info (): SessionInfo | null
  login (userId: string | number, options?: LoginOptions): Promise<void>
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

/** Names that cannot be keys of the data. */
export const reservedKeys: ReadonlySet<string> = new Set(Object.keys(api))
