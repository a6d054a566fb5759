import { isUnavailable, SessionError } from '../errors.ts'
import type { EndedSession, EndReason } from '../model/record.ts'
import type { Ending, EndSelector, EndWhy, Store } from '../store.ts'
import type { Endings } from './end-listeners.ts'
import type { Announcer } from './end-notifier.ts'
import type { PendingEnds } from './pending-revocations.ts'

/** How to end sessions. */
export interface EndOptions {
  /** Default `revoked`. */
  readonly reason?: EndReason
  /** Who does it: `user`, `admin`, an id of yours; at most 64 characters. */
  readonly by?: string
}

export interface EnderOptions {
  readonly announcer: Announcer
  readonly endings: Endings
  readonly pending: PendingEnds
}

/** Ends sessions, and says so. */
export class Ender {
  readonly #store: Store
  readonly #options: EnderOptions

  constructor (store: Store, options: EnderOptions) {
    this.#store = store
    this.#options = options
  }

  /** Those that a selector finds. Throws what the store throws. */
  async end (selector: EndSelector, options: EndOptions): Promise<Ending> {
    const ending = await this.#store.end(selector, whyOf(options))
    this.#options.announcer.ended(ending.ended)
    return ending
  }

  /** Those that are named, for sure: what the store cannot do now is refused here, done later, and throws `FST_SESSION_NOT_DONE`. */
  async endSurely (ids: readonly string[], options: EndOptions): Promise<readonly EndedSession[]> {
    try {
      return (await this.end({ ids }, options)).ended
    } catch (error) {
      if (!isUnavailable(error)) throw error
      const why = whyOf(options)
      this.#options.pending.add(ids, why)
      // refused here from now on, so that sockets must not live on either
      for (const id of ids) this.#options.endings.end(id, why)
      throw new SessionError('FST_SESSION_NOT_DONE', { cause: error })
    }
  }
}

/** What the store is told. */
export function whyOf ({ reason = 'revoked', by = null }: { readonly reason?: EndReason, readonly by?: string | null }): EndWhy {
  return { reason, by }
}
