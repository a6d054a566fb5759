import { Timer } from '../../lib/async.ts'
import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'

/** The state of a session's expiry. */
export interface ExpiryWarning {
  readonly record: SessionRecord
  /** Whether the session is about to expire. */
  readonly expiring: boolean
}

interface Watched {
  readonly id: string
  readonly notify: (deadline: ExpiryWarning) => void
  /** Milliseconds before the expiry at which the session counts as about to expire. */
  readonly warning: number
  expiresAt: number
  near: boolean
}

export interface ExpiryWarningOptions {
  readonly get: (id: string) => Promise<SessionRecord | EndedSession | null>
  readonly now: () => number
  /** Milliseconds before the expiry at which the session counts as about to expire; at most half of its idle timeout. */
  readonly warning: number
  /** Milliseconds between two checks. */
  readonly every: number
}

/**
 * Notifies when a session is about to expire, and when it was extended by other tabs, other nodes or the user. A check extends nothing. A
 * session that is not about to expire costs one comparison per check.
 */
export class ExpiryWarnings {
  readonly #watched = new Set<Watched>()
  readonly #options: ExpiryWarningOptions
  readonly #timer: Timer

  constructor (options: ExpiryWarningOptions) {
    this.#options = options
    this.#timer = new Timer(() => this.#check(), { delay: () => options.every }).start()
  }

  /** Watches a session. Returns a function that stops it. */
  watch (record: SessionRecord, notify: Watched['notify']): () => void {
    const watched = {
      id: record.id,
      notify,
      warning: Math.min(this.#options.warning, record.idleTimeout / 2),
      expiresAt: expiresAt(record),
      near: false
    }
    this.#watched.add(watched)
    return () => { this.#watched.delete(watched) }
  }

  /** Checks now, or joins the current check; the next one is a full `every` later. */
  check (): Promise<void> { return this.#timer.run() }

  async close (): Promise<void> {
    this.#watched.clear()
    await this.#timer.stop()
  }

  async #check (): Promise<void> {
    for (const watched of this.#watched) {
      if (watched.expiresAt - this.#options.now() > watched.warning) continue
      try {
        this.#judge(watched, await this.#options.get(watched.id))
      } catch {
        return // a failing store does not show that sessions ended
      }
    }
  }

  #judge (watched: Watched, found: SessionRecord | EndedSession | null): void {
    // `onEnd` reports ends
    if (found === null || hasEnded(found) || !this.#watched.has(watched)) return
    const at = expiresAt(found)
    const near = at - this.#options.now() <= watched.warning
    const moved = near && at !== watched.expiresAt
    const changed = near !== watched.near || moved
    Object.assign(watched, { expiresAt: at, near })
    if (changed) watched.notify({ record: found, expiring: near })
  }
}
