import type { Events } from '../events/emitter.ts'
import type { EndedSession } from '../model/record.ts'
import type { Activity } from './activity.ts'
import type { Endings } from './end-listeners.ts'

/** So many ends of this node wait for the store to tell them back. */
const remembered = 10_000

/** Tells that sessions have ended: the app, sockets that must close with them, and whoever follows the other nodes. */
export class Announcer {
  readonly #events: Events
  readonly #elsewhere = new Set<(session: EndedSession) => void>()
  /** Ends of this node that the store may tell back. */
  readonly #told = new Set<string>()
  #parts: { readonly activity: Activity, readonly endings: Endings, readonly watched: boolean } | null = null

  constructor (events: Events) {
    this.#events = events
  }

  /** From now on there are sockets, and activity to forget. `watched`: the store tells what it was told. */
  attach (parts: { readonly activity: Activity, readonly endings: Endings, readonly watched: boolean }): void {
    this.#parts = parts
  }

  /** This node has ended sessions. */
  ended (ended: readonly EndedSession[]): void {
    for (const session of ended) {
      this.#parts?.activity.forget(session.id)
      this.#events.emit({ type: 'ended', at: session.endedAt, id: session.id, userId: session.userId, reason: session.reason, by: session.by, session })
      this.#parts?.endings.tell(session)
    }
    if (this.#parts?.watched !== true) return
    if (this.#told.size > remembered) this.#told.clear()
    for (const { id } of ended) this.#told.add(id)
  }

  /** The store tells of an end. */
  endedElsewhere (session: EndedSession): void {
    this.#parts?.endings.tell(session)
    // a network store tells a node's own ends, too
    if (this.#told.delete(session.id)) return
    for (const listener of this.#elsewhere) listener(session)
  }

  /** Listens to ends that other nodes tell. Returns what stops it. */
  onElsewhere (listener: (session: EndedSession) => void): () => void {
    this.#elsewhere.add(listener)
    return () => { this.#elsewhere.delete(listener) }
  }
}
