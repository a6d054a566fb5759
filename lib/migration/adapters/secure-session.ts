import { checkNames, invalidOption, namesOf } from '../../options.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { checkCookieNames } from '../cookies.ts'
import type { LegacyCookie } from '../cookies.ts'

/** The functions of `sodium-native`, a dependency of @fastify/secure-session. */
export interface Sodium {
  readonly crypto_secretbox_KEYBYTES: number
  readonly crypto_secretbox_MACBYTES: number
  readonly crypto_secretbox_NONCEBYTES: number
  readonly crypto_pwhash_OPSLIMIT_MODERATE: number
  readonly crypto_pwhash_MEMLIMIT_MODERATE: number
  readonly crypto_pwhash_ALG_DEFAULT: number
  crypto_secretbox_open_easy (message: Buffer, cipher: Buffer, nonce: Buffer, key: Buffer): boolean
  crypto_pwhash (key: Buffer, secret: Buffer, salt: Buffer, operations: number, memory: number, algorithm: number): void
}

/** Options of `fromSecureSession`: those of the old library. */
export interface SecureSessionOptions {
  /** `import sodium from 'sodium-native'` */
  readonly sodium: Sodium
  /** As there: a buffer, base64, or a list of them, newest first. */
  readonly key?: Buffer | string | readonly (Buffer | string)[]
  /** Instead of a key: the secret, and the salt if there was one. Deriving the key takes about half a second, once. */
  readonly secret?: string | Buffer
  readonly salt?: string | Buffer
  /** Default `session`. */
  readonly cookieName?: string
  /** The cookie's path and domain, if they were set: to delete it. */
  readonly cookie?: Omit<LegacyCookie, 'name'>
  /** In seconds. Default 86401, as there. */
  readonly expiry?: number
  /** Whether the cookie had a `maxAge` or `expires`: it is persistent. Default false. */
  readonly remember?: boolean
  /**
   * Returns a value of the data that stays the same from login to logout, such as the id of a sign-in. Without it, ending a session blocks
   * the cookie that it was adopted from, but not an older copy: each change creates a new cookie.
   */
  readonly identity?: (data: Record<string, unknown>) => string
  /** For events and counters. Default `@fastify/secure-session`. */
  readonly name?: string
}

const defaultSalt = Buffer.from('mq9hDxBVDbspDR6nLfFT1g==', 'base64')
const optionNames = namesOf<SecureSessionOptions>({
  ...{ sodium: true, key: true, secret: true, salt: true, cookieName: true },
  ...{ cookie: true, expiry: true, remember: true, identity: true, name: true }
})

/** Migrates sessions of @fastify/secure-session, whose cookie contains everything, encrypted with libsodium's secretbox. */
export function fromSecureSession (options: SecureSessionOptions): LegacyAdapter {
  checkNames(options, 'fromSecureSession', optionNames)
  checkCookieNames(options.cookie)
  const { sodium, cookieName = 'session', expiry = 86_401, remember = false, identity, name = '@fastify/secure-session' } = options
  const keys = toKeys(options)
  const cookies = [{ name: cookieName, ...options.cookie }]
  return {
    name,
    cookies,
    match: request => request.genuine(cookies, value => open(sodium, keys, value) === null ? null : value),
    load: value => {
      const { __ts: issued, ...data } = open(sodium, keys, value) as { __ts: number }
      return {
        data,
        createdAt: issued * 1000,
        expiresAt: (issued + expiry) * 1000,
        remember,
        ...identity === undefined ? {} : { key: identity(data) }
      }
    }
  }
}

/** Returns the content of a cookie; `null` if no key decrypts it. */
function open (sodium: Sodium, keys: readonly Buffer[], value: string): Record<string, unknown> | null {
  const [cipher = Buffer.alloc(0), nonce] = value.split(';').map(part => Buffer.from(part, 'base64'))
  if (cipher.length < sodium.crypto_secretbox_MACBYTES || nonce?.length !== sodium.crypto_secretbox_NONCEBYTES) return null
  const message = Buffer.alloc(cipher.length - sodium.crypto_secretbox_MACBYTES)
  if (!keys.some(key => sodium.crypto_secretbox_open_easy(message, cipher, nonce, key))) return null
  return JSON.parse(message.toString()) as Record<string, unknown>
}

function toKeys ({ sodium, key, secret, salt = defaultSalt }: SecureSessionOptions): readonly Buffer[] {
  if (key !== undefined) {
    const given = Array.isArray(key) ? key as readonly (Buffer | string)[] : [key as Buffer | string]
    const keys = given.map(one => typeof one === 'string' ? Buffer.from(one, 'base64') : one)
    if (keys.some(one => one.length !== sodium.crypto_secretbox_KEYBYTES)) {
      throw invalidOption('key', `${sodium.crypto_secretbox_KEYBYTES} bytes, or their base64`)
    }
    return keys
  }
  if (secret === undefined) throw invalidOption('key', 'the key, or `secret` the secret, that the old library was given')
  const derived = Buffer.alloc(sodium.crypto_secretbox_KEYBYTES)
  sodium.crypto_pwhash(derived, Buffer.from(secret), typeof salt === 'string' ? Buffer.from(salt, 'ascii') : salt,
    sodium.crypto_pwhash_OPSLIMIT_MODERATE, sodium.crypto_pwhash_MEMLIMIT_MODERATE, sodium.crypto_pwhash_ALG_DEFAULT)
  return [derived]
}
