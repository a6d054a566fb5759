import type { FastifyReply } from 'fastify'
import type { EndReason } from '../model/record.ts'

/** Puts our Set-Cookie among the reply's, in place of any other of the name (RFC 6265bis §4.1: one a name). */
export function appendSetCookie (reply: FastifyReply, name: string, cookie: string): void {
  const present = reply.getHeader('set-cookie')
  if (present === undefined) {
    reply.header('set-cookie', cookie)
    return
  }
  const all: readonly string[] = Array.isArray(present) ? present : [String(present)]
  const others = all.filter(other => !other.startsWith(`${name}=`))
  // one of ours, from before in this request, is a token or empty
  if (all.some(other => other.startsWith(`${name}=`) && !/^[^=]+=([\w-]{68}\.|;)/.test(other))) reply.log.warn(`fastify-session-manager: the app set a cookie named ${name}, which is the session's; it was dropped`)
  reply.removeHeader('set-cookie')
  for (const other of [...others, cookie]) reply.header('set-cookie', other)
}

/** What a session was read for differs by cookie: caches must know. */
export function addVary (reply: FastifyReply): void {
  const vary = reply.getHeader('vary')
  if (vary === undefined || vary === '') reply.header('vary', 'Cookie')
  else if (!/(^|[,\s])(cookie|\*)([,\s]|$)/i.test(String(vary))) reply.header('vary', `${String(vary)}, Cookie`)
}

/** The default error body has no place for why a session ended; it is put there. */
export function withReason (reason: EndReason | null, reply: FastifyReply, payload: unknown): unknown {
  if (reason === null || reply.statusCode !== 401 || typeof payload !== 'string' || !payload.startsWith('{"statusCode":401,"code":"FST_SESSION_ENDED"')) return payload
  return `${payload.slice(0, -1)},"reason":"${reason}"}`
}
