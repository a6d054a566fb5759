import { withTimeout } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type {
  SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, PageOptions, StatisticsSlice, Store,
  StoreContext, StoreListener, StoreSubscription, ActivityUpdate, UpdateResult
} from '../../store.ts'
import type { BoundedCache, CacheCounts } from '../../token/bounded-cache.ts'
import { CachedRecord, newRecordCache } from '../cached-record.ts'
import { addActivity } from '../patch.ts'

/** A store that publishes changes, and whose app has enabled the cache. */
export type WatchedStore = Store & Required<Pick<Store, 'cache' | 'subscribe'>>

export interface CachedStoreOptions {
  /** A clock that never jumps, in milliseconds. Default `performance.now`. */
  readonly elapsed?: () => number
}

/**
 * Maximum age of cache entries in milliseconds: stores do not publish activity of other nodes (a new IP address, a later last-seen time).
 */
const maxAge = 30_000

/**
 * A store around a store that publishes changes, with a cache of live sessions in this process. The cache can only accept. `peek` returns
 * an entry only while this process has certainly received every end and change up to `maxStale` ago. As soon as that is uncertain, the
 * cache drops all entries and every validation reads.
 *
 * A heartbeat proves it. The cache sends a heartbeat through the connection that data takes. Once it is back on the subscription, this
 * process has received everything that was published before it. Only the time since the last returned heartbeat was sent counts: neither a
 * late timer nor an undetected dead connection can lengthen it.
 */
