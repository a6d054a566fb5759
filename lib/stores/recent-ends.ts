import type { EndedSession } from '../model/record.ts'
import type { EndCause } from '../store.ts'
import { unknownDevice } from '../model/device.ts'

const retention = 15 * 60_000
const maxEnds = 20_000
const maxGroup = 500

/**
 * The sessions that this process ended in the last 15 minutes. Three failures can restore sessions whose end the server had acknowledged: a
 * failover to a standby that lags, a restart from an older snapshot, and a crash without synchronous commits. Meanwhile this process
 * refuses these sessions, and ends them again on the server. Expired sessions need none of this: a restored one is still expired.
 */
export class RecentEnds {
  readonly #ends = new Map<string, { readonly session: EndedSession, readonly at: number }>()

  /** Adds ended sessions. */
  add (ended: readonly EndedSession[], now = performance.now()): void {
    for (const session of ended) {
      if (session.reason !== 'idle-timeout' && session.reason !== 'absolute-timeout') this.#ends.set(session.id, { session, at: now })
    }
    for (const [id, { at }] of this.#ends) {
      if (now - at < retention && this.#ends.size <= maxEnds) break
      this.#ends.delete(id)
    }
  }

  /** Deletes the fields that identify a user or a client; the ends themselves stay. */
  forgetUser (userId: string): void {
    for (const [id, { session, at }] of this.#ends) {
      if (session.userId !== userId) continue
      this.#ends.set(id, { session: { ...session, userId: null, ip: null, device: unknownDevice, deviceName: null }, at })
    }
  }

  get (id: string): EndedSession | undefined {
    return this.#ends.get(id)?.session
  }

  /** Returns the sessions that ended in the last 15 minutes, oldest first. */
  all (now = performance.now()): EndedSession[] {
    this.add([], now)
    return [...this.#ends.values()].map(({ session }) => session)
  }

  /** Returns their ids in groups of one cause, at most 500 ids each. */
  groups (now = performance.now()): { readonly ids: readonly string[], readonly why: EndCause }[] {
    const groups: { ids: string[], why: EndCause }[] = []
    const open = new Map<string, { ids: string[], why: EndCause }>()
    for (const { id, reason, by } of this.all(now)) {
      const key = JSON.stringify([reason, by])
      let group = open.get(key)
      if (group === undefined || group.ids.length === maxGroup) {
        group = { ids: [], why: { reason, by } }
        open.set(key, group)
        groups.push(group)
      }
      group.ids.push(id)
    }
    return groups
  }
}
