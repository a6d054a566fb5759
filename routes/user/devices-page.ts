import type { FastifyInstance } from 'fastify'
import { serveAsset } from '../pages/assets.ts'
import type { CheckedPageOptions } from '../pages/options.ts'
import { servePage } from '../pages/page.ts'

/** The options of the devices page. */
export interface DevicesPageOptions {
  readonly page: CheckedPageOptions
  /** Path of the user routes. */
  readonly api: string
}
/** Registers the page of the user's devices, which contains only the element. */
export async function devicesPage (scope: FastifyInstance, { page, api }: DevicesPageOptions): Promise<void> {
  for (const name of ['devices.css', 'element.js'] as const) serveAsset(scope, `${page.path}/${name}`, name)
  servePage(scope, {
    page,
    hooks: [],
    config: { required: true },
    shell: (_request, way) => ({
      title: page.messages['title'] ?? 'Your devices',
      styles: ['devices.css'],
      scripts: ['element.js'],
      element: 'session-devices',
      main: true,
      // the page has only this element, so it has the heading, and its colors can be chosen
      attributes: { src: way(api), page: '' }
    })
  })
}
/** Registers the script of `<session-devices>` and `<session-timeout>`, for pages of the app. */
export async function elementRoutes (scope: FastifyInstance): Promise<void> {
  serveAsset(scope, '/element.js', 'element.js')
}
