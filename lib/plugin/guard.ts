import { isUpgrade } from '../cookie/request.ts'
import { endedError, SessionError } from '../errors.ts'
import type { SessionState } from '../session/state.ts'
import type { PluginContext } from './context.ts'
import { isCrossOrigin, isSafe, originOf } from './cross-origin.ts'
import type { RouteConfig } from './route-config.ts'
import type { SessionRequest } from './symbols.ts'

/** Requires a signed-in user. */
export const signedIn: Requirement = { required: true, fresh: 0 }

/** What a route requires of the session. */
export type Requirement = Pick<RouteConfig, 'required' | 'fresh'>

/** Throws 401 without a signed-in user, 403 if the user did not authenticate recently enough, and the error of a store that failed. */
export function requireSession ({ manager }: PluginContext, state: SessionState, { required, fresh }: Requirement): void {
  if (!required) return
  state.guarded = true
  if (state.error !== null) throw state.error
  if (state.record?.userId == null) throw endedError(state.rejection?.reason ?? null)
  if (fresh > 0 && !manager.isFresh(state.record, fresh)) throw new SessionError('FST_SESSION_NOT_FRESH')
}

/** Throws 403 for a state-changing request or a WebSocket upgrade that a browser sends for a page of another origin. */
export function requireSameOrigin ({ manager, throttle, anonymizer, trustedOrigins }: PluginContext, request: SessionRequest): void {
  if ((isSafe(request.method) && !isUpgrade(request)) || !isCrossOrigin(request, trustedOrigins)) return
  const { method } = request
  const base = { at: manager.now(), id: null, userId: null, ip: anonymizer.apply(request.ip), method }
  throttle.emit({
    type: 'cross-origin-blocked',
    ...base,
    origin: request.headers.origin?.slice(0, 256) ?? null,
    requested: originOf(request),
    hint: hintOf(request)
  })
  throw new SessionError('FST_SESSION_CROSS_ORIGIN')
}

/** Returns what to do if the page of a blocked request belongs to the app. */
function hintOf ({ headers: { origin }, protocol, host }: SessionRequest): string {
  if (origin === undefined) return 'The request has no Origin. Send it from a page of the same origin'
  const own = URL.canParse(origin) && new URL(origin).host
  if (own === host && !origin.startsWith(`${protocol}:`)) return 'A proxy ends TLS: set `trustProxy`, so that Fastify knows the protocol'
  return 'If `origin` belongs to the app, add it to `trustedOrigins`; if a proxy changed Host, let it keep Host, or set `trustProxy`'
}
