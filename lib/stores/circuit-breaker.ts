import { isThenable, withTimeout } from '../async.ts'
import type { Awaitable } from '../async.ts'
import { SessionError, withoutCredentials } from '../errors.ts'

export interface CircuitBreakerOptions {
  /** Milliseconds after which an operation counts as failed. */
  readonly timeout: number
  /** Milliseconds between two operations that may pass while the circuit is open. */
  readonly probeInterval: number
  /** This process's clock, milliseconds. */
  readonly now: () => number
  /** Receives the first failure in a row and then every hundredth, with the number of failures: an outage must not flood the log. */
  readonly onFailure: (operation: string, error: unknown, count: number) => void
  /** Is called when an operation succeeds after failures, with the milliseconds since the first of them. */
  readonly onRecovery?: (after: number) => void
}

const failuresUntilOpen = 5

/**
 * Bounds the cost of a failing store. An operation that takes longer than `timeout`, throws or rejects becomes
 * `FST_SESSION_STORE_UNAVAILABLE`. After five failures in a row the circuit is open: operations fail at once, and one for each
 * `probeInterval` passes to check whether the store works again. (By default clients wait for at least 5 seconds, some indefinitely, and
 * queue operations whose callers have timed out.)
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #failures = 0
  #failingSince = 0
  #probedAt = 0
  /** Receives the duration of each operation, in milliseconds. While it is `null`, no operation is timed. */
  observer: ((operation: string, duration: number) => void) | null = null

  constructor (options: CircuitBreakerOptions) {
    this.#options = options
  }

  /** Runs an operation, unless the circuit is open. */
  call <T>(operation: string, run: () => Awaitable<T>): Awaitable<T> {
    const startedAt = this.allow()
    let result
    try {
      result = run()
    } catch (error) {
      throw this.failed(operation, error)
    }
    return this.settle(operation, result, startedAt)
  }

  /**
   * Throws `FST_SESSION_STORE_UNAVAILABLE` while the circuit is open. Returns the time for `settle`. `allow`, `failed` and `settle` are
   * the parts of `call`, for callers on the request path that must not create a closure.
   */
  allow (): number {
    if (this.#failures >= failuresUntilOpen) this.#probe()
    return this.observer === null ? 0 : performance.now()
  }

  /** Returns the result of an operation that did not throw, or a promise that is bounded in time. */
  settle <T>(operation: string, result: Awaitable<T>, startedAt: number): Awaitable<T> {
    if (isThenable(result)) return this.#bounded(operation, result, startedAt)
    if (this.observer !== null) this.observer(operation, performance.now() - startedAt)
    if (this.#failures > 0) this.succeeded()
    return result
  }

  /** Closes the circuit. */
  succeeded (): void {
    this.#failures = 0
    this.#options.onRecovery?.(this.#options.now() - this.#failingSince)
  }

  /** Returns the error to throw. A refusal (an invalid filter, a full store) shows that the store works: it does not count as a failure. */
  failed (operation: string, error: unknown): SessionError {
    if (error instanceof SessionError && error.code !== 'FST_SESSION_STORE_UNAVAILABLE') return error
    if (this.#failures++ === 0) this.#failingSince = this.#options.now()
    if (this.#failures % 100 === 1) this.#options.onFailure(operation, error, this.#failures)
    return new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: withoutCredentials(error) })
  }

  async #bounded <T>(operation: string, result: PromiseLike<T>, startedAt: number): Promise<T> {
    let value
    try {
      value = await withTimeout(result, this.#options.timeout)
    } catch (error) {
      const failed = this.failed(operation, error)
      this.#observe(operation, startedAt)
      throw failed
    }
    if (this.#failures > 0) this.succeeded()
    this.#observe(operation, startedAt)
    return value
  }

  #observe (operation: string, startedAt: number): void {
    if (this.observer !== null) this.observer(operation, performance.now() - startedAt)
  }

  /** Lets the caller pass, or throws. */
  #probe (): void {
    const now = this.#options.now()
    if (now - this.#probedAt < this.#options.probeInterval && now >= this.#probedAt) throw new SessionError('FST_SESSION_STORE_UNAVAILABLE')
    this.#probedAt = now
  }
}
