import { checkNames, invalidOption, namesOf } from '../../options.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'

/** Options of `fromIronSession`: those of the old library. */
export interface IronSessionOptions {
  /** `import { unsealData } from 'iron-session'` */
  readonly unsealData: (seal: string, options: never) => Promise<unknown>
  readonly password: string | Readonly<Record<string, string>>
  readonly cookieName: string
  /** In seconds. Default 14 days, as there; 0: cookies never expire. */
  readonly ttl?: number
  /** The cookie's path and domain, if they were set: to delete it. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /** Whether the cookie is persistent. Default true: iron-session sets a Max-Age by default. */
  readonly remember?: boolean
  /**
   * Returns a value of the data that stays the same from login to logout, such as the id of a sign-in. Without it, ending a session blocks
   * the cookie that it was adopted from, but not an older copy: each `save()` creates a new cookie.
   */
  readonly identity?: (data: Record<string, unknown>) => string
  /** For events and counters. Default `iron-session`. */
  readonly name?: string
}

const optionNames = namesOf<IronSessionOptions>({
  ...{ unsealData: true, password: true, cookieName: true, ttl: true, cookie: true, remember: true, identity: true, name: true }
})

/** `Fe26.2*password id*salt*iv*sealed*expiry*salt*mac`, then `~2` by iron-session. */
const sealed = /^Fe26\.2\*(\w*)\*(?:[^*]*\*){3}(\d*)\*[^*]*\*[^*~]*(?:~\d+)?$/

/** Migrates sessions of iron-session 8, whose cookie contains everything and is decrypted with the library's own function. */
export function fromIronSession (options: IronSessionOptions): LegacyAdapter {
  checkNames(options, 'fromIronSession', optionNames)
  const { unsealData, password, cookieName, ttl, cookie, remember = true, identity, name = 'iron-session' } = options
  checkCookieNames(cookie)
  if (typeof unsealData !== 'function') throw invalidOption('unsealData', "the function of that name that 'iron-session' exports")
  const passwords = toPasswords(password)
  const cookies = [{ name: cookieName, ...cookie }]
  return {
    name,
    cookies,
    // decryption is asynchronous there: `load` detects a forged cookie of the right form
    match: request => request.genuine(cookies, value => {
      const id = sealed.exec(value)?.[1]
      return id !== undefined && (id || 'default') in passwords ? value : null
    }),
    async load (seal) {
      const data = await unsealData(seal, { password: passwords, ...ttl === undefined ? {} : { ttl } } as never) as Record<string, unknown>
      // it returns an empty object for a cookie that is expired or was changed
      if (Object.keys(data).length === 0) return null
      const expiry = Number(sealed.exec(seal)?.[2])
      return { data, expiresAt: expiry === 0 ? null : expiry, remember, ...identity === undefined ? {} : { key: identity(data) } }
    }
  }
}

/** The passwords by id. Without a prototype: clients choose the id in a seal, and the library looks it up with `in`. */
function toPasswords (password: unknown): Readonly<Record<string, string>> {
  const given: unknown = typeof password === 'string' ? { 1: password } : password
  const passwords = Object.entries(given ?? {}) as [string, unknown][]
  if (passwords.length === 0 || passwords.some(([, text]) => typeof text !== 'string' || text.length < 32)) {
    throw invalidOption('password', 'the password that the old library was given: 32 characters or more, or several by id')
  }
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(passwords))
}
