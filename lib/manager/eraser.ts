import { shardOf } from '../token/token.ts'
import type { StatisticsCollector } from '../statistics/collector.ts'
import type { Store } from '../store.ts'
import type { ManagerCore } from './core.ts'
import type { Revoker } from './revoker.ts'
import type { StoreClock } from './store-clock.ts'

/** The actor in the record of a session that an erasure ended. Other instances then delete the user from their memory. */
const by = 'forget-user'

/** Deletes the data of a user from the store and from this process, for requests of erasure (GDPR Art. 17). */
export class Eraser {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #statistics: StatisticsCollector
  readonly #revoker: Revoker
  readonly #listeners = new Set<(userId: string) => void>()

  constructor ({ store, clock, statistics, notifier }: ManagerCore, revoker: Revoker) {
    this.#store = store
    this.#clock = clock
    this.#statistics = statistics
    this.#revoker = revoker
    notifier.onRemoteEnd(session => {
      const { userId } = session
      // after the other listeners of this end
      if (session.by === by && userId !== null) queueMicrotask(() => { this.#forgetHere(userId) })
    })
  }

  /** As `SessionManager.forgetUser`. */
  async forget (userId: string): Promise<void> {
    await this.#revoker.revokeUser(userId, { by })
    this.#forgetHere(userId)
    await this.#statistics.forgetStored({ userId, userHash: shardOf(userId) }, this.#clock.now())
    // last: other processes that share a file read the ends of these sessions until then
    await this.#store.deleteHistory(userId)
  }

  /** Registers a listener that deletes a user from memory. Returns a function that removes it. */
  onForget (listener: (userId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  #forgetHere (userId: string): void {
    this.#statistics.forget({ userId, userHash: shardOf(userId) })
    for (const listener of this.#listeners) listener(userId)
  }
}
