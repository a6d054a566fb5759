import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { serveAsset } from '../pages/assets.ts'
import type { CheckedPageOptions } from '../pages/options.ts'
import { servePage } from '../pages/page.ts'
import type { AdminContext } from './context.ts'

export interface ConsolePageOptions {
  readonly page: CheckedPageOptions
  readonly admin: AdminContext
  /** Path of the user routes, if they are enabled. */
  readonly userApi: string | undefined
}

/** Registers the console: the admin routes as a page, behind the same guards. */
export async function consolePage (scope: FastifyInstance, { page, admin, userApi }: ConsolePageOptions): Promise<void> {
  for (const name of ['console.js', 'console.css'] as const) serveAsset(scope, `${page.path}/${name}`, name)
  servePage(scope, {
    page,
    hooks: [
      ...admin.options.onRequest as readonly onRequestHookHandler[],
      async function consoleOnRequest (request) { await admin.authorize(request) }
    ],
    shell: (request, way) => ({
      title: page.messages['title'] ?? 'Sessions',
      styles: ['console.css'],
      scripts: ['console.js'],
      element: 'session-console',
      attributes: {
        api: way(admin.options.prefix),
        // an admin with a session of this package gets a warning before it expires
        own: userApi === undefined || admin.stateOf(request).record?.userId == null ? undefined : way(userApi)
      }
    })
  })
}
