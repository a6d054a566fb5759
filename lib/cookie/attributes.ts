import { checkNames, invalidOption, namesOf, oneOf } from '../options.ts'

/** Name and attributes of the cookie. Fixed at registration; contradictions are rejected there. */
export interface CookieOptions {
  /** Default `__Host-sid`. Browsers enforce the rules of a prefix (RFC 6265bis §4.1.3). */
  readonly name?: string
  /** Default `lax`: with `strict`, a user who follows a link from another site arrives without the cookie. */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /** By default not set, so that no sibling host gets the cookie. */
  readonly domain?: string
  /** Default `/`. */
  readonly path?: string
  /** For embedding in other websites (CHIPS); requires `sameSite: 'none'`. */
  readonly partitioned?: boolean
  /**
   * Default `auto`: `Secure`, except if `NODE_ENV` is not `production`, and the request comes from this machine over HTTP without a proxy;
   * then the cookie has no `Secure` and no name prefix. `true`: always `Secure`.
   */
  readonly secure?: 'auto' | true
}

const cookieNames = namesOf<CookieOptions>({ name: true, sameSite: true, domain: true, path: true, partitioned: true, secure: true })

/** Checked attributes. */
export interface CookieAttributes {
  readonly name: string
  readonly path: string
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly secure: boolean
  readonly domain?: string
  readonly partitioned?: true
}

/** Checks the cookie's options. Throws `FST_SESSION_INVALID_OPTION` if browsers would reject or ignore the cookie. */
export function toCookieAttributes (options: CookieOptions): CookieAttributes {
  checkNames(options, 'cookie', cookieNames)
  const { name = '__Host-sid', path = '/', domain, partitioned = false, secure = 'auto' } = options
  const sameSite = oneOf(options.sameSite ?? 'lax', 'cookie.sameSite', ['lax', 'strict', 'none'])
  // RFC 6265bis §4.1.1: a token; the length leaves room for value and attributes within 4,096 bytes
  if (typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name)) {
    throw invalidOption('cookie.name', 'a cookie name of letters, digits and !#$%&\'*+-.^_`|~')
  }
  if (typeof path !== 'string' || !/^\/[\x20-\x3a\x3c-\x7e]{0,1000}$/.test(path)) {
    throw invalidOption('cookie.path', 'a path that starts with /')
  }
  if (domain !== undefined && !/^[a-z\d]([a-z\d.-]{0,250}[a-z\d])?$/i.test(domain)) throw invalidOption('cookie.domain', 'a host name')
  if (/^__(host|secure)-/i.test(name) && !/^__(Host|Secure)-/.test(name)) {
    throw invalidOption('cookie.name', 'a prefix written as __Host- or __Secure-')
  }
  if (name.startsWith('__Host-') && (domain !== undefined || path !== '/')) {
    throw invalidOption('cookie.name', 'without __Host- if `domain` is set or `path` is not /')
  }
  if (secure !== 'auto' && (secure as unknown) !== true) {
    throw invalidOption('cookie.secure', "'auto' or true: the cookie is always Secure, except on a developer's own machine")
  }
  if (partitioned && sameSite !== 'none') throw invalidOption('cookie.partitioned', "only true with sameSite 'none'")
  return { name, path, sameSite, secure: true, ...domain === undefined ? {} : { domain }, ...partitioned ? { partitioned } : {} }
}

/** Returns the attributes for loopback: the name without its prefix, and no Secure. */
export function toLoopbackAttributes (attributes: CookieAttributes): CookieAttributes {
  const { name, path } = attributes
  return {
    name: name.replace(/^__(Host|Secure)-/, ''),
    path,
    sameSite: attributes.sameSite === 'none' ? 'lax' : attributes.sameSite,
    secure: false
  }
}

/** Writes checked attributes, once: the serializer of @fastify/cookie requires that plugin to be registered. */
export function serializeAttributes ({ path, domain, secure, sameSite, partitioned }: CookieAttributes): string {
  const words = { lax: 'Lax', strict: 'Strict', none: 'None' }
  const scope = `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}`
  return `${scope}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${words[sameSite]}${partitioned === true ? '; Partitioned' : ''}`
}
