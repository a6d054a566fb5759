import type { LightMyRequestResponse } from 'fastify'
import { setCookies } from './app.ts'

/** The cookies of a browser for one host: stored by name, domain, path and partition, and sent with the longest path first (RFC 6265bis §5.7). */
export class CookieJar {
  readonly #host: string
  readonly #cookies = new Map<string, { readonly pair: string, readonly path: string }>()

  constructor (host: string) {
    this.#host = host
  }

  get size (): number { return this.#cookies.size }

  /** Stores the cookies of a response, and returns it. */
  store (response: LightMyRequestResponse): LightMyRequestResponse {
    for (const cookie of setCookies(response)) this.add(cookie)
    return response
  }

  add (cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ')
    const valueOf = (name: string): string | undefined =>
      attributes.find(attribute => attribute.startsWith(`${name}=`))?.slice(name.length + 1)
    const domain = valueOf('Domain')
    if (domain !== undefined && domain !== this.#host && !this.#host.endsWith(`.${domain}`)) return
    const path = valueOf('Path') ?? '/'
    const key = [pair.split('=', 1), domain ?? 'host only', path, attributes.includes('Partitioned')].join()
    if (valueOf('Max-Age') === '0') this.#cookies.delete(key)
    else this.#cookies.set(key, { pair, path })
  }

  /** Returns the Cookie header for a URL of the host. */
  header (url: string): string {
    const sent = [...this.#cookies.values()].filter(({ path }) => url === path || url.startsWith(path.endsWith('/') ? path : `${path}/`))
    return sent.sort((a, b) => b.path.length - a.path.length).map(({ pair }) => pair).join('; ')
  }
}
