import { Latency } from './latency.ts'

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
