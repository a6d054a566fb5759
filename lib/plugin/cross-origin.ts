import type { IncomingHttpHeaders } from 'node:http'
import { invalidOption } from '../options.ts'

/** The parts of a request that show its origin. */
export interface Origin {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** `https` or `http`, as Fastify derives it from the socket or a trusted proxy. */
  readonly protocol: string
  /** Host and port, as Fastify derives them. */
  readonly host: string
}

const noOrigins: ReadonlySet<string> = new Set()

/**
 * Returns whether a browser sends the request for a page of another origin, sibling hosts included. `Sec-Fetch-Site` decides (OWASP CSRF
 * cheat sheet, Fetch Metadata). Without it, scheme, host and port of `Origin` must be those of the request. With neither, the client is no
 * browser. `trusted`: other origins that count as the app's own.
 */
export function isCrossOrigin (request: Origin, trusted = noOrigins): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (site === 'same-origin' || site === 'none') return false
  if (origin === undefined) return site !== undefined
  // browsers write Origin, and scripts cannot
  if (trusted.has(origin.toLowerCase())) return false
  return site !== undefined || origin.toLowerCase() !== originOf(request)
}

/** Returns the origin that a request was sent to, as Fastify derives it. */
export function originOf (request: Origin): string {
  return `${request.protocol}://${hostOf(request)}`.toLowerCase()
}

/**
 * Checks the option `trustedOrigins`. Throws `FST_SESSION_INVALID_OPTION` for anything but exact origins: a pattern trusts more than it
 * shows.
 */
export function toTrustedOrigins (origins: readonly string[]): ReadonlySet<string> {
  const expected = 'an array of exact origins with scheme, and with the port if it is not the default: ' +
    "['https://app.example.com', 'http://localhost:5173']"
  if (!Array.isArray(origins)) throw invalidOption('trustedOrigins', expected)
  for (const origin of origins as readonly unknown[]) {
    if (typeof origin !== 'string' || !isOrigin(origin)) throw invalidOption('trustedOrigins', `${expected}; not '${String(origin)}'`)
  }
  return new Set(origins)
}

/** Returns whether a text is an origin as browsers write it (RFC 6454 §6.1), or of an app's own scheme such as `capacitor://localhost`. */
function isOrigin (text: string): boolean {
  if (/^https?:/.test(text)) return URL.canParse(text) && new URL(text).origin === text && !text.includes('*')
  return /^[a-z][a-z\d+.-]*:\/\/[a-z\d.-]+(?::\d+)?$/.test(text)
}

/** Returns whether the method is safe: GET, HEAD, OPTIONS and TRACE change nothing (RFC 9110 §9.2.1). */
export function isSafe (method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE'
}

/** Returns the host as browsers write it in `Origin`: without the default port. */
function hostOf ({ protocol, host }: Origin): string {
  return host.replace(protocol === 'https' ? /:443$/ : /:80$/, '')
}
