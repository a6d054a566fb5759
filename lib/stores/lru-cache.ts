/** What was used last, by name: at most so many. Two generations instead of an order: what is used survives, and nothing is sorted. */
export class Latest<V extends string | object> {
  readonly #half: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor (max: number) {
    this.#half = Math.max(1, Math.ceil(max / 2))
  }

  get (key: string): V | undefined {
    return this.#young.get(key) ?? this.#promote(key)
  }

  set (key: string, value: V): V {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
    return value
  }

  delete (key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear (): void {
    this.#young.clear()
    this.#old.clear()
  }

  #promote (key: string): V | undefined {
    const value = this.#old.get(key)
    return value === undefined ? undefined : this.set(key, value)
  }
}
