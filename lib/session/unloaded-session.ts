import { SessionError } from '../errors.ts'
import type { SessionActions } from './session-api.ts'
import { createSession } from './session.ts'
import type { SessionObject } from './session.ts'

const refuse = (): never => { throw new SessionError('FST_SESSION_NOT_LOADED') }

const actions: SessionActions = {
  record: null,
  info: () => null,
  login: refuse,
  logout: refuse,
  rotate: refuse,
  reauthenticate: refuse,
  extend: refuse,
  save: refuse,
  onEnd: refuse,
  regenerate: refuse,
  reload: refuse
}

/**
 * `request.session` where no session is loaded: before the session hook, as in log serializers and in hooks of other plugins, and on routes
 * with `config.session: false`. Reading returns `null` or `undefined`, and never throws. What changes state throws
 * `FST_SESSION_NOT_LOADED`.
 */
export const unloadedSession: SessionObject = new Proxy(createSession(actions), {
  get (target, key) {
    if (key === 'set') return refuse
    const value: unknown = Reflect.get(target, key, target)
    return typeof value === 'function' ? (value as () => unknown).bind(target) : value
  },
  set: refuse,
  defineProperty: refuse,
  deleteProperty: refuse,
  setPrototypeOf: refuse
})
