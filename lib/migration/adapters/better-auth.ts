import { createHmac } from 'node:crypto'
import { checkNames, namesOf } from '../../options.ts'
import { sameHash } from '../../token/token.ts'
import type { LegacyAdapter, LegacySession } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'

/** The members of better-auth's instance (`betterAuth({ … })`) that are used. */
export interface BetterAuth {
  readonly $context: Promise<{
    readonly internalAdapter: {
      findSession (token: string): Promise<{ readonly session: Readonly<Record<string, unknown>> } | null>
      deleteSession (token: string): Promise<unknown>
      updateSession (token: string, change: never): Promise<unknown>
    }
  }>
}

export interface BetterAuthOptions {
  readonly auth: BetterAuth
  /** Every secret that cookies in browsers may be signed with: `BETTER_AUTH_SECRET`. */
  readonly secret: string | readonly string[]
  /** Its `advanced.cookiePrefix`. Default `better-auth`. */
  readonly cookiePrefix?: string
  /** The cookies' path and domain, if they were set: to delete them. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /** For events and counters. Default `better-auth`. */
  readonly name?: string
}

const optionNames = namesOf<BetterAuthOptions>({ auth: true, secret: true, cookiePrefix: true, cookie: true, name: true })
const day = 86_400_000

/**
 * Migrates sessions of better-auth, through its own adapter. The data of the new session are the fields that plugins and the app added to
 * the session, such as `activeOrganizationId`. Users stay in its tables.
 */
export function fromBetterAuth (options: BetterAuthOptions): LegacyAdapter {
  checkNames(options, 'fromBetterAuth', optionNames)
  const { auth, cookiePrefix = 'better-auth', cookie, name = 'better-auth' } = options
  checkCookieNames(cookie)
  const secrets = [options.secret].flat()
  const named = (cookieName: string): LegacyCookie[] =>
    ['', '__Secure-'].map(prefix => ({ name: `${prefix}${cookiePrefix}.${cookieName}`, ...cookie }))
  const tokens = named('session_token')
  return {
    name,
    identifies: true,
    cookies: [...tokens, ...named('session_data'), ...named('dont_remember')],
    match: request => request.genuine(tokens, value => verified(value, secrets)),
    async load (token) {
      const { internalAdapter } = await auth.$context
      const found = await internalAdapter.findSession(token)
      return found === null ? null : toSession(found.session)
    },
    async retire (token) {
      const { internalAdapter } = await auth.$context
      await internalAdapter.deleteSession(token)
    },
    async mirror (token, { expiresAt }) {
      const { internalAdapter } = await auth.$context
      await internalAdapter.updateSession(token, { expiresAt: new Date(expiresAt) } as never)
    }
  }
}

/** Returns the token of `token.signature`: HMAC-SHA-256 of the token, base64 with its padding. */
function verified (value: string, secrets: readonly string[]): string | null {
  const dot = value.lastIndexOf('.')
  const token = value.slice(0, Math.max(dot, 0))
  const genuine = token !== '' &&
    secrets.some(secret => sameHash(createHmac('sha256', secret).update(token).digest('base64'), value.slice(dot + 1)))
  return genuine ? token : null
}

function toSession (row: Readonly<Record<string, unknown>>): LegacySession {
  const { id, token, userId, expiresAt, createdAt, updatedAt, ipAddress, userAgent, ...rest } = row
  const end = Number(expiresAt)
  return {
    userId: userId as string,
    data: Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)),
    expiresAt: end,
    createdAt: Number(createdAt),
    // "don't remember me" is a session of one day there
    remember: end - Number(updatedAt) > day
  }
}
