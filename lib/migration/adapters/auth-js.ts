import type { Awaitable } from '../../async.ts'
import { checkNames, invalidOption, namesOf } from '../../options.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'

/** The members of an Auth.js adapter that are used. */
export interface AuthJsAdapter {
  getSessionAndUser? (token: string): Awaitable<{ readonly session: { readonly userId: string, readonly expires: Date } } | null>
  deleteSession? (token: string): Awaitable<unknown>
  updateSession? (session: never): Awaitable<unknown>
}

export interface AuthJsOptions {
  /** The adapter that Auth.js uses, with strategy `database`: with `jwt` there are no sessions to migrate. */
  readonly adapter: AuthJsAdapter
  /** Default `authjs.session-token`, `next-auth.session-token`, and both with `__Secure-`. */
  readonly cookieName?: string
  /** The cookie's path and domain, if they were set: to delete it. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /** For events and counters. Default `auth.js`. */
  readonly name?: string
}

const optionNames = namesOf<AuthJsOptions>({ adapter: true, cookieName: true, cookie: true, name: true })

/** A random token: a UUID, or the result of `generateSessionToken`. Encrypted JWTs contain dots. */
const tokenShape = /^[\w-]{16,255}$/

/** Migrates database sessions of Auth.js (NextAuth). The data of the new session are the columns that the app added to the table. */
export function fromAuthJs (options: AuthJsOptions): LegacyAdapter {
  checkNames(options, 'fromAuthJs', optionNames)
  const { adapter, cookieName, cookie, name = 'auth.js' } = options
  checkCookieNames(cookie)
  if (typeof adapter.getSessionAndUser !== 'function' || typeof adapter.deleteSession !== 'function') {
    throw invalidOption('adapter', 'an adapter of Auth.js with database sessions')
  }
  const names = cookieName === undefined
    ? ['authjs', 'next-auth'].flatMap(library => ['', '__Secure-'].map(prefix => `${prefix}${library}.session-token`))
    : [cookieName]
  const cookies = names.map(name => ({ name, ...cookie }))
  return {
    name,
    identifies: true,
    cookies,
    match: request => request.genuine(cookies, value => tokenShape.test(value) ? value : null),
    async load (token) {
      const found = await adapter.getSessionAndUser?.(token) ?? null
      if (found === null) return null
      const { userId, expires, ...row } = found.session
      const { id, sessionToken, ...data } = row as Record<string, unknown>
      return { userId, data, expiresAt: Number(expires), remember: true }
    },
    async retire (token) { await adapter.deleteSession?.(token) },
    async mirror (sessionToken, { expiresAt }) { await adapter.updateSession?.({ sessionToken, expires: new Date(expiresAt) } as never) }
  }
}
