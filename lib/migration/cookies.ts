import { checkNames } from '../options.ts'

/** Maximum number of values of a name. More are an attack, because each costs a verification. */
const maxTried = 8

/** The cookies of one request, found by name on demand. */
export class RequestCookies {
  /** The genuine credentials that the last call of `genuine` found, if they differ. */
  rivals: readonly string[] = []
  readonly #header: string

  /** The Cookie header. */
  constructor (header: string) {
    this.#header = header
  }

  /** Every value of a name, decoded as the old libraries do. */
  all (name: string): string[] {
    const values: string[] = []
    if (!this.#header.includes(`${name}=`)) return values
    for (const pair of this.#header.split(';')) {
      const equals = pair.indexOf('=')
      if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(decode(pair.slice(equals + 1).trim()))
    }
    return values
  }

  /** Returns those of the cookies that the request has. */
  present (cookies: readonly LegacyCookie[]): LegacyCookie[] {
    return cookies.filter(({ name }) => this.all(name).length > 0)
  }

  /**
   * Returns the one genuine credential among the values of some names; `false` if there are values and none is genuine, or two differ, or
   * there are more than eight; `null` without cookies. If two differ, at most one of their sessions may be live (cookie tossing otherwise).
   */
  genuine (cookies: readonly LegacyCookie[], verify: (value: string) => string | null): string | false | null {
    const values = cookies.flatMap(({ name }) => this.all(name)).filter(value => value !== '')
    if (values.length === 0) return null
    if (values.length > maxTried) return false
    const found = [...new Set(values.map(verify).filter(credential => credential !== null))]
    this.rivals = found.length > 1 ? found : []
    return found.length === 1 ? found[0] as string : false
  }
}

/** Returns the Set-Cookie value that deletes a cookie of another library. */
export function expiringSetCookie ({ name, path = '/', domain }: LegacyCookie): string {
  // browsers ignore a prefixed cookie without Secure; for other cookies on https, Secure does no harm
  const secure = /^__(Host|Secure)-/.test(name) ? '; Secure' : ''
  const scope = `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}`
  return `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${scope}; HttpOnly${secure}`
}

function decode (value: string): string {
  const bare = value.startsWith('"') ? value.slice(1, -1) : value
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}
/** A cookie of another library. Browsers delete it only if path and domain are the original ones. */
export interface LegacyCookie {
  readonly name: string
  readonly path?: string
  readonly domain?: string
}

/** The allowed members of an old library's option `cookie`. Path and domain are required to delete the cookie; the others are ignored. */
const cookieOptions = [
  'path', 'domain', 'secure', 'httpOnly', 'sameSite', 'maxAge', 'expires', 'signed', 'overwrite', 'priority', 'partitioned', 'encode'
]

/** Checks the names in the option `cookie` of an adapter. Throws `FST_SESSION_INVALID_OPTION`. */
export function checkCookieNames (cookie: object | undefined): void {
  if (cookie !== undefined) checkNames(cookie, 'cookie', cookieOptions)
}
