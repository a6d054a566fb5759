import type { EndedSession } from '../../model/record.ts'
import { ShardedMap } from './sharded-map.ts'
import { SortedList } from './sorted-list.ts'
import type { SortKey } from './sorted-list.ts'

export const endedPlace: SortKey<EndedSession> = { at: session => session.endedAt, id: session => session.id }

/** Ended sessions: by id, by user, and by end time. */
export class History {
  readonly #byId = new ShardedMap<EndedSession>()
  /** One session or several: most users have one, and an array for each would cost as much as its content. */
  readonly #byUser = new ShardedMap<EndedSession | readonly EndedSession[]>()
  readonly all = new SortedList(endedPlace)

  get size (): number { return this.#byId.size }

  get (id: string): EndedSession | undefined { return this.#byId.get(id) }

  /** Returns a user's ended sessions. */
  of (userId: string): readonly EndedSession[] {
    return listOf(this.#byUser.get(userId) ?? [])
  }

  /** Stores an ended session, and at most the `max` latest ones of its user. */
  add (session: EndedSession, userId: string, max: number): void {
    this.#byId.set(session.id, session)
    this.all.add(session)
    const before = this.#byUser.get(userId)
    if (before === undefined) {
      this.#byUser.set(userId, session)
      return
    }
    const sessions = [...listOf(before), session]
    this.#byUser.set(userId, sessions)
    if (sessions.length > max) this.#drop(sessions.reduce((a, b) => b.endedAt < a.endedAt ? b : a))
  }

  /** Deletes the session that ended first, if it ended by `until`. */
  dropOldest (until: number): boolean {
    const { first } = this.all
    if (first === undefined || first.endedAt > until) return false
    this.#drop(first)
    return true
  }

  /** Deletes the records of a user. */
  deleteUser (userId: string): void {
    for (const session of this.of(userId)) this.#drop(session)
  }

  #drop (session: EndedSession): void {
    const userId = session.userId as string
    this.#byId.delete(session.id)
    this.all.remove(session)
    this.#keep(userId, this.of(userId).filter(other => other !== session))
  }

  #keep (userId: string, sessions: readonly EndedSession[]): void {
    const [first] = sessions
    if (first === undefined) this.#byUser.delete(userId)
    else this.#byUser.set(userId, sessions.length === 1 ? first : sessions)
  }
}

function listOf (sessions: EndedSession | readonly EndedSession[]): readonly EndedSession[] {
  return 'id' in sessions ? [sessions] : sessions
}
