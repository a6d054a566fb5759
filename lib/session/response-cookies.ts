import type { FastifyReply } from 'fastify'
import type { SessionCookie } from '../cookie/cookie.ts'
import { appendSetCookie } from '../cookie/set-cookie.ts'

/** What the response to one request must say of its session: made once there is something to say. */
export class Outgoing {
  /** Cookies of other libraries that must go: their Set-Cookie values. */
  deletions: readonly string[] = []
  /** The user signed out: tell the browser to forget more than the cookie. */
  loggedOut = false
  readonly #jar: SessionCookie
  #cookie: string | null = null
  #renewal = false

  constructor (jar: SessionCookie) {
    this.#jar = jar
  }

  get isEmpty (): boolean { return this.#cookie === null && this.deletions.length === 0 }

  /**
   * The browser is to have this token, for `maxAge` milliseconds or until it closes. `renewal`: only because the token changed by age, or
   * the secret; not worth making a public response private.
   */
  give (token: string, { renewal, maxAge }: { readonly renewal: boolean, readonly maxAge: number | undefined }): void {
    this.#cookie = this.#jar.write(token, maxAge)
    this.#renewal = renewal
  }

  /** The browser is to forget its token. */
  clear (): void {
    this.#cookie = this.#jar.clear()
    this.#renewal = false
  }

  /** Puts it among the headers of a reply. */
  leave (reply: FastifyReply, clearSiteData: string | null): void {
    const cacheable = /\b(public|s-maxage)\b/i.test(String(reply.getHeader('cache-control') ?? ''))
    // a shared cache would give the cookie to everybody (CVE-2023-30861); the next response brings it again
    if (cacheable && (this.#renewal || this.#cookie === null)) return
    reply.header('cache-control', 'no-store')
    if (this.#cookie !== null) appendSetCookie(reply, this.#jar.name, this.#cookie)
    for (const cookie of this.deletions) appendSetCookie(reply, cookie.slice(0, cookie.indexOf('=')), cookie)
    if (this.loggedOut && clearSiteData !== null) reply.header('clear-site-data', clearSiteData)
  }

  /** Puts the cookie where it leaves with whatever is sent next, whoever sends it. */
  leaveAtOnce (reply: FastifyReply): void {
    if (this.#cookie === null || reply.raw.headersSent) return
    if (reply.sent) reply.raw.appendHeader('set-cookie', this.#cookie)
    else appendSetCookie(reply, this.#jar.name, this.#cookie)
    this.#cookie = null
  }
}