export class CachedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly maxBatchSize?: number
  readonly now?: () => Awaitable<number>
  readonly #store: WatchedStore
  readonly #maxStale: number
  readonly #elapsed: () => number
  readonly #records: BoundedCache<CachedRecord>
  /** Reads in flight, by id. If an end or a change overtakes a read, the cache does not store its result. */
  readonly #reading = new Map<string, symbol>()
  /** Set by `open`. */
  #watch = null as StoreSubscription | null
  #listener: StoreListener | null = null
  /** When the last returned heartbeat was sent; -Infinity: the stream is not trusted. */
  #provenAt = -Infinity
  #beating: Promise<void> | null = null

  constructor (store: WatchedStore, options: CachedStoreOptions = {}) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.maxBatchSize !== undefined) this.maxBatchSize = store.maxBatchSize
    this.#store = store
    this.#records = newRecordCache(store.cache)
    this.#maxStale = store.cache.maxStale ?? 1000
    this.#elapsed = options.elapsed ?? (() => performance.now())
    if (store.now !== undefined) this.now = store.now.bind(store)
  }

  async open (context: StoreContext): Promise<void> {
    await this.#store.open(context)
    try {
      this.#watch = await this.#store.subscribe({
        ended: session => { this.#drop(session.id); this.#listener?.ended(session) },
        changed: id => { this.#drop(id); this.#listener?.changed(id) },
        lost: () => { this.#invalidateAll(); this.#listener?.lost() }
      })
    } catch (error) {
      await this.#store.close()
      throw error
    }
    await this.#heartbeat()
  }

  async close (): Promise<void> {
    await this.#beating
    this.#invalidateAll()
    await this.#stream.close()
    await this.#store.close()
  }

  get #stream (): StoreSubscription { return this.#watch as StoreSubscription }

  /** How often `peek` found an entry, and what the cache holds now. */
  get counts (): CacheCounts { return this.#records.counts }

  ping (): Awaitable<void> { return this.#store.ping() }

  /** Returns a cached live session if it can be trusted, without a round trip. */
  peek (id: string): SessionRecord | null {
    const at = this.#elapsed()
    const unproven = at - this.#provenAt
    // validations trigger heartbeats: an idle app sends none
    if (unproven > this.#maxStale / 4) void this.#heartbeat()
    if (unproven > this.#maxStale) {
      this.#invalidateAll()
      return null
    }
    const copy = this.#records.get(id)
    if (copy === undefined) return null
    if (at - copy.readAt <= maxAge) return copy.record
    this.#drop(id)
    return null
  }

  async read (id: string): Promise<SessionRecord | EndedSession | null> {
    const readAt = this.#elapsed()
    const reading = Symbol(id)
    if (this.#provenAt !== -Infinity) this.#reading.set(id, reading)
    try {
      const found = await this.#store.read(id)
      // a client that was refused here is not accepted again while the message is still in flight
      if (found === null || hasEnded(found)) this.#drop(id)
      else if (this.#reading.get(id) === reading) this.#records.add(new CachedRecord({ ...found }, readAt))
      return found
    } finally {
      if (this.#reading.get(id) === reading) this.#reading.delete(id)
    }
  }

  create (record: SessionRecord, options: CreateOptions): Awaitable<CreateResult> {
    if (options.replaces !== null) this.#drop(options.replaces)
    return after(this.#store.create(record, options), created => { if (created.status === 'created') this.#dropAll(created.ended) })
  }

  touch (batch: readonly ActivityUpdate[], at: number): Awaitable<readonly string[]> {
    return after(this.#store.touch(batch, at), gone => {
      for (const touch of batch) this.#touched(touch)
      for (const id of gone) this.#drop(id)
    })
  }

  update (id: string, change: SessionPatch, expect?: Precondition): Awaitable<UpdateResult> {
    this.#drop(id)
    return after(this.#store.update(id, change, expect), () => { this.#drop(id) })
  }

  end (selector: EndSelector, why: EndCause): Awaitable<EndResult> {
    // from here on this node reads the store: a cache entry must not exist after the call that ends its session
    if ('ids' in selector) for (const id of selector.ids) this.#drop(id)
    return after(this.#store.end(selector, why), ({ ended }) => {
      if ('ids' in selector) for (const id of selector.ids) this.#drop(id)
      this.#dropAll(ended)
    })
  }

  cleanup (max: number): ReturnType<Store['cleanup']> { return after(this.#store.cleanup(max), ({ ended }) => { this.#dropAll(ended) }) }
  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> { return this.#store.list(filter, page) }
  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> { return this.#store.history(filter, page) }
  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> { return this.#store.count(filter, cursor) }
  deleteHistory (userId: string): Awaitable<void> { return this.#store.deleteHistory(userId) }
  saveStatistics (slice: StatisticsSlice): Awaitable<void> { return this.#store.saveStatistics(slice) }
  statistics (from: number, to: number): ReturnType<Store['statistics']> { return this.#store.statistics(from, to) }

  /** Subscribes a listener. One stream serves the cache and the listener. */
  subscribe (listener: StoreListener): StoreSubscription {
    this.#listener = listener
    return {
      probe: () => this.#stream.probe(),
      close: () => { this.#listener = null }
    }
  }

  /** Adds the activity of this node to the cached record, in place, as the memory store does. */
  #touched (touch: ActivityUpdate): void {
    const record = this.#records.peek(touch.id)?.record
    if (record !== undefined) addActivity(record, touch, touch.seenAt)
  }

  #drop (id: string): void {
    this.#records.delete(id)
    this.#reading.delete(id)
  }

  #dropAll (ended: readonly EndedSession[]): void {
    for (const { id } of ended) this.#drop(id)
  }

  #invalidateAll (): void {
    this.#provenAt = -Infinity
    this.#records.clear()
    this.#reading.clear()
  }

  /** Sends a heartbeat, or joins the one in flight. */
  #heartbeat (): Promise<void> {
    this.#beating ??= this.#probe(this.#elapsed()).finally(() => { this.#beating = null })
    return this.#beating
  }

  async #probe (sentAt: number): Promise<void> {
    try {
      await withTimeout(this.#stream.probe(), this.#maxStale)
      this.#provenAt = sentAt
    } catch {
      this.#invalidateAll()
    }
  }
}

/** Whether the cache is enabled for this store, and can be kept correct. */
export function isCacheable (store: Store): store is WatchedStore {
  return store.cache !== undefined && store.subscribe !== undefined
}

/** Runs `act` with a result before the caller receives it. */
async function after <T> (answer: Awaitable<T>, act: (value: T) => void): Promise<T> {
  const value = await answer
  act(value)
  return value
}
