import { oneOf, refuse } from '../options.ts'

/** Name and attributes of the cookie. Fixed at registration; contradictions are refused there. */
export interface CookieOptions {
  /** Default `__Host-sid`. A prefix is a promise that browsers enforce (RFC 6265bis §4.1.3). */
  readonly name?: string
  /** Default `lax`: with `strict`, whoever follows a link from elsewhere arrives signed out. */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /** Default: none, so that no sibling host sees the cookie. */
  readonly domain?: string
  /** Default `/`. */
  readonly path?: string
  /** For embedding in other sites (CHIPS); wants `sameSite: 'none'`. */
  readonly partitioned?: boolean
  /**
   * Default `auto`: always `Secure`, but for a plain name without it where `NODE_ENV` is not `production`, the request comes from this
   * machine over http, and no proxy has forwarded it. `true`: always.
   */
  readonly secure?: 'auto' | true
}

/** Attributes, checked. */
export interface CookieAttributes {
  readonly name: string
  readonly path: string
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly secure: boolean
  readonly domain?: string
  readonly partitioned?: true
}

/** Checks the cookie's options. Throws `FST_SESSION_INVALID_OPTION` for what browsers would refuse or ignore. */
export function toCookieAttributes (options: CookieOptions): CookieAttributes {
  const { name = '__Host-sid', path = '/', domain, partitioned = false, secure = 'auto' } = options
  const sameSite = oneOf(options.sameSite ?? 'lax', 'cookie.sameSite', ['lax', 'strict', 'none'])
  // RFC 6265bis §4.1.1: a token; the length leaves room for value and attributes within 4,096 bytes
  if (typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name)) throw refuse('cookie.name', 'a cookie name of letters, digits and !#$%&\'*+-.^_`|~')
  if (typeof path !== 'string' || !/^\/[\x20-\x3a\x3c-\x7e]{0,1000}$/.test(path)) throw refuse('cookie.path', 'a path that starts with /')
  if (domain !== undefined && !/^[a-z\d]([a-z\d.-]{0,250}[a-z\d])?$/i.test(domain)) throw refuse('cookie.domain', 'a host name')
  if (/^__(host|secure)-/i.test(name) && !/^__(Host|Secure)-/.test(name)) throw refuse('cookie.name', 'a prefix written as __Host- or __Secure-')
  if (name.startsWith('__Host-') && (domain !== undefined || path !== '/')) throw refuse('cookie.name', 'without __Host- if `domain` is set or `path` is not /')
  if (secure !== 'auto' && (secure as unknown) !== true) throw refuse('cookie.secure', "'auto' or true: the cookie always is Secure, but on a developer's own machine")
  if (partitioned && sameSite !== 'none') throw refuse('cookie.partitioned', "only true with sameSite 'none'")
  return { name, path, sameSite, secure: true, ...domain === undefined ? {} : { domain }, ...partitioned ? { partitioned } : {} }
}

/** The loopback form: the plain name, and no Secure. */
export function toLoopbackAttributes (attributes: CookieAttributes): CookieAttributes {
  const { name, path } = attributes
  return { name: name.replace(/^__(Host|Secure)-/, ''), path, sameSite: attributes.sameSite === 'none' ? 'lax' : attributes.sameSite, secure: false }
}

/** Written once, from what was checked: the serialiser of @fastify/cookie works only where that plugin is registered. */
export function serializeAttributes ({ path, domain, secure, sameSite, partitioned }: CookieAttributes): string {
  const words = { lax: 'Lax', strict: 'Strict', none: 'None' }
  return `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${words[sameSite]}${partitioned === true ? '; Partitioned' : ''}`
}
