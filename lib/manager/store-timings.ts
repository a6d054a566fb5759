import { callListeners } from '../async.ts'
import type { GuardedStore } from '../stores/wrappers/guarded-store.ts'

type Listener = (operation: string, duration: number) => void

/**
 * Measures how long store operations take, and keeps the last 1,024 durations (8 KiB). Operations of a store in this process are measured
 * only once there is a listener, because two readings of the clock would cost more than the operation.
 */
export class StoreTimings {
  readonly #store: Pick<GuardedStore, 'observer'>
  readonly #durations = new Float64Array(1024)
  readonly #listeners = new Set<Listener>()
  readonly #onError: (error: unknown) => void
  #count = 0

  /** `onError` receives the errors of listeners. */
  constructor (store: Pick<GuardedStore, 'observer' | 'scope'>, onError: (error: unknown) => void) {
    this.#store = store
    this.#onError = onError
    if (store.scope !== 'process') this.#observe()
  }

  /** 99th percentile of the last durations in milliseconds, to a tenth; `null` if none was measured. */
  get p99 (): number | null {
    const sorted = this.#durations.slice(0, this.#count).sort()
    const value = sorted[Math.ceil(sorted.length * 0.99) - 1]
    return value === undefined ? null : Math.round(value * 10) / 10
  }

  /** Registers a listener for each duration, in milliseconds. Returns a function that removes it. */
  listen (listener: Listener): () => void {
    this.#observe()
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  #observe (): void {
    this.#store.observer ??= (operation, duration) => {
      this.#durations[this.#count++ % this.#durations.length] = duration
      // no closure without a listener: this runs with each operation
      if (this.#listeners.size > 0) {
        callListeners([...this.#listeners].map(listener => () => { listener(operation, duration) }), undefined, this.#onError)
      }
    }
  }
}
