import cookiePlugin from '@fastify/cookie'
import { checkNames, namesOf } from '../../options.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'
import { CallbackRecords } from './callback-store.ts'
import type { CallbackStore } from './callback-store.ts'

/** What verifies a cookie's signature: @fastify/cookie's `Signer` is one. */
export interface Unsigner {
  unsign (value: string): { readonly valid: boolean, readonly value: string | null }
}

/** Options of `fromFastifySession` and `fromExpressSession`: as the old library was given them. */
export interface StoredSessionOptions {
  /** Every secret that cookies in browsers may be signed with. */
  readonly secret: string | readonly string[]
  readonly store: CallbackStore
  /** Default `sessionId` (@fastify/session), `connect.sid` (express-session). */
  readonly cookieName?: string
  /** The cookie's path and domain, if the old library was given them: to delete it. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /**
   * The old expiry moved on with each request. Default false: a session's life ends when the old one's would have without another request.
   * `true`: that length is its idle time, within your `absoluteTimeout`.
   */
  readonly rolling?: boolean
  /** For events and counters. Default the library's name. */
  readonly name?: string
}

const optionNames = namesOf<StoredSessionOptions>({ secret: true, store: true, cookieName: true, cookie: true, rolling: true, name: true })

/** Takes over sessions of @fastify/session. */
export function fromFastifySession (options: Omit<StoredSessionOptions, 'secret'> & {
  readonly secret: string | readonly string[] | Unsigner
  /** Of the HMAC. Default `sha256`. */
  readonly algorithm?: string
  /** What stands before the id in the cookie. Default nothing. */
  readonly cookiePrefix?: string
}): LegacyAdapter {
  checkNames(options, 'fromFastifySession', [...optionNames, 'algorithm', 'cookiePrefix'])
  const { secret, algorithm, cookiePrefix = '', cookieName = 'sessionId', name = '@fastify/session', ...rest } = options
  return fromSignedCookie(toUnsigner(secret, algorithm), { ...rest, name, cookieName, prefix: cookiePrefix })
}

/** Takes over sessions of express-session. */
export function fromExpressSession (options: StoredSessionOptions): LegacyAdapter {
  checkNames(options, 'fromExpressSession', optionNames)
  const { secret, cookieName = 'connect.sid', name = 'express-session', ...rest } = options
  return fromSignedCookie(toUnsigner(secret), { ...rest, name, cookieName, prefix: 's:' })
}

function fromSignedCookie (
  signer: Unsigner,
  options: Omit<StoredSessionOptions, 'secret'> & { readonly name: string, readonly cookieName: string, readonly prefix: string }
): LegacyAdapter {
  const { name, cookieName, prefix, store, cookie, rolling = false } = options
  checkCookieNames(cookie)
  const cookies = [{ name: cookieName, ...cookie }]
  const records = new CallbackRecords(store, { rolling })
  return {
    name,
    cookies,
    match: request => request.genuine(cookies, value => value.startsWith(prefix) ? unsigned(signer, value.slice(prefix.length)) : null),
    load: id => records.load(id),
    retire: id => records.retire(id),
    mirror: (id, session) => records.mirror(id, session),
    ...store.all === undefined ? {} : { scan: () => records.scan() }
  }
}

function toUnsigner (secret: string | readonly string[] | Unsigner, algorithm?: string): Unsigner {
  return typeof secret === 'object' && 'unsign' in secret ? secret : new cookiePlugin.Signer(secret as string | string[], algorithm)
}

function unsigned (signer: Unsigner, text: string): string | null {
  const { valid, value } = signer.unsign(text)
  return valid && value !== '' ? value : null
}
