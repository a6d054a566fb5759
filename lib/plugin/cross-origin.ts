import type { IncomingHttpHeaders } from 'node:http'

/** What decides where a request comes from. */
export interface Origin {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** `https` or `http`, as Fastify reckons it from the socket or a trusted proxy. */
  readonly protocol: string
  /** Host and port, as Fastify reckons them. */
  readonly host: string
}

/**
 * Whether a browser sends this on behalf of another site: `Sec-Fetch-Site` decides (OWASP CSRF cheat sheet, Fetch Metadata); without it
 * `Origin` must be ours exactly, scheme, host and port; with neither, it is no browser. Siblings count as another site.
 */
export function isCrossSite (request: Origin): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const { origin } = request.headers
  return origin !== undefined && origin.toLowerCase() !== `${request.protocol}://${hostOf(request)}`.toLowerCase()
}

/** Whether this opens a WebSocket. It is a GET, but no browser asks another site's page for leave, and what follows can do anything (OWASP ASVS 5.0 4.4.2). */
export function isUpgrade ({ headers }: Pick<Origin, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** GET, HEAD, OPTIONS and TRACE change nothing (RFC 9110 §9.2.1). */
export function isSafe (method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/** The host as browsers write it in `Origin`: without the port that goes without saying. */
function hostOf ({ protocol, host }: Origin): string {
  return host.replace(protocol === 'https' ? /:443$/ : /:80$/, '')
}
