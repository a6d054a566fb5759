import { Timer } from '../async.ts'
import type { EndReason } from '../model/record.ts'
import type { EndCause, Store } from '../store.ts'
import type { EndNotifier } from './end-notifier.ts'
import type { ManagerResources } from './resources.ts'

const retryInterval = 1000
/** About 10 MB. */
const maxPending = 50_000
/** How many revocations are in flight at a time. */
const parallel = 8
/** After this number of failures without a success between them, the store counts as down until the next round. */
const maxFailures = 24

/** Retries revocations that failed with the store. Until one succeeds, this instance refuses its session. */
export class PendingRevocations {
  readonly #store: Store
  readonly #notifier: EndNotifier
  readonly #warn: (message: string) => void
  readonly #causes = new Map<string, EndCause>()
  /** Creations without a result: no client has their tokens. */
  readonly #rollbacks = new Map<string, EndCause>()
  readonly #dropped = { rollbacks: 0, requested: 0 }
  #timer: Timer | null = null

  constructor ({ store, notifier, options }: ManagerResources) {
    this.#store = store
    this.#notifier = notifier
    this.#warn = options.warn
  }

  /** The number of pending revocations. */
  get size (): number { return this.#causes.size + this.#rollbacks.size }

  /** Returns why this instance refuses a session that the store may still have as live; `undefined` if it does not. */
  reasonFor (id: string): EndReason | undefined {
    return this.size === 0 ? undefined : (this.#causes.get(id) ?? this.#rollbacks.get(id))?.reason
  }

  /** Refuses sessions from now on, and starts to retry. Above the maximum, the oldest rollbacks are dropped first. */
  add (ids: readonly string[], cause: EndCause): void {
    const causes = cause.by === 'rollback' ? this.#rollbacks : this.#causes
    for (const id of ids) causes.set(id, cause)
    while (this.size > maxPending) this.#drop()
    this.#timer ??= new Timer(() => this.retry(), { delay: () => retryInterval }).start()
  }

  /** Tries each revocation again. Those that fail stay, and are tried after the others in the next round. */
  async retry (): Promise<void> {
    const ids = [...this.#causes.keys(), ...this.#rollbacks.keys()].values()
    let failures = 0
    const work = async (): Promise<void> => {
      for (const id of ids) {
        if (failures >= maxFailures) return
        failures = await this.#try(id) ? 0 : failures + 1
      }
    }
    await Promise.all(Array.from({ length: parallel }, work))
  }

  /** Stops the retries, and tries once more. */
  async close (): Promise<void> {
    await this.#timer?.stop()
    await this.retry()
  }

  async #try (id: string): Promise<boolean> {
    const causes = this.#causes.has(id) ? this.#causes : this.#rollbacks
    const cause = causes.get(id)
    if (cause === undefined) return true
    try {
      const { ended } = await this.#store.end({ ids: [id] }, cause)
      causes.delete(id)
      this.#notifier.ended(ended)
      return true
    } catch {
      // to the end of the queue
      if (causes.delete(id)) causes.set(id, cause)
      return false
    }
  }

  #drop (): void {
    const kind = this.#rollbacks.size > 0 ? 'rollbacks' : 'requested'
    const causes = kind === 'rollbacks' ? this.#rollbacks : this.#causes
    causes.delete(causes.keys().next().value as string)
    const dropped = ++this.#dropped[kind]
    // the first, and each time that the number has doubled
    if (!Number.isInteger(Math.log2(dropped))) return
    const consequence = kind === 'rollbacks' ? 'No client has their tokens; they expire.' : 'Their sessions may be accepted again.'
    this.#warn(`The store fails, and of more than ${maxPending} pending revocations ${dropped} were dropped. ${consequence}`)
  }
}
