import { expiresAt, expiryReason, toEnded } from '../../model/record.ts'
import type { EndedSession } from '../../model/record.ts'
import type { EndCause } from '../../store.ts'
import type { History } from './history.ts'
import type { Entry, LiveSessions } from './live-sessions.ts'

/** Bounds the number of live and ended sessions together. Ends sessions, and evicts others to make room. */
export class Capacity {
  /** Maximum number of ended-session records per user. */
  keepPerUser = 0
  readonly #max: number
  readonly #live: LiveSessions
  readonly #history: History

  constructor (max: number, { live, history }: { readonly live: LiveSessions, readonly history: History }) {
    this.#max = max
    this.#live = live
    this.#history = history
  }

  /** Returns whether no entry can be evicted to make room. */
  isFull (now: number): boolean {
    return this.#live.size >= this.#max && this.#live.guests === 0 && this.#history.size === 0 && this.#nextExpired(now) === undefined
  }

  /** Makes room for one more session: deletes history first, then expired sessions, then guests. Returns the ended sessions. */
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

  /** Reschedules a session that was seen since it was scheduled. Returns whether it is due later. */
  postpone (entry: Entry, now: number): boolean {
    const deadline = expiresAt(entry.record)
    if (deadline <= now) return false
    this.#live.schedule.move(entry, deadline)
    return true
  }

  /** Ends an expired session. Its end is the timestamp of its deadline. */
  expire (entry: Entry): EndedSession {
    return this.remove(entry, { reason: expiryReason(entry.record), by: null }, expiresAt(entry.record))
  }

  /** Ends a session. Only sessions of users have history. */
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
