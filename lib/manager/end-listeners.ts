import { callListeners } from '../async.ts'
import { expiresAt, expiryReason, hasEnded, toEnded } from '../model/record.ts'
import type { EndedSession, EndReason, SessionRecord } from '../model/record.ts'
import type { Store } from '../store.ts'
import { toEndListenerWarning } from './resources.ts'
import type { ManagerResources } from './resources.ts'
import type { StoreClock } from './store-clock.ts'

type Listener = (session: EndedSession) => unknown

/** A session whose end has listeners. */
interface WatchedSession {
  record: SessionRecord
  readonly listeners: Set<Listener>
  timer: NodeJS.Timeout | undefined
}

/** Interval between reads of a watched session if the store does not report the ends of other processes, or has failed. Milliseconds. */
const pollInterval = 1000
/** The longest delay of a timer. */
const maxDelay = 0x7fffffff

/**
 * Notifies listeners of the end of single sessions, for sockets that must close with their session. Ends by this instance, and those that
 * the store reports, are notified at once. A timer reads the session again when it is due to expire.
 */
export class EndListeners {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #interval: number
  readonly #onError: (error: unknown) => void
  readonly #watched = new Map<string, WatchedSession>()

  constructor ({ store, clock, notifier, options }: ManagerResources) {
    this.#onError = toEndListenerWarning(options)
    this.#store = store
    this.#clock = clock
    this.#interval = store.scope === 'process' || store.subscribe !== undefined ? maxDelay : pollInterval
    notifier.onEnd(session => { this.notify(session) })
    notifier.onRemoteEnd(session => { this.notify(session) })
  }

  /**
   * Registers a listener that is called once, when the session ends, or soon if it has ended since the record was read. Returns a function
   * that removes it.
   */
  listen (record: SessionRecord, listener: Listener): () => void {
    let watched = this.#watched.get(record.id)
    if (watched === undefined) {
      watched = { record, listeners: new Set(), timer: undefined }
      this.#watched.set(record.id, watched)
      // the caller may have awaited something since it read the record, and a cache may have had an old one
      void this.#check(watched)
    }
    const { listeners } = watched
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#drop(record.id)
    }
  }

  /** Notifies the listeners of a session that has ended, and removes them. */
  notify (session: EndedSession): void {
    const watched = this.#watched.get(session.id)
    if (watched === undefined) return
    this.#drop(session.id)
    callListeners(watched.listeners, session, this.#onError)
  }

  /** Notifies the listeners of a session that this instance refuses, although its end could not be written to the store. */
  end (id: string, cause: { readonly reason: EndReason, readonly by: string | null }): void {
    const watched = this.#watched.get(id)
    if (watched !== undefined) this.notify(toEnded(watched.record, { ...cause, at: this.#clock.now() }))
  }

  /** Reads every watched session, because the store may have lost reports. */
  recheckAll (): void {
    for (const watched of this.#watched.values()) void this.#check(watched)
  }

  /** Removes all listeners without notifying them. */
  close (): void {
    for (const id of this.#watched.keys()) this.#drop(id)
  }

  /** Starts the timer. `left`: milliseconds until the session is due to expire. If it is due but live in the store, the clocks differ. */
  #arm (watched: WatchedSession, left = expiresAt(watched.record) - this.#clock.now()): void {
    watched.timer = setTimeout(() => { void this.#check(watched) }, Math.min(left < 0 ? pollInterval : left + 1, this.#interval))
    watched.timer.unref()
  }

  async #check (watched: WatchedSession): Promise<void> {
    clearTimeout(watched.timer)
    const { record } = watched
    const found = await this.#read(record)
    if (this.#watched.get(record.id) !== watched) return
    clearTimeout(watched.timer)
    if (found === null) {
      this.#arm(watched, pollInterval)
    } else if (!hasEnded(found)) {
      watched.record = found
      this.#arm(watched)
    } else {
      this.notify(found)
    }
  }

  /**
   * Returns the session's current state; `null`: the store failed. If the store has no record of a session that is not due to expire, the
   * session ended without history, as guests do.
   */
  async #read (record: SessionRecord): Promise<SessionRecord | EndedSession | null> {
    try {
      const found = await this.#store.read(record.id)
      if (found !== null) return found
    } catch {
      return null
    }
    const at = this.#clock.now()
    return toEnded(record, { reason: at < expiresAt(record) ? 'revoked' : expiryReason(record), by: null, at })
  }

  #drop (id: string): void {
    clearTimeout(this.#watched.get(id)?.timer)
    this.#watched.delete(id)
  }
}
