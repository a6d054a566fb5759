import type { FastifyRequest } from 'fastify'
import { SessionError } from '../errors.ts'
import { requireSession as check, signedIn } from './guard.ts'
import { stateOf } from './load-session.ts'
import { kContext } from './symbols.ts'
import type { SessionInstance, SessionRequest } from './symbols.ts'

/**
 * Guard for hooks: throws 401 without a signed-in user. It can be imported before the plugin has loaded. Where no session is loaded, it
 * throws `FST_SESSION_NOT_LOADED`; a route that has it in a scope without the plugin refuses the start (`FST_SESSION_GUARD_MISSING`).
 */
export async function requireSession (request: Pick<FastifyRequest, 'session'>, _reply?: unknown): Promise<void> {
  const context = ((request as FastifyRequest).server as SessionInstance)[kContext]
  if (context === undefined) throw new SessionError('FST_SESSION_NOT_LOADED')
  check(context, stateOf(context, request as SessionRequest), signedIn)
}
