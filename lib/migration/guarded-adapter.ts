import { isThenable } from '../async.ts'
import type { Awaitable } from '../async.ts'
import type { LegacyAdapter, LegacySession, MirroredSession } from './adapter.ts'
import type { RequestCookies } from './cookies.ts'

export interface GuardedAdapterOptions {
  /** Milliseconds that a verb may take. */
  readonly timeout: number
  /** Told of the first failure of a row, then of each hundredth. */
  readonly onFailure: (operation: string, error: unknown, count: number) => void
}

const failuresUntilOpen = 5
const probeEvery = 1000

/** An adapter whose verbs answer in time: after five failures in a row they fail at once, but for one a second. */
export class GuardedAdapter {
  readonly adapter: LegacyAdapter
  readonly #options: GuardedAdapterOptions
  #unreadable = 0
  #failures = 0
  #probedAt = 0

  constructor (adapter: LegacyAdapter, options: GuardedAdapterOptions) {
    this.adapter = adapter
    this.#options = options
  }

  /** An adapter that cannot read a cookie does not take the request with it. */
  match (cookies: RequestCookies): string | false | null {
    try {
      return this.adapter.match(cookies)
    } catch (error) {
      // visitors choose their cookies: what they send must not make the old store look down
      if (this.#unreadable++ % 100 === 0) this.#options.onFailure('match', error, this.#unreadable)
      return false
    }
  }

  load (credential: string): Promise<LegacySession | null> { return this.#guard('load', () => this.adapter.load(credential)) }
  async retire (credential: string): Promise<void> { await this.#guard('retire', () => this.adapter.retire?.(credential)) }
  async mirror (credential: string, session: MirroredSession): Promise<void> { await this.#guard('mirror', () => this.adapter.mirror?.(credential, session)) }

  async #guard <T>(operation: string, verb: () => Awaitable<T>): Promise<T> {
    const now = performance.now()
    if (this.#failures >= failuresUntilOpen && now - this.#probedAt < probeEvery) throw new Error('the old store is failing')
    this.#probedAt = now
    try {
      const result = verb()
      const value = isThenable(result) ? await this.#inTime(result) : result
      this.#failures = 0
      return value
    } catch (error) {
      if (this.#failures++ % 100 === 0) this.#options.onFailure(operation, error, this.#failures)
      throw error
    }
  }

  async #inTime <T>(result: PromiseLike<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { reject(new Error(`no answer within ${this.#options.timeout} ms`)) }, this.#options.timeout)
    })
    try {
      return await Promise.race([result, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
