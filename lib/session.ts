import { answer, unattended } from './callback.ts'
import type { SessionCallback } from './callback.ts'
import type { EndedSession } from './record.ts'
import { SessionError } from './errors.ts'
import type { SessionInfo } from './info.ts'
import type { SessionState } from './state.ts'

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

const cures: Readonly<Record<string, string>> = {
  userId: 'Sign in with `await request.session.login(userId)`.',
  id: 'Ids are given by the session manager.'
}

/** The object behind `request.session`. */
class Session implements SessionApi {
  readonly #state: SessionState

  constructor (state: SessionState) {
    this.#state = state
  }

  get id () { return this.#state.record?.id ?? null }
  get sessionId () { return this.#state.record?.id ?? null }
  get userId () { return this.#state.record?.userId ?? null }
  get info () { return this.#state.info() }
  login (userId: string | number, options?: LoginOptions) { return this.#state.login(userId, options) }
  logout () { return this.#state.logout() }
  rotate () { return this.#state.rotate() }
  reauthenticate (options?: { readonly method?: string | readonly string[] }) { return this.#state.reauthenticate(options ?? {}) }
  extend () { return this.#state.extend() }
  save (callback?: SessionCallback) { return answer('save', this.#state.save(), callback) }
  onEnd (listener: (session: EndedSession) => void) { return this.#state.onEnd(listener) }
  get (key: string) { return Object.hasOwn(this, key) ? (this as Record<string, unknown>)[key] : undefined }
  set (key: string, value: unknown) { (this as Record<string, unknown>)[key] = value }
  data () { return Object.fromEntries(Object.entries(this)) }
  regenerate (keep?: readonly string[] | SessionCallback, callback?: SessionCallback) {
    return answer('regenerate', this.#state.regenerate(Array.isArray(keep) ? keep as readonly string[] : []), typeof keep === 'function' ? keep : callback)
  }

  destroy (callback?: SessionCallback) { return answer('destroy', this.#state.logout(), callback) }
  delete () { return unattended(this.#state.logout()) }
  touch () { return unattended(this.#state.extend()) }
  reload (callback?: SessionCallback) { return answer('reload', this.#state.reload(), callback) }
  options () {}
}

/** Names that cannot be keys of the data. */
export const reservedKeys: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Session.prototype).filter(name => name !== 'constructor'))

// The chain ends here: `__proto__` and `constructor` are keys like any other. Methods become accessors, so that an assignment cannot
// hide them (a body copied into the session would otherwise replace `logout`).
Object.setPrototypeOf(Session.prototype, null)
Reflect.deleteProperty(Session.prototype, 'constructor')
for (const name of reservedKeys) {
  const descriptor = Object.getOwnPropertyDescriptor(Session.prototype, name) as PropertyDescriptor
  const value: unknown = descriptor.value
  const set = (): never => { throw new SessionError('FST_SESSION_RESERVED_KEY', { values: [name, cures[name] ?? 'Choose another key.'] }) }
  Object.defineProperty(Session.prototype, name, value === undefined ? { ...descriptor, set } : { get: () => value, set })
}

/** Makes the object that a handler holds. */
export function createSession (state: SessionState): SessionApi & Record<string, unknown> {
  return new Session(state) as SessionApi as SessionApi & Record<string, unknown>
}
