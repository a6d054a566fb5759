import { ExpiryHeap } from './expiry-heap.ts'
import type { Scheduled } from './expiry-heap.ts'

interface AdoptedMark extends Scheduled {
  readonly key: string
  readonly id: string
}

/** Which credentials of other libraries were adopted, and by which sessions. */
export class AdoptedCredentials {
  readonly #byKey = new Map<string, AdoptedMark>()
  readonly #schedule = new ExpiryHeap<AdoptedMark>()

  /** The id of the session that adopted a credential. */
  get (key: string): string | undefined { return this.#byKey.get(key)?.id }

  /** Remembers, until a timestamp, that a session has adopted a credential. */
  add (key: string, id: string, until: number): void {
    const mark = { key, id, slot: 0 }
    this.#byKey.set(key, mark)
    this.#schedule.add(mark, until)
  }

  /** Forgets the mark that is due first, if it is due by `now`. */
  dropOldest (now: number): boolean {
    const mark = this.#schedule.next(now)
    if (mark === undefined) return false
    this.#byKey.delete(mark.key)
    this.#schedule.remove(mark)
    return true
  }
}
