import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SessionState } from '../session/state.ts'

/** Where a request keeps what it knows of its session. */
export const kState = Symbol('session.state')
/** Where a request keeps its reply. */
export const kReply = Symbol('session.reply')

interface Requested {
  [kState]: SessionState | null
  /** Set once the session hook has run. */
  [kReply]: FastifyReply | null
}

/** A request that the plugin has decorated. */
export type SessionRequest = FastifyRequest & Requested
