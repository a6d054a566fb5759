import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Node joins several Cookie lines (HTTP/2 sends crumbs); injected requests may bring a list. */
export function cookieHeader (raw: IncomingMessage): string | undefined {
  const header = raw.headers.cookie as string | string[] | undefined
  return Array.isArray(header) ? header.join('; ') : header
}

/** A developer's own machine: http, from loopback, forwarded by nobody (a TLS-terminating proxy with default settings looks like http on 127.0.0.1). */
export function isLoopback (raw: IncomingMessage): boolean {
  const { headers } = raw
  return isLoopbackSocket(raw.socket) &&
    headers['x-forwarded-for'] === undefined && headers['x-forwarded-proto'] === undefined && headers['x-forwarded-host'] === undefined &&
    headers['forwarded'] === undefined && headers['via'] === undefined && headers['x-real-ip'] === undefined
}

/** An upgrade that gets a response instead of a socket: nobody else closes its connection if the refusal comes before @fastify/websocket has seen it. */
export function closeIfRefused ({ socket }: IncomingMessage, response: ServerResponse): void {
  if (socket instanceof Socket) response.once('finish', () => { socket.destroySoon() })
}

/** An injected WebSocket has none at all. */
function isLoopbackSocket (socket: { readonly remoteAddress?: string | undefined, readonly encrypted?: boolean } | undefined): boolean {
  if (socket === undefined) return true
  const { remoteAddress: address, encrypted } = socket
  return encrypted !== true && address !== undefined && (address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.'))
}
