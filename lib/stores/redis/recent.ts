import type { EndedSession } from '../../model/record.ts'

/** How long an end is remembered here. Milliseconds. */
const kept = 15 * 60_000
const most = 10_000

/**
 * What this process ended of late. A failover to a replica that lags, or a restart from an older snapshot, can bring back what was
 * acknowledged as ended: it is refused here meanwhile, and ended again there.
 */
export class RecentEnds {
  readonly #ends = new Map<string, EndedSession>()

  add (ended: readonly EndedSession[]): void {
    for (const session of ended) {
      this.#ends.set(session.id, session)
      if (this.#ends.size > most) this.#ends.delete(this.#ends.keys().next().value as string)
    }
  }

  get (id: string): EndedSession | undefined {
    return this.#ends.get(id)
  }

  /** Those of the last 15 minutes; older ones are forgotten. */
  all (now: number): EndedSession[] {
    for (const { id, endedAt } of this.#ends.values()) if (endedAt < now - kept) this.#ends.delete(id)
    return [...this.#ends.values()]
  }
}
