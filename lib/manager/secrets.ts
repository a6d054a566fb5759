import { randomBytes } from 'node:crypto'
import { checkNames, invalidOption, namesOf } from '../options.ts'
import type { Store } from '../store.ts'

/** Encryption of stored sessions (AES-256-GCM). Encrypted fields cannot be filtered by. */
export interface EncryptionOptions {
  /** 32 random characters or more. To change the key, list several: the first encrypts, all decrypt. */
  readonly keys: string | readonly string[]
  /** Encrypts IP addresses, too. Default false. */
  readonly ip?: boolean
  /** Encrypts user agents and devices, too. Default false. */
  readonly userAgent?: boolean
  /** Reads sessions that were stored before encryption was turned on. Default false: they are rejected. */
  readonly allowPlaintext?: boolean
}

/** The option, checked. */
export type ResolvedEncryption = Required<EncryptionOptions> & { readonly keys: readonly string[] }

const encryptionNames = namesOf<EncryptionOptions>({ keys: true, ip: true, userAgent: true, allowPlaintext: true })

const expectedSecret = 'a random string of 32 characters or more, or several (the first signs). ' +
  'Make one: node -e "console.log(crypto.randomBytes(32).toString(\'base64url\'))"'

/** Returns the secrets, or a random one for a process that shares its sessions with no other. Throws `FST_SESSION_INVALID_OPTION`. */
export function toSecrets (
  secret: string | readonly string[] | undefined, store: Store | string, warn: (message: string) => void
): readonly string[] {
  if (secret !== undefined) return requireStrong(secret, 'secret')
  const local = store === 'memory' || (typeof store === 'object' && store.scope === 'process')
  if (process.env['NODE_ENV'] === 'production' || !local) throw invalidOption('secret', expectedSecret)
  warn('No `secret`: one was made up for this process, and its sessions end with it. Set one before production.')
  return [randomBytes(32).toString('base64url')]
}

/** Checks the option, and fills in defaults. Throws `FST_SESSION_INVALID_OPTION`. */
export function toEncryption (encryption: EncryptionOptions): ResolvedEncryption {
  checkNames(encryption, 'encryption', encryptionNames)
  const { keys, ip = false, userAgent = false, allowPlaintext = false } = encryption
  for (const [name, value] of Object.entries({ ip, userAgent, allowPlaintext })) {
    if (typeof value !== 'boolean') throw invalidOption(`encryption.${name}`, 'true or false')
  }
  return { keys: requireStrong(keys, 'encryption.keys'), ip, userAgent, allowPlaintext }
}

function requireStrong (secret: string | readonly string[], option: string): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const strong = secrets.length > 0 && secrets.every(secret => typeof secret === 'string' && secret.length >= 32)
  if (!strong) throw invalidOption(option, expectedSecret)
  return secrets as readonly string[]
}
