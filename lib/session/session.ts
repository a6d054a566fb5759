import { SessionError } from '../errors.ts'
import type { EndedSession } from '../model/record.ts'
import { answer, unattended } from './callbacks.ts'
import type { SessionCallback } from './callbacks.ts'
import { reservedKeys } from './session-api.ts'
import type { LoginOptions, SessionActions, SessionApi } from './session-api.ts'

const cures: Readonly<Record<string, string>> = {
  userId: 'Sign in with `await request.session.login(userId)`.',
  id: 'Ids are given by the session manager.'
}

/** The object behind `request.session`. */
class Session implements SessionApi {
  readonly #actions: SessionActions

  constructor (actions: SessionActions) {
    this.#actions = actions
  }

  get id () { return this.#actions.record?.id ?? null }
  get sessionId () { return this.#actions.record?.id ?? null }
  get userId () { return this.#actions.record?.userId ?? null }
  get info () { return this.#actions.info() }
  login (userId: string | number, options?: LoginOptions) { return this.#actions.login(userId, options) }
  logout () { return this.#actions.logout() }
  rotate () { return this.#actions.rotate() }
  reauthenticate (options?: { readonly method?: string | readonly string[] }) { return this.#actions.reauthenticate(options ?? {}) }
  extend () { return this.#actions.extend() }
  save (callback?: SessionCallback) { return answer('save', this.#actions.save(), callback) }
  onEnd (listener: (session: EndedSession) => void) { return this.#actions.onEnd(listener) }
  get (key: string) { return Object.hasOwn(this, key) ? (this as Record<string, unknown>)[key] : undefined }
  set (key: string, value: unknown) { (this as Record<string, unknown>)[key] = value }
  data () { return Object.fromEntries(Object.entries(this)) }
  regenerate (keep?: readonly string[] | SessionCallback, callback?: SessionCallback) {
    return answer('regenerate', this.#actions.regenerate(Array.isArray(keep) ? keep as readonly string[] : []), typeof keep === 'function' ? keep : callback)
  }

  destroy (callback?: SessionCallback) { return answer('destroy', this.#actions.logout(), callback) }
  delete () { return unattended(this.#actions.logout()) }
  touch () { return unattended(this.#actions.extend()) }
  reload (callback?: SessionCallback) { return answer('reload', this.#actions.reload(), callback) }
  options () {}
}

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
export function createSession (actions: SessionActions): SessionApi & Record<string, unknown> {
  return new Session(actions) as SessionApi as SessionApi & Record<string, unknown>
}
