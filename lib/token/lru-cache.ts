/** The table of one generation: a `Map`, or a table with the same methods. */
export interface CacheTable<V> {
  readonly size: number
  get (key: string): V | undefined
  set (key: string, value: V): unknown
  delete (key: string): unknown
}

/**
 * The most recently used values by key, at most `max`. It has two generations instead of an order: used values move to the recent one,
 * and nothing is sorted.
 */
export class LruCache<V extends string | object> {
  readonly #half: number
  readonly #newTable: () => CacheTable<V>
  #recent: CacheTable<V>
  #previous: CacheTable<V>

  constructor (max: number, newTable: () => CacheTable<V> = () => new Map<string, V>()) {
    this.#half = Math.max(1, Math.ceil(max / 2))
    this.#newTable = newTable
    this.#recent = newTable()
    this.#previous = newTable()
  }

  get (key: string): V | undefined {
    return this.#recent.get(key) ?? this.#promote(key)
  }

  set (key: string, value: V): V {
    if (this.#recent.size >= this.#half) {
      this.#previous = this.#recent
      this.#recent = this.#newTable()
    }
    this.#recent.set(key, value)
    return value
  }

  delete (key: string): void {
    this.#recent.delete(key)
    this.#previous.delete(key)
  }

  clear (): void {
    this.#recent = this.#newTable()
    this.#previous = this.#newTable()
  }

  #promote (key: string): V | undefined {
    const value = this.#previous.get(key)
    return value === undefined ? undefined : this.set(key, value)
  }
}
