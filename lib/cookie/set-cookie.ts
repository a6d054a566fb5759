import type { ServerResponse } from 'node:http'

/**
 * Adds Set-Cookie values of one name to the response, and replaces any other of that name. RFC 6265bis §4.1.1 recommends one per name.
 * The values may include deletions of cookies that differ in domain, path or partition. Returns whether a cookie of the app was replaced.
 */
export function appendSetCookie (response: ServerResponse, name: string, cookies: readonly string[]): boolean {
  const present = response.getHeader('set-cookie')
  const all: readonly string[] = Array.isArray(present) ? present : present === undefined ? [] : [String(present)]
  const others = all.filter(other => !other.startsWith(`${name}=`))
  const [first, ...further] = [...others, ...cookies]
  if (first !== undefined) response.setHeader('set-cookie', further.length === 0 ? first : [first, ...further])
  return others.length < all.length
}
