import { pagesOf } from '../async.ts'
import { isUnavailable, SessionError } from '../errors.ts'
import type { EndedSession, EndReason } from '../model/record.ts'
import type { EndCause, EndResult, EndSelector, Store } from '../store.ts'
import type { ManagerCore } from './core.ts'
import type { EndListeners } from './end-listeners.ts'
import type { EndNotifier } from './end-notifier.ts'
import type { PendingRevocations } from './pending-revocations.ts'

/** How to end sessions. */
export interface EndOptions {
  /** Default `revoked`. */
  readonly reason?: EndReason
  /** The actor: `user`, `admin`, an id of yours; at most 64 characters. */
  readonly by?: string
}

/** How to end the sessions that match a filter. */
export interface BulkEndOptions extends EndOptions {
  /** Maximum number of sessions that one call examines. Default 500. */
  readonly limit?: number
  /** From the result of the previous call. */
  readonly cursor?: string | null
}

/** Ends sessions, and notifies listeners. */
export class Revoker {
  readonly #store: Store
  readonly #notifier: EndNotifier
  readonly #listeners: EndListeners
  readonly #pending: PendingRevocations
  readonly #userListeners = new Set<(userId: string) => Promise<void>>()

  constructor ({ store, notifier, listeners, pending }: ManagerCore) {
    this.#store = store
    this.#notifier = notifier
    this.#listeners = listeners
    this.#pending = pending
  }

  /** Ends the sessions that a selector finds. Rejects with the store's errors. */
  async end (selector: EndSelector, options: EndOptions): Promise<EndResult> {
    const result = await this.#store.end(selector, toCause(options))
    this.#notifier.ended(result.ended)
    return result
  }

  /**
   * Ends the named sessions, and returns those that were live. If the store fails, this instance refuses the sessions from now on and
   * retries, and the promise rejects with `FST_SESSION_REVOCATION_PENDING`.
   */
  async revokeReliably (ids: readonly string[], options: EndOptions): Promise<readonly EndedSession[]> {
    try {
      return (await this.end({ ids }, options)).ended
    } catch (error) {
      if (!isUnavailable(error)) throw error
      const cause = toCause(options)
      this.#pending.add(ids, cause)
      // sockets must close, too, because this instance refuses the session from now on
      for (const id of ids) this.#listeners.end(id, cause)
      throw new SessionError('FST_SESSION_REVOCATION_PENDING', { cause: error })
    }
  }

  /** Ends all sessions of a user but `except`, after every listener has resolved. Rejects with the store's and the listeners' errors. */
  async revokeUser (userId: string, { except, ...options }: EndOptions & { readonly except?: string }): Promise<readonly EndedSession[]> {
    for (const listener of this.#userListeners) await listener(userId)
    const ended: EndedSession[] = []
    const selector = except === undefined ? { userId } : { userId, except }
    for await (const step of pagesOf(cursor => this.end(cursor === null ? selector : { ...selector, cursor }, options))) {
      ended.push(...step.ended)
    }
    return ended
  }

  /** Registers a listener that runs before all sessions of a user end. Returns a function that removes it. */
  onRevokeUser (listener: (userId: string) => Promise<void>): () => void {
    this.#userListeners.add(listener)
    return () => { this.#userListeners.delete(listener) }
  }
}

/** Returns the cause that the store records. */
export function toCause ({ reason = 'revoked', by = null }: { readonly reason?: EndReason, readonly by?: string | null }): EndCause {
  return { reason, by }
}
