const parts = 64

/**
 * A map of texts in 64 parts. A single map of a million keys blocks the process for up to 80 ms whenever it grows or shrinks, because all
 * of it is hashed again at once; here only a part is.
 */
export class ShardedMap<V> {
  readonly #parts = Array.from({ length: parts }, () => new Map<string, V>())
  size = 0

  get (key: string): V | undefined {
    return this.#partOf(key).get(key)
  }

  set (key: string, value: V): void {
    const part = this.#partOf(key)
    const before = part.size
    part.set(key, value)
    this.size += part.size - before
  }

  delete (key: string): void {
    if (this.#partOf(key).delete(key)) this.size--
  }

  /** Returns the part of a key, by up to eight characters from its end: the end of an id is random, and the end of a number differs. */
  #partOf (key: string): Map<string, V> {
    let sum = 0
    for (let i = key.length - 1, stop = Math.max(i - 8, -1); i > stop; i--) sum = (sum * 31 + key.charCodeAt(i)) | 0
    return this.#parts[(sum ^ (sum >>> 6)) & (parts - 1)] as Map<string, V>
  }
}
