import type { FastifyInstance } from 'fastify'
import { openApiScope } from '../api-scope.ts'
import { userEventRoutes } from './events.ts'
import type { UserEventOptions } from './events.ts'
import { userSessionRoutes } from './sessions.ts'
import type { UserSessionOptions } from './sessions.ts'

/** Registers everything that users can see and do with their own sessions. */
export async function userRoutes (scope: FastifyInstance, options: UserSessionOptions & UserEventOptions): Promise<void> {
  const app = openApiScope(scope, { tag: 'sessions', security: options.security })
  userSessionRoutes(app, options)
  userEventRoutes(app, options)
}
