import type { Awaitable } from '../async.ts'
import { expiresAt, expiryReason, hasEnded, toEnded } from '../model/record.ts'
import type { EndedSession, EndReason, SessionRecord } from '../model/record.ts'

type Listener = (session: EndedSession) => void

/** One session that somebody waits for the end of. */
interface Watched {
  record: SessionRecord
  readonly listeners: Set<Listener>
  timer: NodeJS.Timeout | undefined
}

/** The longest a session of another process goes without a look, in milliseconds, where the store does not tell. */
const pollEvery = 1000

export interface EndingsOptions {
  readonly read: (id: string) => Awaitable<SessionRecord | EndedSession | null>
  readonly now: () => number
  /** The store tells what other processes end, or there are none. */
  readonly told: boolean
}

/** Waits for the ends of sessions, for sockets that must close with them. While somebody listens, a timer looks again when the session is due. */
export class Endings {
  readonly #watched = new Map<string, Watched>()
  readonly #options: EndingsOptions

  constructor (options: EndingsOptions) {
    this.#options = options
  }

  /** Calls back once, when the session ends. Returns what stops it. */
  listen (record: SessionRecord, listener: Listener): () => void {
    let watched = this.#watched.get(record.id)
    if (watched === undefined) {
      watched = { record, listeners: new Set(), timer: undefined }
      this.#watched.set(record.id, watched)
      this.#arm(watched)
    }
    const { listeners } = watched
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#drop(record.id)
    }
  }

  /** A session has ended. */
  tell (session: EndedSession): void {
    const watched = this.#watched.get(session.id)
    if (watched === undefined) return
    this.#drop(session.id)
    for (const listener of watched.listeners) listener(session)
  }

  /** A session is refused here, although nobody could write that it has ended. */
  end (id: string, why: { readonly reason: EndReason, readonly by: string | null }): void {
    const watched = this.#watched.get(id)
    if (watched !== undefined) this.tell(toEnded(watched.record, { ...why, at: this.#options.now() }))
  }

  /** Looks at every session: something may have been missed. */
  checkAll (): void {
    for (const watched of this.#watched.values()) void this.#check(watched)
  }

  close (): void {
    for (const id of this.#watched.keys()) this.#drop(id)
  }

  #arm (watched: Watched): void {
    const left = Math.max(expiresAt(watched.record) - this.#options.now(), 0) + 1
    watched.timer = setTimeout(() => { void this.#check(watched) }, Math.min(left, this.#options.told ? 0x7fffffff : pollEvery))
    watched.timer.unref()
  }

  async #check (watched: Watched): Promise<void> {
    clearTimeout(watched.timer)
    const { record } = watched
    const found = await this.#read(record)
    if (this.#watched.get(record.id) !== watched) return
    if (!hasEnded(found)) {
      watched.record = found
      this.#arm(watched)
    } else {
      this.tell(found)
    }
  }

  /** What has become of it. A store that fails says nothing; one that knows nothing of it says that it expired. */
  async #read (record: SessionRecord): Promise<SessionRecord | EndedSession> {
    try {
      return await this.#options.read(record.id) ?? toEnded(record, { reason: expiryReason(record), by: null, at: this.#options.now() })
    } catch {
      return { ...record, lastSeenAt: Math.max(record.lastSeenAt, this.#options.now() - record.idle + pollEvery) }
    }
  }

  #drop (id: string): void {
    clearTimeout(this.#watched.get(id)?.timer)
    this.#watched.delete(id)
  }
}
