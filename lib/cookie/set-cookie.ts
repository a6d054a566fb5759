import type { FastifyReply } from 'fastify'

/**
 * Adds Set-Cookie values of one name to the reply, and replaces any other of that name. RFC 6265bis §4.1.1 recommends one per name. The
 * values may include deletions of cookies that differ in domain, path or partition.
 */
export function appendSetCookie (reply: FastifyReply, name: string, cookies: readonly string[]): void {
  const present = reply.getHeader('set-cookie')
  if (present === undefined) {
    for (const cookie of cookies) reply.header('set-cookie', cookie)
    return
  }
  const all: readonly string[] = Array.isArray(present) ? present : [String(present)]
  const others = all.filter(other => !other.startsWith(`${name}=`))
  // a previous cookie of this package in this response has a token or is empty
  if (all.some(other => other.startsWith(`${name}=`) && !/^[^=]+=([\w-]{68}\.|;)/.test(other))) {
    reply.log.warn(`fastify-session-manager: the app set a cookie named ${name}, which is the session's; it was dropped`)
  }
  reply.removeHeader('set-cookie')
  for (const cookie of [...others, ...cookies]) reply.header('set-cookie', cookie)
}
