import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { EventStreams } from '../event-stream.ts'
import { authorise } from './context.ts'
import type { Admin } from './context.ts'
import { liveRoutes } from './events.ts'
import type { CheckedAdminOptions } from './options.ts'
import { revokeRoutes } from './revoke.ts'
import { lookRoutes } from './sessions.ts'
import { transferRoutes } from './transfer.ts'

/** Everything an admin can see and do. */
export async function adminRoutes (scope: FastifyInstance, options: { readonly admin: Admin, readonly checked: CheckedAdminOptions, readonly streams: EventStreams }): Promise<void> {
  const { admin, checked } = options
  for (const hook of checked.onRequest) scope.addHook('onRequest', hook as onRequestHookHandler)
  scope.addHook('onRequest', async function adminOnRequest (request, reply) {
    reply.header('cache-control', 'no-store')
    await authorise(request, admin)
  })
  lookRoutes(scope, admin)
  revokeRoutes(scope, admin)
  transferRoutes(scope, admin)
  liveRoutes(scope, admin, options.streams)
}
