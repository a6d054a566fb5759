import { inTime, isThenable } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import { SessionError, withoutCredentials } from '../../errors.ts'
import type { Filter } from '../../model/filter.ts'
import type { SessionRecord } from '../../model/record.ts'
import type { Change, CreateOptions, EndSelector, EndWhy, Expect, PageOptions, Slice, Store, StoreContext, StoreListener, StoreWatch, Touch } from '../../store.ts'

export interface GuardOptions {
  /** Milliseconds that a verb may take before it counts as failed. */
  readonly timeout: number
  /** This process's clock. */
  readonly now: () => number
  /** Told of each failure. */
  readonly onFailure: (operation: string, error: unknown) => void
  /** Told when a verb works again after failures, with the milliseconds since the first of them. */
  readonly onRecovery: (after: number) => void
}

const failuresUntilOpen = 5
const probeEvery = 250

/**
 * A store made of a store, that answers in time: a verb that takes longer than `timeout`, throws or rejects becomes
 * `FST_SESSION_STORE_UNAVAILABLE`. After five failures in a row it fails at once, and lets one verb through each 250 ms to see whether
 * the store is back (clients by default hang for 5 to 73 seconds, or for ever, and queue what was given up).
 */
export class GuardedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly batch?: number
  readonly #store: Store
  readonly #options: GuardOptions
  #failures = 0
  #failingSince = 0
  #probedAt = 0
  readonly now?: () => Awaitable<number>
  readonly watch?: (listener: StoreListener) => Awaitable<StoreWatch>
  /** Told how long each verb took, in milliseconds. `null`: nobody is, and nobody looks at the time. */
  observer: ((operation: string, duration: number) => void) | null = null

  constructor (store: Store, options: GuardOptions) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.batch !== undefined) this.batch = store.batch
    this.#store = store
    this.#options = options
    const now = store.now?.bind(store)
    if (now !== undefined) this.now = () => this.#guard('now', now)
    if (store.watch !== undefined) this.watch = store.watch.bind(store)
  }

  open (context: StoreContext): Awaitable<void> { return this.#store.open(context) }
  close (): Awaitable<void> { return this.#store.close() }
  ping (): Awaitable<void> { return this.#guard('ping', () => this.#store.ping()) }

  // the one verb of the request path: no closure
  read (id: string): ReturnType<Store['read']> {
    this.#admit()
    const started = this.observer === null ? 0 : performance.now()
    let result
    try {
      result = this.#store.read(id)
    } catch (error) {
      throw this.#failed('read', error)
    }
    return this.#settle('read', result, started)
  }

  touch (batch: readonly Touch[], at: number): ReturnType<Store['touch']> { return this.#guard('touch', () => this.#store.touch(batch, at)) }
  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> { return this.#guard('create', () => this.#store.create(record, options)) }
  update (id: string, change: Change, expect?: Expect): ReturnType<Store['update']> { return this.#guard('update', () => this.#store.update(id, change, expect)) }
  end (selector: EndSelector, why: EndWhy): ReturnType<Store['end']> { return this.#guard('end', () => this.#store.end(selector, why)) }
  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> { return this.#guard('list', () => this.#store.list(filter, page)) }
  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> { return this.#guard('history', () => this.#store.history(filter, page)) }
  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> { return this.#guard('count', () => this.#store.count(filter, cursor)) }
  sweep (max: number): ReturnType<Store['sweep']> { return this.#guard('sweep', () => this.#store.sweep(max)) }
  observe (slice: Slice): ReturnType<Store['observe']> { return this.#guard('observe', () => this.#store.observe(slice)) }
  statistics (from: number, to: number): ReturnType<Store['statistics']> { return this.#guard('statistics', () => this.#store.statistics(from, to)) }

  #guard <T>(operation: string, verb: () => Awaitable<T>): Awaitable<T> {
    this.#admit()
    const started = this.observer === null ? 0 : performance.now()
    let result
    try {
      result = verb()
    } catch (error) {
      throw this.#failed(operation, error)
    }
    return this.#settle(operation, result, started)
  }

  #settle <T>(operation: string, result: Awaitable<T>, started: number): Awaitable<T> {
    if (isThenable(result)) return this.#inTime(operation, result, started)
    if (this.observer !== null) this.observer(operation, performance.now() - started)
    if (this.#failures > 0) this.#worked()
    return result
  }

  async #inTime <T>(operation: string, result: PromiseLike<T>, started: number): Promise<T> {
    let value
    try {
      value = await inTime(result, this.#options.timeout)
    } catch (error) {
      const failed = this.#failed(operation, error)
      this.#timed(operation, started)
      throw failed
    }
    if (this.#failures > 0) this.#worked()
    this.#timed(operation, started)
    return value
  }

  #timed (operation: string, started: number): void {
    if (this.observer !== null) this.observer(operation, performance.now() - started)
  }

  #admit (): void {
    if (this.#failures < failuresUntilOpen) return
    const now = this.#options.now()
    if (now - this.#probedAt < probeEvery && now >= this.#probedAt) throw new SessionError('FST_SESSION_STORE_UNAVAILABLE')
    this.#probedAt = now
  }

  #worked (): void {
    this.#failures = 0
    this.#options.onRecovery(this.#options.now() - this.#failingSince)
  }

  /** A refusal of ours (a bad filter, a full store) is an answer; everything else is trouble. */
  #failed (operation: string, error: unknown): SessionError {
    if (error instanceof SessionError && error.code !== 'FST_SESSION_STORE_UNAVAILABLE') return error
    if (this.#failures++ === 0) this.#failingSince = this.#options.now()
    this.#options.onFailure(operation, error)
    return new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: withoutCredentials(error) })
  }
}
