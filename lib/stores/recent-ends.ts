import type { EndedSession } from '../model/record.ts'
import type { EndWhy } from '../store.ts'

const kept = 15 * 60_000
const most = 20_000

/**
 * What this node ended in the last 15 minutes. A failover to a standby that lags, or a crash without synchronous commits, can bring back
 * what was acknowledged as ended: it is refused here meanwhile, and ended again there. Expired sessions end by themselves.
 */
export class RecentEnds {
  readonly #ends = new Map<string, { readonly session: EndedSession, readonly at: number }>()

  /** @param now on a clock that never jumps, milliseconds */
  add (ended: readonly EndedSession[], now = performance.now()): void {
    for (const session of ended) {
      if (session.reason !== 'idle' && session.reason !== 'absolute') this.#ends.set(session.id, { session, at: now })
    }
    for (const [id, { at }] of this.#ends) {
      if (now - at < kept && this.#ends.size <= most) break
      this.#ends.delete(id)
    }
  }

  get (id: string): EndedSession | undefined {
    return this.#ends.get(id)?.session
  }

  /** In groups that ended for one reason, by one hand, at most 500 each. */
  groups (now = performance.now()): { readonly ids: readonly string[], readonly why: EndWhy }[] {
    this.add([], now)
    const groups: { ids: string[], why: EndWhy }[] = []
    const open = new Map<string, { ids: string[], why: EndWhy }>()
    for (const [id, { session: { reason, by } }] of this.#ends) {
      const key = JSON.stringify([reason, by])
      let group = open.get(key)
      if (group === undefined || group.ids.length === 500) {
        group = { ids: [], why: { reason, by } }
        open.set(key, group)
        groups.push(group)
      }
      group.ids.push(id)
    }
    return groups
  }
}
