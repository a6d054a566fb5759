import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler, RouteHandlerMethod } from 'fastify'
import { SessionError } from '../../lib/errors.ts'
import { hidden, serveAsset } from './assets.ts'
import type { AssetName } from './assets.ts'
import { escape, pageHeaders, toPage, wayTo } from './html.ts'
import type { Shell } from './html.ts'
import type { CheckedPageOptions } from './options.ts'

interface Served {
  readonly page: CheckedPageOptions
  readonly hooks: readonly onRequestHookHandler[]
  readonly config?: { readonly required: true }
  readonly shell: (request: FastifyRequest, way: (target: string) => string) => Omit<Shell, 'lang' | 'files' | 'text'>
}

export function servePage (scope: FastifyInstance, { page, hooks, config, shell }: Served): void {
  const { path, lang, login, messages } = page
  for (const name of ['notice.css', 'icon.svg'] satisfies AssetName[]) serveAsset(scope, `${path}/${name}`, name)
  const write = (request: FastifyRequest, made: Omit<Shell, 'lang' | 'files' | 'text'>, text: string): Promise<string> => {
    const at = toPlace(request, path)
    return toPage({ ...made, lang, files: `${wayTo(`${path}/`, at)}/`, text })
  }

  scope.setErrorHandler(async function sessionPageOnError (error, request, reply) {
    const code = error instanceof SessionError ? error.statusCode : 0
    if (code !== 401 && code !== 403) throw error
    if (code === 401 && login !== undefined) {
      return reply.redirect(`${login}${login.includes('?') ? '&' : '?'}next=${encodeURIComponent(request.url)}`, 303)
    }
    const [title, text] = code === 401
      ? [messages['notice.signIn'] ?? 'Sign in first', messages['notice.signInText'] ?? 'You are not signed in, or your session has ended.']
      : [
          messages['notice.forbidden'] ?? 'Not allowed',
          messages['notice.forbiddenText'] ?? 'You are signed in, but this page is not for you.'
        ]
    const notice = { title, styles: ['notice.css'], scripts: [], element: 'main', attributes: {} } satisfies Partial<Shell>
    return sendPage(reply.code(code), await write(request, notice, `<h1>${escape(title)}</h1><p>${escape(text)}</p>`))
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
    const text = `<noscript>${escape(messages['noScript'] ?? 'This page needs JavaScript.')}</noscript>`
    return sendPage(reply, await write(request, { ...made, attributes }, text))
  }) as RouteHandlerMethod)
}

/** Returns the page's URL in the browser: an app may ignore a slash at the end. */
function toPlace (request: FastifyRequest, path: string): { readonly path: string, readonly slash: boolean } {
  return { path, slash: /\/($|\?)/.test(request.url) }
}

function sendPage (reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page)
}
