import { createHmac } from 'node:crypto'
import { sameHash } from './token.ts'

/** Signs values that a client returns unchanged, for one context only. Clients can read them, but cannot create them. */
export class MessageSigner {
  readonly #keys: readonly Buffer[]

  /** `keys`: the first one signs, all verify. */
  constructor (keys: readonly Buffer[]) {
    this.#keys = keys
  }

  /** `context`: the use that the value is valid for. */
  sign (value: string, context: string): string {
    return `${Buffer.from(value).toString('base64url')}.${mac(this.#keys[0] as Buffer, value, context)}`
  }

  /** Returns the value; `null` if the signature is wrong, or for another context. */
  verify (text: string, context: string): string | null {
    const [encoded = '', code = ''] = text.split('.', 2)
    const value = Buffer.from(encoded, 'base64url').toString()
    // a text has one form: spare bits and a third part are rejected
    const signed = this.#keys.some(key => sameHash(code, mac(key, value, context)))
    return signed && text === `${Buffer.from(value).toString('base64url')}.${code}` ? value : null
  }
}

/** Returns the HMAC-SHA-256 of both, with the length of the context, so that no two pairs have the same input. */
function mac (key: Buffer, value: string, context: string): string {
  return createHmac('sha256', key).update(`${Buffer.byteLength(context)}:${context}${value}`).digest('base64url')
}
