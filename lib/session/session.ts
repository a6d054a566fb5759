import { SessionError } from '../errors.ts'
import type { EndedSession } from '../model/record.ts'
import type { UserId } from '../model/user-id.ts'
import { resolveCallback, ignoreRejection } from './callbacks.ts'
import type { SessionCallback } from './callbacks.ts'
import { reservedKeys } from './session-api.ts'
import type { LoginOptions, SessionActions, SessionApi, SessionValue } from './session-api.ts'

const hints: Readonly<Record<string, string>> = {
  userId: 'Sign in with `await request.session.login(userId)`.',
  id: 'The session manager issues the ids.'
}

/** The object behind `request.session`. Its methods forward to the state of the request. */
class Session implements SessionApi {
  readonly #actions: SessionActions

  constructor (actions: SessionActions) {
    this.#actions = actions
  }

  get id () { return this.#actions.record?.id ?? null }
  get sessionId () { return this.#actions.record?.id ?? null }
  get userId () { return this.#actions.record?.userId ?? null }
  get info () { return this.#actions.info() }
  login (userId: UserId, options?: LoginOptions) { return this.#actions.login(userId, options) }
  logout () { return this.#actions.logout() }
  rotate () { return this.#actions.rotate() }
  reauthenticate (options?: { readonly method?: string | readonly string[] }) { return this.#actions.reauthenticate(options ?? {}) }
  extend () { return this.#actions.extend() }
  save (callback?: SessionCallback) { return resolveCallback('save', this.#actions.save(), callback) }
  onEnd (listener: (session: EndedSession) => void) { return this.#actions.onEnd(listener) }
  get <K extends string>(key: K) { return Object.hasOwn(this, key) ? (this as unknown as Record<K, SessionValue<K>>)[key] : undefined }
  set <K extends string>(key: K, value: SessionValue<K>) { (this as unknown as Record<K, SessionValue<K>>)[key] = value }
  data () { return Object.fromEntries(Object.entries(this)) }
  regenerate (keep?: readonly string[] | SessionCallback, callback?: SessionCallback) {
    const keys = Array.isArray(keep) ? keep as readonly string[] : []
    return resolveCallback('regenerate', this.#actions.regenerate(keys), typeof keep === 'function' ? keep : callback)
  }

  destroy (callback?: SessionCallback) { return resolveCallback('destroy', this.#actions.logout(), callback) }
  delete () { return ignoreRejection(this.#actions.logout()) }
  touch () { return ignoreRejection(this.#actions.extend()) }
  reload (callback?: SessionCallback) { return resolveCallback('reload', this.#actions.reload(), callback) }
  options () {}
}

/** Methods that templates, loggers and other code call on any object. Data may have these names: an assignment creates an own property. */
const objectMethods = ['hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable', 'toLocaleString', 'toString', 'valueOf'] as const

sealPrototype()

/** The object that handlers hold: the API on its prototype, the data in its own properties. */
export type SessionObject = SessionApi & Record<string, unknown>

/** Returns the object that a handler holds. */
export function createSession (actions: SessionActions): SessionObject {
  return new Session(actions) as SessionApi as SessionObject
}

/**
 * Ends the prototype chain here, so that `__proto__` and `constructor` are keys like any other. Turns methods into accessors, so that an
 * assignment cannot hide them: a request body that is copied into the session would otherwise replace `logout`.
 */
function sealPrototype (): void {
  const { prototype } = Session
  Object.setPrototypeOf(prototype, null)
  Reflect.deleteProperty(prototype, 'constructor')
  for (const name of objectMethods) {
    Object.defineProperty(prototype, name, Object.getOwnPropertyDescriptor(Object.prototype, name) as PropertyDescriptor)
  }
  for (const key of reservedKeys) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, key) as PropertyDescriptor
    const method: unknown = descriptor.value
    const set = (): never => { throw new SessionError('FST_SESSION_RESERVED_KEY', { values: [key, hints[key] ?? 'Choose another key.'] }) }
    Object.defineProperty(prototype, key, method === undefined ? { ...descriptor, set } : { get: () => method, set })
  }
}
