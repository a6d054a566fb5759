type Listener = (operation: string, duration: number) => void

/** How long the verbs of the store take: kept, and told on. */
export class Operations {
  readonly #latency = new Latency()
  readonly #listeners = new Set<Listener>()

  /** 99 of the last 100 took no longer than so many milliseconds; `null` where nobody looks at the time. */
  get p99 (): number | null { return this.#latency.p99 }

  add (operation: string, duration: number): void {
    this.#latency.add(duration)
    for (const listener of this.#listeners) listener(operation, duration)
  }

  /** Returns what stops it. */
  listen (listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }
}

/** How long the last calls took: 1,024 of them, in 8 KiB. */
export class Latency {
  readonly #last = new Float64Array(1024)
  #count = 0

  /** Milliseconds. */
  add (duration: number): void {
    this.#last[this.#count++ % this.#last.length] = duration
  }

  /** 99 of 100 calls took no longer than this many milliseconds, to a tenth; `null` before the first call. */
  get p99 (): number | null {
    const sorted = this.#last.slice(0, this.#count).sort()
    const value = sorted[Math.ceil(sorted.length * 0.99) - 1]
    return value === undefined ? null : Math.round(value * 10) / 10
  }
}
