import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { serveAsset } from '../pages/assets.ts'
import type { CheckedPageOptions } from '../pages/options.ts'
import { servePage } from '../pages/page.ts'
import { authorise } from './context.ts'
import type { Admin } from './context.ts'
import type { CheckedAdminOptions } from './options.ts'

/** The console: what the admin routes tell, as a page. The same guards. */
export async function consolePage (scope: FastifyInstance, options: { readonly page: CheckedPageOptions; readonly admin: Admin; readonly checked: CheckedAdminOptions; readonly own: string | undefined }): Promise<void> {
  const { page, admin, checked, own } = options
  for (const name of ['console.js', 'console.css'] as const) serveAsset(scope, `${page.path}/${name}`, name)
  servePage(scope, {
    page,
    hooks: [...checked.onRequest as readonly onRequestHookHandler[], async function consoleOnRequest (request) { await authorise(request, admin) }],
    shell: (request, way) => ({
      title: page.messages['title'] ?? 'Sessions',
      styles: ['console.css'],
      scripts: ['console.js'],
      element: 'session-console',
      attributes: {
        api: way(checked.prefix),
        // an admin who is here by a session of ours wants to know when it ends
        own: own === undefined || admin.stateOf(request).record?.userId == null ? undefined : way(own)
      }
    })
  })
}
