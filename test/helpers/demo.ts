import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { build } from '../../examples/build.js'
import sessions from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'

type Test = { teardown: (fn: () => unknown) => void }

/** The example app on a free port, with a clock that the test moves. */
export async function demo (
  t: Test,
  options: SessionPluginOptions = {}
): Promise<{ app: FastifyInstance; url: string; clock: { now: number } }> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const app = (await build(Fastify, sessions, {
    secret: 'a secret of the tests, long enough',
    now: () => clock.now,
    ...options
  })) as FastifyInstance
  t.teardown(() => app.close())
  return { app, clock, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

/** A browser as far as cookies go. */
export class Jar {
  readonly #url: string
  readonly #agent: string
  #cookies = new Map<string, string>()

  constructor (url: string, agent: string) {
    this.#url = url
    this.#agent = agent
  }

  /** Another browser with the same cookies: a thief's. */
  copy (): Jar { return this.at(this.#url) }

  /** The same cookies at another address. */
  at (url: string): Jar {
    const jar = new Jar(url, this.#agent)
    jar.#cookies = new Map(this.#cookies)
    return jar
  }

  /** Its cookies, as a Cookie header has them. */
  cookies (): string[] { return [...this.#cookies].map(([name, value]) => `${name}=${value}`) }

  get (path: string): Promise<Response> { return this.#fetch(path, {}) }

  post (path: string, body: unknown): Promise<Response> {
    return this.#fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  }

  async #fetch (path: string, init: { method?: string, headers?: Record<string, string>, body?: string }): Promise<Response> {
    const cookie = this.cookies().join('; ')
    const response = await fetch(this.#url + path, {
      ...init,
      redirect: 'manual',
      headers: { 'user-agent': this.#agent, ...init.headers, ...(cookie === '' ? {} : { cookie }) }
    })
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (set.split(';')[0] ?? '').split(/=(.*)/s)
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return response
  }
}
