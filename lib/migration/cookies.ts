/** The cookies of one request, found by name when somebody asks. */
export class RequestCookies {
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

  /**
   * The one genuine credential among the values of some names; `false` if there are values and none is genuine, or two differ (an attack);
   * `null` if there are none.
   */
  genuine (cookies: readonly LegacyCookie[], verify: (value: string) => string | null): string | false | null {
    const values = cookies.flatMap(({ name }) => this.all(name)).filter(value => value !== '')
    if (values.length === 0) return null
    const [first, ...others] = new Set(values.map(verify).filter(credential => credential !== null))
    return first === undefined || others.length > 0 ? false : first
  }
}

/** The Set-Cookie value that deletes a cookie of another library. */
export function deletion ({ name, path = '/', domain }: LegacyCookie): string {
  // browsers refuse to touch a prefixed cookie without Secure, and Secure harms no other on https
  const secure = /^__(Host|Secure)-/.test(name) ? '; Secure' : ''
  return `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}; HttpOnly${secure}`
}

function decode (value: string): string {
  const bare = value.startsWith('"') ? value.slice(1, -1) : value
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}
/** A cookie of another library. Path and domain as it was set with, or browsers do not delete it. */
export interface LegacyCookie {
  readonly name: string
  readonly path?: string
  readonly domain?: string
}
