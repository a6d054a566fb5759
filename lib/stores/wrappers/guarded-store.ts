import type { Awaitable } from '../../async.ts'
import { maxDataBytes } from '../../model/data.ts'
import type { Filter } from '../../model/filter.ts'
import type { SessionRecord } from '../../model/record.ts'
import type {
  ActivityUpdate, CreateOptions, EndCause, EndSelector, PageOptions, Precondition, SessionPatch, StatisticsSlice, Store, StoreContext,
  StoreListener, StoreSubscription
} from '../../store.ts'
import { CircuitBreaker } from '../circuit-breaker.ts'
import type { CircuitBreakerOptions } from '../circuit-breaker.ts'

const probeInterval = 250

/**
 * A store that wraps a store with a circuit breaker. Every operation returns or fails within `timeout`. While the store is down, operations
 * fail at once with `FST_SESSION_STORE_UNAVAILABLE`.
 */
export class GuardedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly maxBatchSize?: number
  readonly #store: Store
  readonly #breaker: CircuitBreaker
  readonly now?: () => Awaitable<number>
  readonly subscribe?: (listener: StoreListener) => Awaitable<StoreSubscription>

  constructor (store: Store, options: Omit<CircuitBreakerOptions, 'probeInterval'>) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.maxBatchSize !== undefined) this.maxBatchSize = store.maxBatchSize
    this.#store = store
    const breaker = new CircuitBreaker({ ...options, probeInterval })
    this.#breaker = breaker
    const now = store.now?.bind(store)
    if (now !== undefined) this.now = () => breaker.call('now', now)
    if (store.subscribe !== undefined) this.subscribe = store.subscribe.bind(store)
  }

  /** Receives the duration of each operation, in milliseconds. While it is `null`, no operation is timed. */
  get observer (): CircuitBreaker['observer'] { return this.#breaker.observer }
  set observer (observer: CircuitBreaker['observer']) { this.#breaker.observer = observer }

  open (context: StoreContext): Awaitable<void> { return this.#store.open(context) }
  close (): Awaitable<void> { return this.#store.close() }
  ping (): Awaitable<void> {
    return this.#breaker.call('ping', () => this.#store.ping())
  }

  // the only operation of the request path: no closure
  read (id: string): ReturnType<Store['read']> {
    const breaker = this.#breaker
    const startedAt = breaker.allow()
    let result
    try {
      result = this.#store.read(id)
    } catch (error) {
      throw breaker.failed('read', error)
    }
    return breaker.settle('read', result, startedAt)
  }

  touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> {
    return this.#breaker.call('touch', () => this.#store.touch(batch, at))
  }

  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    return this.#breaker.call('create', () => this.#store.create(record, options))
  }

  update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    // the callers have checked the data that they know; only the store knows the parallel changes of other keys
    const bounded = change.set === undefined ? change : { ...change, maxBytes: maxDataBytes }
    return this.#breaker.call('update', () => this.#store.update(id, bounded, expect))
  }

  end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return this.#breaker.call('end', () => this.#store.end(selector, why))
  }

  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> {
    return this.#breaker.call('list', () => this.#store.list(filter, page))
  }

  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> {
    return this.#breaker.call('history', () => this.#store.history(filter, page))
  }

  deleteHistory (userId: string): ReturnType<Store['deleteHistory']> {
    return this.#breaker.call('deleteHistory', () => this.#store.deleteHistory(userId))
  }

  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> {
    return this.#breaker.call('count', () => this.#store.count(filter, cursor))
  }

  cleanup (max: number): ReturnType<Store['cleanup']> {
    return this.#breaker.call('cleanup', () => this.#store.cleanup(max))
  }

  saveStatistics (slice: StatisticsSlice): ReturnType<Store['saveStatistics']> {
    return this.#breaker.call('saveStatistics', () => this.#store.saveStatistics(slice))
  }

  statistics (from: number, to: number): ReturnType<Store['statistics']> {
    return this.#breaker.call('statistics', () => this.#store.statistics(from, to))
  }
}
