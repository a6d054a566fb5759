import { Timer, yieldToEventLoop } from '../async.ts'
import { SessionError } from '../errors.ts'
import { isBlockId } from '../token/token.ts'
import type { ManagerCore } from './core.ts'
import { remeasure } from './resources.ts'

const batchSize = 200

/** Ends expired sessions and deletes old history, by a timer and on request. */
export class Cleanup {
  readonly #core: ManagerCore
  readonly #timer: Timer<number | Error>

  constructor (core: ManagerCore) {
    this.#core = core
    // jittered, so that the instances of a cluster do not clean up together
    this.#timer = new Timer(() => this.#cleanUp(), { delay: () => core.options.cleanupInterval * (0.9 + Math.random() * 0.2) })
  }

  start (): void {
    this.#timer.start()
  }

  async stop (): Promise<void> {
    await this.#timer.stop()
  }

  /** Cleans up now, or joins a run in flight. Returns how many sessions expired. Rejects with `FST_SESSION_STORE_UNAVAILABLE`. */
  async run (): Promise<number> {
    const expired = await this.#timer.run()
    if (expired instanceof Error) throw new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: expired })
    return expired
  }

  /** Returns a failure instead of throwing it: the guarded store has emitted it, and the timer tries again. */
  async #cleanUp (): Promise<number | Error> {
    const { options, clock, events, store, activity, successors } = this.#core
    await remeasure(this.#core, store)
    const startedAt = clock.now()
    successors.forget(startedAt - options.policy.minOverlap)
    await activity.flush(startedAt)
    let expired
    try {
      expired = await this.#endExpired()
    } catch (error) {
      return error as Error
    }
    events.emit({ type: 'cleanup', at: clock.now(), id: null, userId: null, ended: expired, duration: clock.now() - startedAt })
    return expired
  }

  async #endExpired (): Promise<number> {
    const { store, notifier } = this.#core
    let total = 0
    for (let more = true; more;) {
      const result = await store.cleanup(batchSize)
      // a mark that blocks legacy credentials is no session
      const ended = result.ended.filter(({ id }) => !isBlockId(id))
      notifier.ended(ended)
      total += ended.length
      more = result.more
      // requests are served between two batches
      if (more) await yieldToEventLoop()
    }
    return total
  }
}
