import type { Store } from '../store.ts'

/** Estimates the store's time by the local clock plus a measured offset, so that instances agree although their clocks differ. */
export class StoreClock {
  readonly #local: () => number
  #offset = 0

  constructor (local: () => number) {
    this.#local = local
  }

  now (): number {
    return this.#local() + this.#offset
  }

  /** Measures the offset to a store with a clock of its own. A difference below half the round trip is within the error, and is ignored. */
  async measure (store: Store): Promise<void> {
    if (store.now === undefined) return
    const before = this.#local()
    const there = await store.now()
    const after = this.#local()
    const offset = Math.round(there - (before + after) / 2)
    if (Math.abs(offset - this.#offset) > (after - before) / 2) this.#offset = offset
  }
}
