import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, onRequestHookHandler } from 'fastify'
import { SessionError } from '../lib/errors.ts'
import { authorise } from './adminscope.ts'
import type { Admin, CheckedAdminOptions } from './adminscope.ts'
import { hidden, serveAsset } from './assets.ts'
import type { AssetName } from './assets.ts'
import type { CheckedPageOptions } from './pageoptions.ts'
import { escape, pageHeaders, toPage, wayTo } from './shell.ts'
import type { Shell } from './shell.ts'

/** The console: what the admin routes tell, as a page. The same guards. */
export async function consolePage (scope: FastifyInstance, options: { readonly page: CheckedPageOptions, readonly admin: Admin, readonly checked: CheckedAdminOptions, readonly own: string | undefined }): Promise<void> {
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

/** What a page of the user's own sessions needs. */
export interface DevicesPageOptions {
  readonly page: CheckedPageOptions
  /** Path of the user routes. */
  readonly api: string
}

/** The page of the own devices: the element, and nothing else. */
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
      // the page is ours alone, so that it has the heading, and its colours can be chosen
      attributes: { src: way(api), page: '' }
    })
  })
}

/** The script of `<session-devices>` and `<session-timeout>`, for pages of the app. */
export async function elementRoutes (scope: FastifyInstance): Promise<void> {
  serveAsset(scope, '/element.js', 'element.js')
}

interface Served {
  readonly page: CheckedPageOptions
  readonly hooks: readonly onRequestHookHandler[]
  readonly config?: { readonly required: true }
  readonly shell: (request: FastifyRequest, way: (target: string) => string) => Pick<Shell, 'title' | 'styles' | 'scripts' | 'element' | 'main' | 'attributes'>
}

function servePage (scope: FastifyInstance, { page, hooks, config, shell }: Served): void {
  const { path, lang, login, messages } = page
  for (const name of ['notice.css', 'icon.svg'] satisfies AssetName[]) serveAsset(scope, `${path}/${name}`, name)
  const write = (request: FastifyRequest, made: Omit<Shell, 'lang' | 'files' | 'text'>, text: string): Promise<string> => {
    const at = toPlace(request, path)
    return toPage({ ...made, lang, files: `${wayTo(`${path}/`, at)}/`, text })
  }

  scope.setErrorHandler(async function sessionPageOnError (error, request, reply) {
    const code = error instanceof SessionError ? error.statusCode : 0
    if (code !== 401 && code !== 403) throw error
    if (code === 401 && login !== undefined) return reply.redirect(`${login}${login.includes('?') ? '&' : '?'}next=${encodeURIComponent(request.url)}`, 303)
    const [title, text] = code === 401
      ? [messages['notice.signIn'] ?? 'Sign in first', messages['notice.signInText'] ?? 'You are not signed in, or your session has ended.']
      : [messages['notice.forbidden'] ?? 'Not allowed', messages['notice.forbiddenText'] ?? 'You are signed in, but this page is not for you.']
    return sendPage(reply.code(code), await write(request, { title, styles: ['notice.css'], scripts: [], element: 'main', attributes: {} }, `<h1>${escape(title)}</h1><p>${escape(text)}</p>`))
  })

  scope.get(path, {
    config: { session: config ?? {} },
    schema: hidden,
    onRequest: [...hooks],
    onSend: async function sessionPageOnSend (_request, reply) { reply.headers(pageHeaders) },
  }, (async (request, reply) => {
    const at = toPlace(request, path)
    const made = shell(request, target => wayTo(target, at))
    const attributes = { ...made.attributes, login, messages: Object.keys(messages).length === 0 ? undefined : JSON.stringify(messages) }
    return sendPage(reply, await write(request, { ...made, attributes }, `<noscript>${escape(messages['noScript'] ?? 'This page needs JavaScript.')}</noscript>`))
  }) as RouteHandlerMethod)
}

/** Where the browser believes to be: an app may ignore a slash at the end. */
function toPlace (request: FastifyRequest, path: string): { readonly path: string, readonly slash: boolean } {
  return { path, slash: /\/($|\?)/.test(request.url) }
}

function sendPage (reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page)
}
