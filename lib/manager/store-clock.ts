import type { Store } from '../store.ts'

/** The clocks of this process. */
export interface LocalClocks {
  /** Milliseconds since the epoch. It leaps when the clock of the machine is set. */
  readonly wall: () => number
  /** Milliseconds since some moment. It never leaps. */
  readonly elapsed: () => number
}

/** Smaller differences are drift, or a slow network. Milliseconds. */
const leap = 1000
const local: LocalClocks = { wall: () => Date.now(), elapsed: () => performance.now() }

/**
 * Estimates the store's time, so that instances agree although their clocks differ. Until a store with a clock of its own is measured, that
 * is the time of this machine. From then on it is a clock that never leaps, plus the measured offset.
 */
export class StoreClock {
  readonly #clocks: LocalClocks
  readonly #given: boolean
  #local: () => number
  #offset = 0
  /** Of `wall` to `elapsed`. */
  #wallOffset: number
  #measured = false

  /** `given`: the clock to use instead, in tests; `null`: the store's. */
  constructor (given: (() => number) | null, clocks = local) {
    this.#clocks = clocks
    this.#given = given !== null
    this.#local = given ?? clocks.wall
    this.#wallOffset = clocks.wall() - clocks.elapsed()
  }

  now (): number {
    return this.#local() + this.#offset
  }

  /**
   * Measures the store's clock. Returns by how many milliseconds it has leapt since the last time; without a clock of its own, a store uses
   * that of this machine. 0: not by more than a second.
   */
  async measure (store: Store): Promise<number> {
    if (this.#given) return 0
    const { wall, elapsed } = this.#clocks
    if (store.now === undefined) {
      const moved = wall() - elapsed() - this.#wallOffset
      this.#wallOffset += moved
      return toLeap(moved)
    }
    const before = elapsed()
    const there = await store.now()
    const after = elapsed()
    const first = !this.#measured
    const offset = Math.round(there - (before + after) / 2)
    const moved = offset - this.#offset
    // a difference below half the round trip is within the error of the measurement
    if (first || Math.abs(moved) > (after - before) / 2) this.#offset = offset
    if (first) this.#local = () => Math.floor(elapsed())
    this.#measured = true
    return first ? 0 : toLeap(moved)
  }
}

function toLeap (moved: number): number {
  return Math.abs(moved) > leap ? Math.round(moved) : 0
}
