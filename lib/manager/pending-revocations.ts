import { Timer } from '../async.ts'
import type { EndedSession, EndReason } from '../model/record.ts'
import type { EndWhy, Store } from '../store.ts'

/** Ends that could not be done because the store failed: refused on this node at once, and done as soon as the store is back. */
export class PendingEnds {
  readonly #store: Store
  readonly #onEnded: (ended: readonly EndedSession[]) => void
  readonly #ends = new Map<string, EndWhy>()
  #timer: Timer | null = null

  constructor (store: Store, onEnded: (ended: readonly EndedSession[]) => void) {
    this.#store = store
    this.#onEnded = onEnded
  }

  /** Why a session is refused although the store may still think it is live. */
  reasonFor (id: string): EndReason | undefined {
    return this.#ends.size === 0 ? undefined : this.#ends.get(id)?.reason
  }

  add (ids: readonly string[], why: EndWhy): void {
    for (const id of ids) this.#ends.set(id, why)
    this.#timer ??= new Timer(() => this.retry(), { delay: () => 1000 }).start()
  }

  /** Tries each again; those that fail stay. */
  async retry (): Promise<void> {
    for (const [id, why] of this.#ends) {
      try {
        const { ended } = await this.#store.end({ ids: [id] }, why)
        this.#ends.delete(id)
        this.#onEnded(ended)
      } catch {
        return // the store is still away
      }
    }
  }

  /** Tries a last time. */
  async close (): Promise<void> {
    await this.#timer?.stop()
    await this.retry()
  }
}
