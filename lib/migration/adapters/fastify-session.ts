import cookiePlugin from '@fastify/cookie'
import { checkNames, namesOf } from '../../options.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'
import { CallbackRecords } from './callback-store.ts'
import type { CallbackStore } from './callback-store.ts'

/** Verifies a cookie's signature, such as the `Signer` of @fastify/cookie. */
export interface Unsigner {
  unsign (value: string): { readonly valid: boolean, readonly value: string | null }
}

/** Options of `fromFastifySession` and `fromExpressSession`: those of the old library. */
export interface StoredSessionOptions {
  /** Every secret that cookies in browsers may be signed with. */
  readonly secret: string | readonly string[]
  readonly store: CallbackStore
  /** Default `sessionId` (@fastify/session), `connect.sid` (express-session). */
  readonly cookieName?: string
  /** The cookie's path and domain, if the old library had them: to delete it. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /**
   * Whether each request extended the old expiry. Default false: the session ends when the legacy session would have ended without another
   * request. `true`: the duration becomes the idle timeout, within your `absoluteTimeout`.
   */
  readonly rolling?: boolean
  /** For events and counters. Default the library's name. */
  readonly name?: string
}

const optionNames = namesOf<StoredSessionOptions>({ secret: true, store: true, cookieName: true, cookie: true, rolling: true, name: true })

/** Migrates sessions of @fastify/session. */
export function fromFastifySession (options: Omit<StoredSessionOptions, 'secret'> & {
  readonly secret: string | readonly string[] | Unsigner
  /** The algorithm of the HMAC. Default `sha256`. */
  readonly algorithm?: string
  /** The text before the id in the cookie. Default none. */
  readonly cookiePrefix?: string
}): LegacyAdapter {
  checkNames(options, 'fromFastifySession', [...optionNames, 'algorithm', 'cookiePrefix'])
  const { secret, algorithm, cookiePrefix = '', cookieName = 'sessionId', name = '@fastify/session', ...rest } = options
  return fromSignedCookie(toUnsigner(secret, algorithm), { ...rest, name, cookieName, prefix: cookiePrefix })
}

/** Migrates sessions of express-session. */
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
