import type { Awaitable } from '../async.ts'
import { CircuitBreaker } from '../stores/circuit-breaker.ts'
import type { CircuitBreakerOptions } from '../stores/circuit-breaker.ts'
import { isExpired } from './adapter.ts'
import type { LegacyAdapter, LegacySession, MirroredSession } from './adapter.ts'
import type { RequestCookies } from './cookies.ts'

const probeInterval = 1000
/** Separates the credentials of one request. No cookie contains it. */
const separator = '\n'

export interface GuardedAdapterOptions extends Pick<CircuitBreakerOptions, 'timeout' | 'onFailure'> {
  readonly now: () => number
}

/** An adapter with a circuit breaker, so that an old store that is slow or down does not delay requests. */
export class GuardedAdapter {
  readonly adapter: LegacyAdapter
  readonly #breaker: CircuitBreaker
  readonly #onFailure: CircuitBreakerOptions['onFailure']
  readonly #now: () => number
  #unreadable = 0

  constructor (adapter: LegacyAdapter, options: GuardedAdapterOptions) {
    this.adapter = adapter
    this.#now = options.now
    const { timeout, onFailure } = options
    this.#breaker = new CircuitBreaker({ timeout, onFailure, probeInterval, now: performance.now.bind(performance) })
    this.#onFailure = options.onFailure
  }

  /**
   * As the method of the adapter. Several genuine credentials become one: their cookies differ in attributes that the app has changed. A
   * cookie that the adapter cannot read does not fail the request.
   */
  match (cookies: RequestCookies): string | false | null {
    try {
      const found = this.adapter.match(cookies)
      return found === false && cookies.rivals.length > 1 ? [...cookies.rivals].sort().join(separator) : found
    } catch (error) {
      // clients can send any cookie, which must not make the old store count as unavailable
      this.#reportUnreadable('match', error)
      return false
    }
  }

  /** Of several credentials, returns the session of the only live one. If several are live (cookie tossing), none is returned. */
  async load (credential: string): Promise<LegacySession | null> {
    if (credential.includes(separator)) return (await this.#onlyLive(credential))?.session ?? null
    return this.#call('load', () => this.adapter.load(credential))
  }

  /** Deletes the sessions of all credentials. */
  async retire (credential: string): Promise<void> {
    for (const text of credential.split(separator)) await this.#call('retire', () => this.adapter.retire?.(text))
  }

  async mirror (credential: string, session: MirroredSession): Promise<void> {
    // an ended session must not become live
    const text = credential.includes(separator) ? (await this.#onlyLive(credential))?.text : credential
    if (text !== undefined) await this.#call('mirror', () => this.adapter.mirror?.(text, session))
  }

  /** Runs an operation on one credential. If the credential is to blame for an error, returns `null`: the old store works. */
  async #call <T>(operation: string, run: () => Awaitable<T>): Promise<T | null> {
    return this.#breaker.call(operation, async () => {
      try {
        return await run()
      } catch (error) {
        if (!this.#isOfCredential(error)) throw error
        this.#reportUnreadable(operation, error)
        return null
      }
    })
  }

  /**
   * Returns whether an error comes from what a client sent, or from its one record: the adapter has no store that could fail, a value is
   * no JSON, or the database refuses the form of a value (SQLSTATE class 22, such as a text for a column of type `uuid`).
   */
  #isOfCredential (error: unknown): boolean {
    if (this.adapter.retire === undefined || error instanceof SyntaxError) return true
    const { code } = (error ?? {}) as { readonly code?: unknown }
    return typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code)
  }

  /** Reports the first unreadable credential and then every hundredth. */
  #reportUnreadable (operation: string, error: unknown): void {
    if (this.#unreadable++ % 100 === 0) this.#onFailure(operation, error, this.#unreadable)
  }

  async #onlyLive (credential: string): Promise<{ readonly text: string, readonly session: LegacySession } | null> {
    const live = []
    for (const text of credential.split(separator)) {
      const session = await this.#call('load', () => this.adapter.load(text))
      if (session !== null && !isExpired(session, this.#now())) live.push({ text, session: { ...session, key: session.key ?? text } })
    }
    const [first = null, second] = live
    return second === undefined ? first : null
  }
}
