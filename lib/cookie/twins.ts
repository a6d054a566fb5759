import type { IncomingHttpHeaders } from 'node:http'
import { serializeAttributes } from './attributes.ts'
import type { CookieAttributes } from './attributes.ts'

/** Where a request was sent: its host, without a port, and its URL. */
export interface RequestTarget {
  readonly hostname: string
  readonly url: string
}

/** 16 of them take about 2 KB of the headers, for which some proxies have a buffer of 4 KB. */
const maxDeletions = 16

/**
 * Returns Set-Cookie values that delete the twins of a cookie: those of its name that a browser sends with the same request, but stores
 * separately, because they differ in domain, path or partition (RFC 6265bis §5.7). A change of the cookie's attributes leaves such a twin
 * in each browser, and cookie tossing plants one. The server does not see the attributes, so that each likely form is deleted; the form of
 * the cookie itself is not.
 */
export function deleteTwins (attributes: CookieAttributes, target: RequestTarget): string[] {
  const { name, path, domain, secure } = attributes
  // browsers store a cookie with this prefix only for one host and the path /
  const bound = name.startsWith('__Host-')
  const domains = bound ? [undefined] : [undefined, domain, ...parentDomains(target.hostname)]
  const shallow = bound ? ['/'] : [path, '/']
  const partitions = secure ? [attributes.partitioned === true, attributes.partitioned !== true] : [false]
  const deep = bound ? [] : parentPaths(target.url)
  const formsOf = (paths: readonly string[], partitioned: boolean): string[] =>
    paths.flatMap(path => domains.map(domain => formOf(attributes, { path, domain, partitioned })))
  const forms = [
    ...shallow.flatMap(path => partitions.flatMap(partitioned => formsOf([path], partitioned))),
    ...formsOf(deep, partitions[0] === true)
  ]
  const deletions = new Set(forms)
  deletions.delete(serializeAttributes(attributes))
  return Array.from(deletions, form => `${name}=; Max-Age=0${form}`).slice(0, maxDeletions)
}

/**
 * Returns Set-Cookie values that delete the twins of a legacy cookie, if the request has several of its name. `deletion`: the Set-Cookie
 * value that deletes the cookie itself.
 */
export function deleteLegacyTwins (deletion: string, request: RequestTarget & { readonly headers: IncomingHttpHeaders }): string[] {
  const [name = ''] = deletion.split('=', 1)
  const pairs = (request.headers.cookie ?? '').split(';').filter(pair => pair.trimStart().startsWith(`${name}=`))
  if (pairs.length < 2) return []
  // prefixed cookies are Secure
  const attributes = { name, path: '/', sameSite: 'lax', secure: /^__(Host|Secure)-/.test(name) } as const
  return [`${name}=; Max-Age=0${serializeAttributes(attributes)}`, ...deleteTwins(attributes, request)]
}

interface Form {
  readonly path: string
  readonly domain: string | undefined
  readonly partitioned: boolean
}

function formOf ({ name, sameSite, secure }: CookieAttributes, { path, domain, partitioned }: Form): string {
  return serializeAttributes({
    name,
    path,
    sameSite,
    secure,
    ...domain === undefined ? {} : { domain },
    ...partitioned ? { partitioned } : {}
  })
}

/**
 * Returns a host and its parent domains of two labels or more, at most four. Returns no domain for an IP address, and for text that is no
 * host.
 */
function parentDomains (hostname: string): string[] {
  const host = hostname.toLowerCase()
  if (host.length > 253 || !/^[a-z\d-]+(\.[a-z\d-]+)*\.[a-z][a-z\d-]*$/.test(host)) return []
  const labels = host.split('.')
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join('.')).slice(-4)
}

/** Returns the paths above and at a URL's path, from the root on, three at most: a cookie of another path is not sent to it. */
function parentPaths (url: string): string[] {
  const [path = ''] = url.split(/[?#;]/, 1)
  const segments = path.split('/').slice(1, 4).filter(segment => segment !== '')
  const paths = segments.map((_, i) => `/${segments.slice(0, i + 1).join('/')}`)
  return paths.filter(path => path.length <= 100 && /^[\x21-\x7e]+$/.test(path))
}
