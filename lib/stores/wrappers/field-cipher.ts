import { createCipheriv, createDecipheriv, createHmac, hash, randomBytes } from 'node:crypto'

/** Prefix of an encrypted text; no JSON starts with it. */
const prefix = '~'
const kidLength = 4
const ivLength = 12
const tagLength = 16

interface VaultKey {
  readonly key: Buffer
  /** Identifies the key in each ciphertext, and reveals nothing about it. */
  readonly kid: Buffer
}

/** A text that no configured key decrypts, or that was encrypted for another session or field. */
export class DecryptionError extends Error {}

/**
 * Encrypts texts with AES-256-GCM (NIST SP 800-38D), each for one session and one of its fields. The key is the session's own, derived by
 * HMAC-SHA-256; the field is associated data. A text that was moved to another session or field cannot be decrypted.
 */
export class FieldCipher {
  readonly #keys: readonly VaultKey[]
  readonly #allowPlaintext: boolean

  /**
   * Creates a cipher.
   * @param keys 32 bytes each; the first seals, all open
   * @param options `allowPlaintext`: texts that were never sealed are taken as they are, for as long as old sessions live
   */
  constructor (keys: readonly Buffer[], options: { readonly allowPlaintext: boolean }) {
    this.#keys = keys.map(key => ({ key, kid: Buffer.from(hash('sha256', key, 'hex').slice(0, kidLength * 2), 'hex') }))
    this.#allowPlaintext = options.allowPlaintext
  }

  encrypt (text: string, id: string, field: string): string {
    const { key, kid } = this.#keys[0] as VaultKey
    const iv = randomBytes(ivLength)
    const cipher = createCipheriv('aes-256-gcm', keyOf(key, id), iv).setAAD(Buffer.from(field))
    const sealed = Buffer.concat([kid, iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return prefix + sealed.toString('base64url')
  }

  /** Returns the plaintext. Throws `DecryptionError`. */
  decrypt (text: string, id: string, field: string): string {
    if (!isEncrypted(text)) {
      if (this.#allowPlaintext) return text
      throw new DecryptionError('not sealed')
    }
    const bytes = Buffer.from(text.slice(prefix.length), 'base64url')
    const key = this.#keys.find(({ kid }) => kid.equals(bytes.subarray(0, kidLength)))?.key
    const end = bytes.length - tagLength
    if (key === undefined || end < kidLength + ivLength) throw new DecryptionError('encrypted with an unknown key')
    const decipher = createDecipheriv(
      'aes-256-gcm',
      keyOf(key, id),
      bytes.subarray(kidLength, kidLength + ivLength),
      { authTagLength: tagLength }
    ).setAAD(Buffer.from(field)).setAuthTag(bytes.subarray(end))
    try {
      return decipher.update(bytes.subarray(kidLength + ivLength, end)).toString('utf8') + decipher.final('utf8')
    } catch {
      throw new DecryptionError('changed, or of another place')
    }
  }
}

/** Returns whether a text is encrypted, with any key. */
export function isEncrypted (text: string): boolean {
  return text.startsWith(prefix)
}

function keyOf (key: Buffer, id: string): Buffer {
  return createHmac('sha256', key).update(id).digest()
}
