import { Timer } from '../../lib/async.ts'
import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'

/** What has become of a session's end. */
export interface Deadline {
  readonly record: SessionRecord
  /** The end is near. */
  readonly near: boolean
}

interface Watched {
  readonly id: string
  readonly tell: (deadline: Deadline) => void
  /** Milliseconds before the end from which on it is near. */
  readonly warning: number
  expiresAt: number
  near: boolean
}

export interface DeadlineOptions {
  readonly get: (id: string) => Promise<SessionRecord | EndedSession | null>
  readonly now: () => number
  /** Milliseconds before the end from which on it is near; never more than half of the session's idle time. */
  readonly warning: number
  /** Milliseconds between two looks at the clock. */
  readonly every: number
}

/**
 * Tells when the end of a session comes near, and when it has moved away: whatever other tabs, other nodes and the user do in between.
 * Looking extends nothing. Sessions whose end is not near cost a comparison each time.
 */
export class Deadlines {
  readonly #watched = new Set<Watched>()
  readonly #options: DeadlineOptions
  readonly #timer: Timer

  constructor (options: DeadlineOptions) {
    this.#options = options
    this.#timer = new Timer(() => this.#look(), { delay: () => options.every }).start()
  }

  /** Tells from now on. Returns what stops it. */
  watch (record: SessionRecord, tell: Watched['tell']): () => void {
    const watched = { id: record.id, tell, warning: Math.min(this.#options.warning, record.idle / 2), expiresAt: expiresAt(record), near: false }
    this.#watched.add(watched)
    return () => { this.#watched.delete(watched) }
  }

  /** Looks now, or joins the look that is under way; the next one is a whole `every` later. */
  look (): Promise<void> { return this.#timer.run() }

  async close (): Promise<void> {
    this.#watched.clear()
    await this.#timer.stop()
  }

  async #look (): Promise<void> {
    for (const watched of this.#watched) {
      if (watched.expiresAt - this.#options.now() > watched.warning) continue
      try {
        this.#judge(watched, await this.#options.get(watched.id))
      } catch {
        return // a store that fails says nothing of anybody's end
      }
    }
  }

  #judge (watched: Watched, found: SessionRecord | EndedSession | null): void {
    // ends are told by whoever waits for them
    if (found === null || hasEnded(found) || !this.#watched.has(watched)) return
    const at = expiresAt(found)
    const near = at - this.#options.now() <= watched.warning
    const moved = near && at !== watched.expiresAt
    const changed = near !== watched.near || moved
    Object.assign(watched, { expiresAt: at, near })
    if (changed) watched.tell({ record: found, near })
  }
}
