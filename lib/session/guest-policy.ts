import type { FastifyRequest } from 'fastify'
import type { CookieAttributes } from '../cookie/attributes.ts'

/** What is known of the browser's session. */
export interface GuestQuestion {
  readonly request: FastifyRequest
  /** The request has a cookie of this plugin that is well signed. */
  readonly presented: boolean
  /** The store failed when it was asked for the session of the request. */
  readonly unverified: boolean
  readonly sameSite: CookieAttributes['sameSite']
}

/**
 * Returns why data of a request without a session must not make a guest session; `null`: it may. The cookie of a guest would replace the
 * cookie of a user, which the request did not have, or which could not be judged.
 */
export function refuseGuest ({ request, presented, unverified, sameSite }: GuestQuestion): string | null {
  const { method } = request
  if (unverified) return 'the store failed, and the browser may have a session'
  if (method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE') return `a ${method} request makes no guest session`
  if (request.is404) return 'a request without a route makes no guest session'
  if (!presented && isCookieWithheld(request, sameSite)) return 'a cross-site request without the session cookie makes no guest session'
  return null
}

/** Returns whether the browser may have the cookie, but withheld it from a cross-site request (RFC 6265bis §5.8.3). */
function isCookieWithheld (request: FastifyRequest, sameSite: CookieAttributes['sameSite']): boolean {
  if (sameSite === 'none' || !isCrossSite(request)) return false
  const { method, headers } = request
  // a user who follows a link: with Lax, the cookie is sent
  const link = method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return sameSite === 'strict' || !link
}

/** Returns whether a request is cross-site: by Fetch Metadata, otherwise by the host of Origin. Sibling hosts are one site. */
function isCrossSite ({ headers, hostname }: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, origin } = headers
  if (site !== undefined) return site === 'cross-site'
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).hostname !== hostname)
}
