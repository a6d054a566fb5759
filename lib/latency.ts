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
