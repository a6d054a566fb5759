import { checkNames, invalidOption, namesOf, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'

/** `config.session` of a route. */
export interface SessionRouteConfig {
  /** Responds with 401 without a signed-in user. */
  readonly required?: boolean
  /** Responds with 403 `FST_SESSION_NOT_FRESH` unless the user authenticated within this duration. Implies `required`. */
  readonly fresh?: Duration
  /** Requests count, but do not extend the idle timeout: for polling. */
  readonly passive?: boolean
  /**
   * Responds with 403 `FST_SESSION_CROSS_ORIGIN` to state-changing requests and WebSocket upgrades from another origin. Default: only to
   * upgrades that have a session cookie; `false`: to none.
   */
  readonly sameOrigin?: boolean
}

/** The config of a route, checked. */
export interface RouteConfig {
  /** The route does not use sessions. */
  readonly disabled: boolean
  readonly required: boolean
  /** Milliseconds; 0: any authentication is recent enough. */
  readonly fresh: number
  readonly passive: boolean
  /** `upgrades`: checked only for WebSocket upgrades that have a session cookie. */
  readonly sameOrigin: boolean | 'upgrades'
}

const names = namesOf<SessionRouteConfig>({ required: true, fresh: true, passive: true, sameOrigin: true })
const none: RouteConfig = { disabled: false, required: false, fresh: 0, passive: false, sameOrigin: 'upgrades' }
const disabled: RouteConfig = { ...none, disabled: true }
const checkedConfigs = new WeakMap<object, RouteConfig>()

/** Returns `config.session` of a route, checked once. Throws `FST_SESSION_INVALID_OPTION`. */
export function routeConfigOf (config: { readonly session?: false | SessionRouteConfig } | undefined): RouteConfig {
  const session = config?.session
  if (session === undefined) return none
  if (session === false) return disabled
  const known = checkedConfigs.get(session)
  if (known !== undefined) return known
  const checked = toRouteConfig(session)
  checkedConfigs.set(session, checked)
  return checked
}

function toRouteConfig (session: SessionRouteConfig): RouteConfig {
  if (typeof (session as unknown) !== 'object' || (session as unknown) === null) throw invalidOption('config.session', 'false or an object')
  checkNames(session, 'config.session', names)
  const fresh = session.fresh === undefined ? 0 : toMilliseconds(session.fresh, 'config.session.fresh', { min: 1 })
  return {
    disabled: false,
    required: flag(session.required, 'required') || fresh > 0,
    fresh,
    passive: flag(session.passive, 'passive'),
    sameOrigin: flag(session.sameOrigin, 'sameOrigin') || (session.sameOrigin === undefined && 'upgrades')
  }
}

function flag (value: unknown, name: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw invalidOption(`config.session.${name}`, 'true or false')
  return value === true
}
