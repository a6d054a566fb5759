import { expiresAt, expiryReason, toEnded } from '../../model/record.ts'
import type { EndedSession } from '../../model/record.ts'
import type { EndCause } from '../../store.ts'
import type { History } from './history.ts'
import type { Entry, LiveSessions } from './live-sessions.ts'

/** Live and ended sessions together, up to a cap: how one becomes the other, and what goes to make room. */
export class Capacity {
  /** The largest number of ended sessions that the store remembers of a user. */
  keepPerUser = 0
  readonly #max: number
  readonly #live: LiveSessions
  readonly #history: History

  constructor (max: number, { live, history }: { readonly live: LiveSessions, readonly history: History }) {
    this.#max = max
    this.#live = live
    this.#history = history
  }

  /** Nothing could go to make room for one more. */
  isFull (now: number): boolean {
    return this.#live.size >= this.#max && this.#live.guests === 0 && this.#history.size === 0 && this.#nextExpired(now) === undefined
  }

  /** Makes room for one more: history goes first, then sessions that have expired anyway, then guests. Returns what ended. */
  makeRoom (now: number): EndedSession[] {
    const ended: EndedSession[] = []
    while (this.#live.size + this.#history.size >= this.#max) {
      if (this.#history.dropOldest(Infinity)) continue
      const expired = this.#nextExpired(now)
      ended.push(expired === undefined
        ? this.remove(this.#live.oldestGuest as Entry, { reason: 'evicted', by: null }, now)
        : this.expire(expired))
    }
    return ended
  }

  /** A session that was seen since it was scheduled is due later: whether this one is. */
  postpone (entry: Entry, now: number): boolean {
    const deadline = expiresAt(entry.record)
    if (deadline <= now) return false
    this.#live.schedule.move(entry, deadline)
    return true
  }

  /** Ends a session that is past its deadline, as of then. */
  expire (entry: Entry): EndedSession {
    return this.remove(entry, { reason: expiryReason(entry.record), by: null }, expiresAt(entry.record))
  }

  /** Ends a session. Of a user's, history remembers it; guests leave nothing. */
  remove (entry: Entry, why: EndCause, at: number): EndedSession {
    const { record } = entry
    this.#live.remove(entry)
    const ended = toEnded(record, { ...why, at })
    if (record.userId !== null && this.keepPerUser > 0) this.#history.add(ended, record.userId, this.keepPerUser)
    return ended
  }

  #nextExpired (now: number): Entry | undefined {
    for (;;) {
      const entry = this.#live.schedule.next(now)
      if (entry === undefined || !this.postpone(entry, now)) return entry
    }
  }
}
