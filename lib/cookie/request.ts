import type { IncomingMessage } from 'node:http'

/** Returns the Cookie header. Node joins several Cookie lines (HTTP/2 sends one per cookie); injected requests may have a list. */
export function cookieHeader (raw: IncomingMessage): string | undefined {
  const header = raw.headers.cookie as string | string[] | undefined
  return Array.isArray(header) ? header.join('; ') : header
}

/**
 * Returns whether the request opens a WebSocket. That is a GET, but browsers apply no CORS to it, and its messages can change anything
 * (OWASP ASVS 5.0 4.4.2).
 */
export function isUpgrade ({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/**
 * Returns whether a request comes from a developer's own machine: HTTP, from loopback, without headers of a proxy, and for a
 * loopback host (`loopback`). A TLS-terminating proxy on the same machine, with its default settings, sends plain HTTP from 127.0.0.1 and
 * no proxy header, but the browser's Host header. `proxied`: the request is of this kind, with another host.
 */
export function connectionOf (raw: IncomingMessage): 'loopback' | 'proxied' | 'network' {
  if (!isPlainLoopback(raw)) return 'network'
  // an injected WebSocket has neither
  if ((raw.socket as IncomingMessage['socket'] | undefined) === undefined) return 'loopback'
  const host = raw.headers.host ?? raw.headers[':authority']
  return typeof host === 'string' && isLoopbackHost(host) ? 'loopback' : 'proxied'
}

/** Returns whether a host, with or without a port, is always this machine (RFC 6761 §6.3): browsers treat it as secure without TLS. */
function isLoopbackHost (host: string): boolean {
  return /^(?:(?:[a-z\d-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])(?::\d*)?$/i.test(host)
}

function isPlainLoopback (raw: IncomingMessage): boolean {
  const { headers } = raw
  return isLoopbackSocket(raw.socket) &&
    headers['x-forwarded-for'] === undefined && headers['x-forwarded-proto'] === undefined && headers['x-forwarded-host'] === undefined &&
    headers['forwarded'] === undefined && headers['via'] === undefined && headers['x-real-ip'] === undefined
}

/** Returns whether a socket is unencrypted and local. An injected WebSocket has no socket. */
function isLoopbackSocket (socket: { readonly remoteAddress?: string | undefined, readonly encrypted?: boolean } | undefined): boolean {
  if (socket === undefined) return true
  const { remoteAddress: address, encrypted } = socket
  return encrypted !== true &&
    address !== undefined &&
    (address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.'))
}
