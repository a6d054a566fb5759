import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { SessionCookie } from '../cookie/cookie.ts'
import { beforeHead } from '../cookie/head.ts'
import { isUpgrade } from '../cookie/request.ts'
import { appendSetCookie } from '../cookie/set-cookie.ts'
import { deleteLegacyTwins } from '../cookie/twins.ts'
import type { SessionRecord } from '../model/record.ts'
import type { SessionContext } from './context.ts'

/** Why a token is issued, and when. */
export interface Issue {
  readonly record: Pick<SessionRecord, 'remembered' | 'absoluteExpiresAt'>
  readonly now: number
  /** Whether only the age of the token or of its signature is the reason. This does not make a public response private. */
  readonly renewal: boolean
}

/** The response that the cookies are for. */
export interface ResponseTarget {
  readonly reply: FastifyReply
  readonly context: Pick<SessionContext, 'clearSiteData'>
}

/** Headers that some caches obey in place of Cache-Control (RFC 9213 and their manuals). */
const cacheHeaders = /^(?:(?:[a-z\d-]+-)?cdn-cache-control|surrogate-control|edge-control|x-accel-expires)$/

/**
 * Returns whether no cookie can reach the browser any more: the head of the response has been sent, its connection is closed, or it was the
 * handshake of a WebSocket.
 */
export function hasLeft (reply: FastifyReply): boolean {
  const { raw } = reply
  return raw.headersSent || raw.destroyed || (reply.sent && isUpgrade(reply.request))
}

/**
 * The cookies of one response. Created when there is a first one. They are added when the head of the response is sent, by Fastify or by
 * the app: then every other header is known.
 */
export class ResponseCookies {
  /** Set-Cookie values that expire legacy cookies. */
  legacyDeletions: readonly string[] = []
  /** The user logged out: if the app configured it, the browser also clears more than the cookie. */
  loggedOut = false
  /** The request has other cookies of the name, which differ in domain, path or partition. */
  hasTwins = false
  readonly #cookie: SessionCookie
  readonly #target: ResponseTarget
  #expiresTwins = false
  #value: string | null = null
  #renewal = false

  constructor (cookie: SessionCookie, target: ResponseTarget) {
    this.#cookie = cookie
    this.#target = target
    beforeHead(target.reply.raw, () => { this.#apply() })
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

  /** Adds the cookies to the headers, which no cache may store then. */
  #apply (): void {
    if (this.isEmpty) return
    const { reply, context: { clearSiteData } } = this.#target
    const { raw, request } = reply
    const names = raw.getHeaderNames().filter(name => cacheHeaders.test(name))
    // a shared cache would send the cookie to every client (CVE-2023-30861); the next response issues it again
    if ((this.#renewal || this.#value === null) && isPublic(raw, names)) return
    raw.setHeader('cache-control', 'no-store')
    for (const name of names) raw.setHeader(name, name === 'x-accel-expires' ? '0' : 'no-store')
    const cookies = this.#setCookies()
    if (cookies.length > 0 && appendSetCookie(raw, this.#cookie.name, cookies)) {
      reply.log.warn(`fastify-session-manager: the app set a cookie named ${this.#cookie.name}, which is the session's; it was dropped`)
    }
    for (const cookie of this.legacyDeletions) {
      appendSetCookie(raw, cookie.slice(0, cookie.indexOf('=')), [...deleteLegacyTwins(cookie, request), cookie])
    }
    if (this.loggedOut && clearSiteData !== null) raw.setHeader('clear-site-data', clearSiteData)
  }

  /** Returns the Set-Cookie values. Deletions come first: some clients take the cookie of a domain for one of its host. */
  #setCookies (): string[] {
    const twins = this.#expiresTwins ? this.#cookie.clearTwins(this.#target.reply.request) : []
    return this.#value === null ? twins : [...twins, this.#value]
  }
}

/** Returns whether a shared cache may store the response. `names`: the headers for caches that it has besides Cache-Control. */
function isPublic (raw: ServerResponse, names: readonly string[]): boolean {
  const valueOf = (name: string): string => String(raw.getHeader(name) ?? '')
  return /\b(public|s-maxage)\b/i.test(valueOf('cache-control')) || names.some(name => !/no-store|private|^\s*0/i.test(valueOf(name)))
}
