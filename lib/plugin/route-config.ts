import { refuse, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'

/** `config.session` of a route. */
export interface SessionRouteConfig {
  /** Without a signed-in user: 401. */
  readonly required?: boolean
  /** Without a sign-in within this length: 403 `FST_SESSION_NOT_FRESH`. Means `required`. */
  readonly fresh?: Duration
  /** Requests count, but do not keep the session alive: for polling. */
  readonly passive?: boolean
  /**
   * State-changing requests and WebSocket upgrades from other sites: 403 `FST_SESSION_CROSS_SITE`. Left out, only upgrades that bring a
   * session cookie are looked at; `false`: none.
   */
  readonly sameOrigin?: boolean
}

/** What a route wants, checked. */
export interface RouteRules {
  /** The route never touches sessions. */
  readonly off: boolean
  readonly required: boolean
  /** Milliseconds; 0: does not matter. */
  readonly fresh: number
  readonly passive: boolean
  /** `upgrades`: only of WebSocket upgrades with a session cookie. */
  readonly sameOrigin: boolean | 'upgrades'
}

const none: RouteRules = { off: false, required: false, fresh: 0, passive: false, sameOrigin: 'upgrades' }
const off: RouteRules = { ...none, off: true }
const known = new WeakMap<object, RouteRules>()

/** The rules of a route, from its `config`. Throws `FST_SESSION_INVALID_OPTION`. */
export function rulesOf (config: { readonly session?: false | SessionRouteConfig } | undefined): RouteRules {
  const session = config?.session
  if (session === undefined) return none
  if (session === false) return off
  const rules = known.get(session)
  if (rules !== undefined) return rules
  const checked = toRules(session)
  known.set(session, checked)
  return checked
}

function toRules (session: SessionRouteConfig): RouteRules {
  if (typeof (session as unknown) !== 'object' || (session as unknown) === null) throw refuse('config.session', 'false or an object')
  const wrong = Object.keys(session).find(key => !['required', 'fresh', 'passive', 'sameOrigin'].includes(key))
  if (wrong !== undefined) throw refuse(`config.session.${wrong}`, 'required, fresh, passive or sameOrigin')
  const fresh = session.fresh === undefined ? 0 : toMilliseconds(session.fresh, 'config.session.fresh', { min: 1 })
  return {
    off: false,
    required: flag(session.required, 'required') || fresh > 0,
    fresh,
    passive: flag(session.passive, 'passive'),
    sameOrigin: flag(session.sameOrigin, 'sameOrigin') || (session.sameOrigin === undefined && 'upgrades')
  }
}

function flag (value: unknown, name: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw refuse(`config.session.${name}`, 'true or false')
  return value === true
}
