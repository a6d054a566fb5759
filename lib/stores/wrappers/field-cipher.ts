import { createCipheriv, createDecipheriv, createHmac, hash, randomBytes } from 'node:crypto'

/** What starts a sealed text: no JSON does. */
const mark = '~'
const kidLength = 4
const ivLength = 12
const tagLength = 16

interface VaultKey {
  readonly key: Buffer
  /** Names the key in what it sealed; tells nothing of it. */
  readonly kid: Buffer
}

/** A text that no key of ours opens, or that was sealed for another place. */
export class Unsealable extends Error {}

/**
 * Seals texts with AES-256-GCM (NIST SP 800-38D), each for one session and one field of it: under a key of the session's own, derived by
 * HMAC-SHA-256, with the field as associated data. What is moved to another session or field does not open.
 */
export class Vault {
  readonly #keys: readonly VaultKey[]
  readonly #plain: boolean

  /**
   * @param keys 32 bytes each; the first seals, all open
   * @param options `plain`: texts that were never sealed are taken as they are, for as long as old sessions live
   */
  constructor (keys: readonly Buffer[], options: { readonly plain: boolean }) {
    this.#keys = keys.map(key => ({ key, kid: Buffer.from(hash('sha256', key, 'hex').slice(0, kidLength * 2), 'hex') }))
    this.#plain = options.plain
  }

  seal (text: string, id: string, field: string): string {
    const { key, kid } = this.#keys[0] as VaultKey
    const iv = randomBytes(ivLength)
    const cipher = createCipheriv('aes-256-gcm', keyOf(key, id), iv).setAAD(Buffer.from(field))
    const sealed = Buffer.concat([kid, iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return mark + sealed.toString('base64url')
  }

  /** Throws `Unsealable`. */
  open (text: string, id: string, field: string): string {
    if (!isSealed(text)) {
      if (this.#plain) return text
      throw new Unsealable('not sealed')
    }
    const bytes = Buffer.from(text.slice(mark.length), 'base64url')
    const key = this.#keys.find(({ kid }) => kid.equals(bytes.subarray(0, kidLength)))?.key
    const end = bytes.length - tagLength
    if (key === undefined || end < kidLength + ivLength) throw new Unsealable('no key of ours')
    const decipher = createDecipheriv('aes-256-gcm', keyOf(key, id), bytes.subarray(kidLength, kidLength + ivLength), { authTagLength: tagLength }).setAAD(Buffer.from(field)).setAuthTag(bytes.subarray(end))
    try {
      return decipher.update(bytes.subarray(kidLength + ivLength, end)).toString('utf8') + decipher.final('utf8')
    } catch {
      throw new Unsealable('changed, or of another place')
    }
  }
}

/** Whether a text was sealed, by whatever key. */
export function isSealed (text: string): boolean {
  return text.startsWith(mark)
}

function keyOf (key: Buffer, id: string): Buffer {
  return createHmac('sha256', key).update(id).digest()
}
