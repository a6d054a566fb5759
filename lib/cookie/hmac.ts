import { hash } from 'node:crypto'

const block = 64
const digest = 32

/**
 * HMAC-SHA-256 (RFC 2104) of texts of one length, with one key: two hashes at once, 0.5 µs against 1.5 µs for `createHmac`, whose object
 * costs more than its work. What it writes, @fastify/cookie's `Signer` verifies.
 */
export class Mac {
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

  /** base64 without padding, 43 characters. */
  of (text: string): string {
    this.#inner.write(text, block, 'latin1')
    // as text: a Buffer for the result would take longer than the hash
    this.#outer.write(hash('sha256', this.#inner, 'binary'), block, 'latin1')
    return hash('sha256', this.#outer, 'base64').slice(0, -1)
  }
}
