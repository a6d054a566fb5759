import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { openApiScope } from '../api-scope.ts'
import type { EventStreams } from '../event-stream.ts'
import type { AdminContext } from './context.ts'
import { adminEventRoutes } from './events.ts'
import { revokeRoutes } from './revoke.ts'
import { sessionRoutes } from './sessions.ts'
import { transferRoutes } from './transfer.ts'

export interface AdminRouteOptions {
  readonly admin: AdminContext
  readonly streams: EventStreams
}

/** Registers everything that admins can see and do. */
export async function adminRoutes (scope: FastifyInstance, { admin, streams }: AdminRouteOptions): Promise<void> {
  const app = openApiScope(scope, { tag: 'admin sessions', security: admin.security })
  for (const hook of admin.options.onRequest) app.addHook('onRequest', hook as onRequestHookHandler)
  app.addHook('onRequest', async function adminOnRequest (request) { await admin.authorize(request) })
  sessionRoutes(app, admin)
  revokeRoutes(app, admin)
  transferRoutes(app, admin)
  adminEventRoutes(app, admin, streams)
}
