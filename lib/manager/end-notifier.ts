import { callListeners } from '../async.ts'
import type { SessionEventEmitter } from '../events/emitter.ts'
import { toEndedEvent } from '../events/events.ts'
import type { EndedSession } from '../model/record.ts'
import { isBlockId } from '../token/token.ts'

type Listener = (session: EndedSession) => void

/** Maximum number of own ends that are remembered until the store sends them back. */
const maxOwnEnds = 10_000

/** Publishes ends of sessions: emits `ended` for those that this instance ended, and notifies remote listeners of all others. */
export class EndNotifier {
  readonly #events: SessionEventEmitter
  readonly #echoes: boolean
  readonly #onError: (error: unknown) => void
  readonly #ownEnds = new Set<string>()
  readonly #listeners = new Set<Listener>()
  readonly #remoteListeners = new Set<Listener>()

  /** `echoes`: the store also notifies this instance of its own ends. `onError` receives errors and rejections of listeners. */
  constructor (events: SessionEventEmitter, { echoes, onError }: { readonly echoes: boolean, readonly onError: (error: unknown) => void }) {
    this.#events = events
    this.#echoes = echoes
    this.#onError = onError
  }

  /** Emits `ended` for sessions that this instance has ended. `max`: the limit that a login exceeded, if that evicted some of them. */
  ended (sessions: readonly EndedSession[], max?: number): void {
    for (const session of sessions) {
      this.#events.emit(toEndedEvent(session, max))
      callListeners(this.#listeners, session, this.#onError)
    }
    if (!this.#echoes) return
    if (this.#ownEnds.size > maxOwnEnds) this.#ownEnds.clear()
    for (const { id } of sessions) this.#ownEnds.add(id)
  }

  /** Notifies remote listeners of an end that the store reports, unless this instance ended the session. */
  endedRemotely (session: EndedSession): void {
    if (this.#ownEnds.delete(session.id) || isBlockId(session.id)) return
    callListeners(this.#remoteListeners, session, this.#onError)
  }

  /** Registers a listener for ends of this instance. */
  onEnd (listener: Listener): void {
    this.#listeners.add(listener)
  }

  /** Registers a listener for ends on other instances. Returns a function that removes it. */
  onRemoteEnd (listener: Listener): () => void {
    this.#remoteListeners.add(listener)
    return () => { this.#remoteListeners.delete(listener) }
  }
}
