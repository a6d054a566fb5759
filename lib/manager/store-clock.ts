import type { Store } from '../store.ts'

/** The store's time, as far as this process knows it: its own clock plus a measured offset, so that nodes with clocks off by minutes agree. */
export class Clock {
  readonly #local: () => number
  #offset = 0

  constructor (local: () => number) {
    this.#local = local
  }

  now (): number {
    return this.#local() + this.#offset
  }

  /** Measures the offset to a store that has a clock of its own. Half of the round trip is the error: what is within it changes nothing. */
  async measure (store: Store): Promise<void> {
    if (store.now === undefined) return
    const before = this.#local()
    const there = await store.now()
    const after = this.#local()
    const offset = Math.round(there - (before + after) / 2)
    if (Math.abs(offset - this.#offset) > (after - before) / 2) this.#offset = offset
  }
}
