import type { FastifyReply } from 'fastify'
import type { SessionCookie } from '../cookie/cookie.ts'
import { appendSetCookie } from '../cookie/set-cookie.ts'
import { deleteLegacyTwins } from '../cookie/twins.ts'
import type { SessionRecord } from '../model/record.ts'

/** Why a token is issued, and when. */
export interface Issue {
  readonly record: Pick<SessionRecord, 'remembered' | 'absoluteExpiresAt'>
  readonly now: number
  /** Whether only the age of the token or of its signature is the reason. This does not make a public response private. */
  readonly renewal: boolean
}

/** The cookies of one response. Created when there is a first one. */
export class ResponseCookies {
  /** Set-Cookie values that expire legacy cookies. */
  legacyDeletions: readonly string[] = []
  /** The user logged out: if the app configured it, the browser also clears more than the cookie. */
  loggedOut = false
  /** The request has other cookies of the name, which differ in domain, path or partition. */
  hasTwins = false
  readonly #cookie: SessionCookie
  #expiresTwins = false
  #value: string | null = null
  #renewal = false

  constructor (cookie: SessionCookie) {
    this.#cookie = cookie
  }

  get isEmpty (): boolean { return this.#value === null && this.legacyDeletions.length === 0 && !this.#expiresTwins }

  /** Expires the other cookies of the name. */
  expireTwins (): void {
    this.hasTwins = this.#expiresTwins = true
  }

  /** Issues a token: until the absolute timeout of a persistent session, otherwise until the browser closes. */
  issue (token: string, { record, now, renewal }: Issue): void {
    this.#value = this.#cookie.write(token, record.remembered ? record.absoluteExpiresAt - now : undefined)
    this.#renewal = renewal
    if (renewal) return
    // an earlier logout of this response would clear the new cookie, too (Clear-Site-Data)
    this.loggedOut = false
    this.#expiresTwins = this.hasTwins
  }

  /** Expires the cookie of the browser. */
  clear (): void {
    this.#value = this.#cookie.clear()
    this.#renewal = false
    this.#expiresTwins = this.hasTwins
  }

  /** Adds the cookies to the headers of a reply. */
  applyTo (reply: FastifyReply, clearSiteData: string | null): void {
    const cacheable = /\b(public|s-maxage)\b/i.test(String(reply.getHeader('cache-control') ?? ''))
    // a shared cache would send the cookie to every client (CVE-2023-30861); the next response issues it again
    if (cacheable && (this.#renewal || this.#value === null)) return
    reply.header('cache-control', 'no-store')
    const cookies = this.#setCookies(reply)
    if (cookies.length > 0) appendSetCookie(reply, this.#cookie.name, cookies)
    for (const cookie of this.legacyDeletions) {
      appendSetCookie(reply, cookie.slice(0, cookie.indexOf('=')), [...deleteLegacyTwins(cookie, reply.request), cookie])
    }
    if (this.loggedOut && clearSiteData !== null) reply.header('clear-site-data', clearSiteData)
  }

  /** Adds the cookie to the raw response, too, because the app may write to it directly. */
  applyNow (reply: FastifyReply): void {
    const cookies = this.#setCookies(reply)
    if (cookies.length === 0 || reply.raw.headersSent) return
    if (reply.sent) reply.raw.appendHeader('set-cookie', cookies)
    else appendSetCookie(reply, this.#cookie.name, cookies)
    this.#value = null
    this.#expiresTwins = false
  }

  /** Returns the Set-Cookie values. Deletions come first: some clients take the cookie of a domain for one of its host. */
  #setCookies (reply: FastifyReply): string[] {
    const twins = this.#expiresTwins ? this.#cookie.clearTwins(reply.request) : []
    return this.#value === null ? twins : [...twins, this.#value]
  }
}
