import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SessionState } from '../session/state.ts'
import type { PluginContext } from './context.ts'

/** The property of a request that holds the state of its session. */
export const kState = Symbol('session.state')
/** The property of a request that holds its reply. */
export const kReply = Symbol('session.reply')

/** The property of an instance that holds the context of the plugin; scopes inherit it. */
export const kContext = Symbol('session.context')

/** An instance, which the plugin may have decorated. */
export type SessionInstance = FastifyInstance & { readonly [kContext]?: PluginContext }

interface Requested {
  [kState]: SessionState | null
  /** Set by the session hook; `null` on routes with `config.session: false`. */
  [kReply]: FastifyReply | null
}

/** A request that the plugin has decorated. */
export type SessionRequest = FastifyRequest & Requested
