import Fastify from 'fastify'
import type { FastifyInstance, FastifyServerOptions, InjectOptions, LightMyRequestResponse } from 'fastify'
import sessions from '../../lib/index.ts'
import type { SessionEvent, SessionPluginOptions } from '../../lib/index.ts'
import { noteCookies, tracing } from './trace.ts'

type Test = { teardown: (fn: () => unknown) => void }

export const secret = 'a secret of the tests, long enough'
export const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
export const api = '/api/v1/auth/sessions'

export interface TestApp {
  readonly app: FastifyInstance
  readonly clock: { now: number }
  readonly events: SessionEvent[]
  /** Sends a request; a cookie as the text that `signIn` answers. */
  send(
    url: string,
    options?: {
      cookie?: string
      method?: InjectOptions['method']
      payload?: unknown
      headers?: Record<string, string>
      remoteAddress?: string
    }
  ): Promise<LightMyRequestResponse>
  /** Signs in and answers the Cookie header. */
  signIn(userId?: string, options?: { remember?: boolean; agent?: string }): Promise<string>
}

/** An app with a sign-in, a page that wants one, and a page that does not. `routes` adds to it before it is ready. */
export async function testApp (t: Test, options: SessionPluginOptions = {}, routes: (app: FastifyInstance) => void = () => {}, server: FastifyServerOptions = {}): Promise<TestApp> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const events: SessionEvent[] = []
  const app = Fastify({ ...tracing(), ...server } as object) as unknown as FastifyInstance
  app.register(sessions, { secret, now: () => clock.now, ...options })
  app.post('/login', async request => {
    const { userId, ...rest } = request.body as { userId: string }
    await request.session.login(userId, rest)
    return { id: request.session.id }
  })
  app.get('/me', { config: { session: { required: true } } }, async request => ({
    userId: request.session.userId,
    id: request.session.id,
    info: request.session.info
  }))
  app.get('/public', async () => ({ hello: 'everybody' }))
  app.get('/who', async request => ({ userId: request.session.userId, data: request.session.data() }))
  app.post('/data', async request => {
    for (const [key, value] of Object.entries(request.body as object)) request.session.set(key, value === '' ? undefined : value)
    return request.session.data()
  })
  routes(app)
  await app.ready()
  app.sessions.on('*', event => { events.push(event) })
  t.teardown(() => app.close())

  const send: TestApp['send'] = async (url, { cookie, payload, headers, ...rest } = {}) => {
    const options = {
      url,
      ...rest,
      headers: { 'user-agent': firefox, ...(cookie === undefined ? {} : { cookie }), ...headers },
      ...(payload === undefined ? {} : { payload })
    }
    const answer = await app.inject(options as InjectOptions)
    noteCookies(setCookies(answer))
    return answer
  }
  return {
    app, clock, events, send,
    async signIn (userId = 'ada', { remember, agent } = {}) {
      return cookieOf(await send('/login', { method: 'POST', payload: { userId, remember }, headers: { 'user-agent': agent ?? firefox } }))
    }
  }
}

/** The Cookie header that a browser would send after this answer; `''` if it sets none. */
export function cookieOf (response: LightMyRequestResponse): string {
  return setCookies(response).map(cookie => cookie.split(';', 1).join('')).join('; ')
}

/** All Set-Cookie values of an answer. */
export function setCookies (response: LightMyRequestResponse): string[] {
  const set = response.headers['set-cookie']
  return set === undefined ? [] : Array.isArray(set) ? set : [set]
}

/** A promise and what resolves it: to hold a request at one point. */
export function gate (): { readonly opened: Promise<void>, open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { opened, open: () => { open() } }
}
