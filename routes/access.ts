import type { FastifyRequest } from 'fastify'
import type { SessionManager } from '../lib/manager/manager.ts'
import type { SessionState } from '../lib/session/state.ts'

/** The parts of the plugin that every route uses. */
export interface SessionAccess {
  readonly manager: SessionManager
  readonly stateOf: (request: FastifyRequest) => SessionState
  /**
   * Throws without a logged-in user, or if the user last authenticated more than `fresh` milliseconds ago (0, the default: at any time).
   */
  readonly requireSession: (request: FastifyRequest, fresh?: number) => void
  /** Name of the security scheme in the OpenAPI document. */
  readonly security: string | undefined
}
