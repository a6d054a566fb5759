import { createHmac } from 'node:crypto'
import { sameHash } from './token.ts'

/** Values that go to a client and come back unchanged, for one context only: readable by anybody, made by nobody else. */
export class Seal {
  readonly #keys: readonly Buffer[]

  /** `keys`: the first seals, all open. */
  constructor (keys: readonly Buffer[]) {
    this.#keys = keys
  }

  /** `context`: what the value belongs to. */
  seal (value: string, context: string): string {
    return `${Buffer.from(value).toString('base64url')}.${mac(this.#keys[0] as Buffer, value, context)}`
  }

  /** The value; `null` for what was not sealed here, or for another context. */
  open (text: string, context: string): string | null {
    const [encoded = '', code = ''] = text.split('.', 2)
    const value = Buffer.from(encoded, 'base64url').toString()
    // a text has one form: spare bits and a third part are refused
    return this.#keys.some(key => sameHash(code, mac(key, value, context))) && text === `${Buffer.from(value).toString('base64url')}.${code}` ? value : null
  }
}

/** HMAC-SHA-256 over both, each with its length, so that no two pairs give the same input. */
function mac (key: Buffer, value: string, context: string): string {
  return createHmac('sha256', key).update(`${Buffer.byteLength(context)}:${context}${value}`).digest('base64url')
}
