import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import sessions from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { api, secret } from './app.ts'

type Test = { teardown: (fn: () => unknown) => void }

const names = ['chromium', 'chromium-browser', 'google-chrome']
/** The browser of the tests: what `CHROMIUM` says, or the first on the path; `null`: none. */
export const executablePath =
  process.env['CHROMIUM'] ??
  names.flatMap(name => (process.env['PATH'] ?? '').split(delimiter).map(dir => join(dir, name))).find(path => existsSync(path)) ??
  null

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

export function launch (): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath ?? '', args })
}

/** A page of ours in an app: plain HTML with the elements. */
const host = `<!doctype html><html lang="en"><title>An app</title><body><main><h1>An app</h1><session-timeout login="/signin"></session-timeout></main><script type="module" src="${api}/element.js"></script></body></html>`

export interface Stage {
  readonly app: FastifyInstance
  readonly url: string
  /** Moves the server's clock. */
  readonly clock: { ahead: number }
  /** A browser of its own, signed in unless `userId` is null. */
  visit (browser: Browser, userId: string | null, options?: BrowserContextOptions): Promise<Visitor>
}

export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** What the policy of a page had to stop, and scripts that failed, on all pages of this browser. */
  readonly wrong: string[]
  open (path: string): Promise<Page>
  /** Rules of WCAG 2.2 AA, and axe's best practices, that the page breaks now; `contrast`: only what the colours decide. */
  axe (contrast?: boolean): Promise<string[]>
  /** Pixels by which the page is wider than the window. */
  overflow (): Promise<number>
}

/** An app with both pages on a free port; its admin is `root`. */
export async function stage (t: Test, options: SessionPluginOptions = {}): Promise<Stage> {
  const clock = { ahead: 0 }
  const app = Fastify() as FastifyInstance
  app.register(sessions, {
    secret,
    now: () => Date.now() + clock.ahead,
    flushInterval: 20,
    devicesPage: { login: '/signin' },
    admin: { authorize: request => request.session.userId === 'root', console: { login: '/signin' } },
    ...options
  })
  app.post('/login', async request => {
    const { userId, remember = false } = request.body as { userId: string, remember?: boolean }
    await request.session.login(userId, { remember, method: 'password' })
    return { id: request.session.id }
  })
  app.get('/app', { config: { session: false } }, async (_request, reply) => reply.type('text/html').send(host))
  app.get('/signin', { config: { session: false } }, async (_request, reply) =>
    reply.type('text/html').send('<!doctype html><title>Sign in</title>')
  )
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())

  return {
    app, url, clock,
    async visit (browser, userId, options = {}) {
      const context = await browser.newContext({ baseURL: url, locale: 'en', viewport: { width: 1440, height: 900 }, ...options })
      t.teardown(() => context.close())
      context.setDefaultTimeout(90_000)
      const wrong: string[] = []
      await context.exposeFunction('tellWrong', (text: string) => { wrong.push(text) })
      await context.addInitScript(
        "document.addEventListener('securitypolicyviolation', event => { tellWrong([event.violatedDirective, event.blockedURI, event.sample].join(' ')) })"
      )
      context.on('weberror', error => { wrong.push(error.error().message) })
      if (userId !== null) await context.request.post('/login', { data: { userId } })
      const page = await context.newPage()
      return {
        context, page, wrong,
        open: async path => { await page.goto(path); return page },
        axe: async (contrast = false) => {
          await page.evaluate(axe)
          const { violations } = await page.evaluate<{
            violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[]
          }>(
            `axe.run({ runOnly: ${contrast ? "['color-contrast']" : "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"} })`
          )
          return violations.flatMap(({ id, nodes }) =>
            nodes.map(({ target, failureSummary }) => `${id}: ${String(target)} ${failureSummary}`)
          )
        },
        overflow: () => page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      }
    }
  }
}
