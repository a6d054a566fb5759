import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { liveRoutes } from './adminevents.ts'
import { lookRoutes } from './adminlook.ts'
import { revokeRoutes } from './adminrevoke.ts'
import { transferRoutes } from './admintransfer.ts'
import { authorise } from './adminscope.ts'
import type { Admin, CheckedAdminOptions } from './adminscope.ts'
import type { EventStreams } from './sse.ts'

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
