import { ExpiryHeap } from './expiry-heap.ts'
import type { Scheduled } from './expiry-heap.ts'

interface AdoptedMark extends Scheduled {
  readonly key: string
  readonly id: string
}

/** The adopted credentials of other libraries, each with the session that adopted it. */
export class AdoptedCredentials {
  readonly #byKey = new Map<string, AdoptedMark>()
  readonly #schedule = new ExpiryHeap<AdoptedMark>()

  /** Returns the id of the session that adopted a credential. */
  get (key: string): string | undefined { return this.#byKey.get(key)?.id }

  /** Records that a session has adopted a credential, until a timestamp. */
  add (key: string, id: string, until: number): void {
    const mark = { key, id, slot: 0 }
    this.#byKey.set(key, mark)
    this.#schedule.add(mark, until)
  }

  /** Deletes the mark that is due first, if it is due by `now`. */
  dropOldest (now: number): boolean {
    const mark = this.#schedule.next(now)
    if (mark === undefined) return false
    this.#byKey.delete(mark.key)
    this.#schedule.remove(mark)
    return true
  }
}
