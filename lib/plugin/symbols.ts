import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SessionState } from '../session/state.ts'

/** The property of a request that holds the state of its session. */
export const kState = Symbol('session.state')
/** The property of a request that holds its reply. */
export const kReply = Symbol('session.reply')

interface Requested {
  [kState]: SessionState | null
  /** Set by the session hook; `null` on routes with `config.session: false`. */
  [kReply]: FastifyReply | null
}

/** A request that the plugin has decorated. */
export type SessionRequest = FastifyRequest & Requested
