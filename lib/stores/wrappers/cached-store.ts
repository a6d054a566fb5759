import { inTime } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { Change, Created, CreateOptions, Ending, EndSelector, EndWhy, Expect, PageOptions, Slice, Store, StoreContext, StoreListener, StoreWatch, Touch, Updated } from '../../store.ts'
import { Latest } from '../lru-cache.ts'
import { addActivity } from '../patch.ts'
import type { Draft } from '../patch.ts'

interface Copy {
  readonly record: Draft
  /** On the monotonic clock. */
  readonly readAt: number
}

/** A store that can tell, and whose app wants copies. */
export type WatchedStore = Store & Required<Pick<Store, 'cache' | 'watch'>>

export interface CachedStoreOptions {
  /** A clock that never jumps, in milliseconds. Default `performance.now`. */
  readonly elapsed?: () => number
}

/** Other nodes' activity (a new address, a later last-seen) is not told: copies get no older than this. */
const maxAge = 30_000

/**
 * A store made of a store that watches, with copies of live sessions in this process. A copy may only ever say yes: `peek` answers one only
 * while every end and change up to `maxStale` ago has been heard for certain; the moment that is not so, all copies are dropped and every
 * validation reads.
 *
 * That certainty is a heartbeat: a beat is sent through the connection that data takes, and once it is back on the subscription everything
 * told before it has been heard. How long ago the last beat that came back was sent is all that counts; no timer that is late and no
 * connection that is dead without knowing it can lengthen it.
 */
export class CachedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly batch?: number
  readonly now?: () => Awaitable<number>
  readonly #store: WatchedStore
  readonly #maxStale: number
  readonly #elapsed: () => number
  readonly #copies: Latest<Copy>
  /** Reads under way, by id: what comes of one that was overtaken by an end or a change is not kept. */
  readonly #reading = new Map<string, symbol>()
  /** There from `open` on. */
  #watch = null as StoreWatch | null
  #listener: StoreListener | null = null
  /** When the last beat that came back was sent; -Infinity: the stream is not trusted. */
  #provenAt = -Infinity
  #beating: Promise<void> | null = null

  constructor (store: WatchedStore, options: CachedStoreOptions = {}) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.batch !== undefined) this.batch = store.batch
    this.#store = store
    this.#copies = new Latest(store.cache.max ?? 10_000)
    this.#maxStale = store.cache.maxStale ?? 1000
    this.#elapsed = options.elapsed ?? (() => performance.now())
    if (store.now !== undefined) this.now = store.now.bind(store)
  }

  async open (context: StoreContext): Promise<void> {
    await this.#store.open(context)
    this.#watch = await this.#store.watch({
      ended: session => { this.#drop(session.id); this.#listener?.ended(session) },
      changed: id => { this.#drop(id); this.#listener?.changed(id) },
      lost: () => { this.#distrust(); this.#listener?.lost() }
    })
    await this.#beat()
  }

  async close (): Promise<void> {
    await this.#beating
    this.#distrust()
    await this.#stream.close()
    await this.#store.close()
  }

  get #stream (): StoreWatch { return this.#watch as StoreWatch }

  ping (): Awaitable<void> { return this.#store.ping() }

  /** A copy of a live session, if there is one that can be trusted; costs no round trip. */
  peek (id: string): SessionRecord | null {
    const at = this.#elapsed()
    const unproven = at - this.#provenAt
    // validations drive the beats: an app that rests sends none
    if (unproven > this.#maxStale / 4) void this.#beat()
    if (unproven > this.#maxStale) {
      this.#distrust()
      return null
    }
    const copy = this.#copies.get(id)
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
      // whoever was refused here is not let in again, though the message is still on its way
      if (found === null || hasEnded(found)) this.#drop(id)
      else if (this.#reading.get(id) === reading) this.#copies.set(id, { record: { ...found }, readAt })
      return found
    } finally {
      if (this.#reading.get(id) === reading) this.#reading.delete(id)
    }
  }

  create (record: SessionRecord, options: CreateOptions): Awaitable<Created> {
    if (options.replaces !== null) this.#drop(options.replaces)
    return after(this.#store.create(record, options), created => { if (created.status === 'created') this.#dropAll(created.ended) })
  }

  touch (batch: readonly Touch[], at: number): Awaitable<readonly string[]> {
    return after(this.#store.touch(batch, at), gone => {
      for (const touch of batch) this.#touched(touch)
      for (const id of gone) this.#drop(id)
    })
  }

  update (id: string, change: Change, expect?: Expect): Awaitable<Updated> {
    this.#drop(id)
    return after(this.#store.update(id, change, expect), () => { this.#drop(id) })
  }

  end (selector: EndSelector, why: EndWhy): Awaitable<Ending> {
    // from here on this node asks the store: a copy must not outlive the call that ends its session
    if ('ids' in selector) for (const id of selector.ids) this.#drop(id)
    return after(this.#store.end(selector, why), ({ ended }) => {
      if ('ids' in selector) for (const id of selector.ids) this.#drop(id)
      this.#dropAll(ended)
    })
  }

  sweep (max: number): ReturnType<Store['sweep']> { return after(this.#store.sweep(max), ({ ended }) => { this.#dropAll(ended) }) }
  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> { return this.#store.list(filter, page) }
  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> { return this.#store.history(filter, page) }
  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> { return this.#store.count(filter, cursor) }
  observe (slice: Slice): Awaitable<void> { return this.#store.observe(slice) }
  statistics (from: number, to: number): ReturnType<Store['statistics']> { return this.#store.statistics(from, to) }

  /** One stream serves the copies and whoever else listens. */
  watch (listener: StoreListener): StoreWatch {
    this.#listener = listener
    return {
      probe: () => this.#stream.probe(),
      close: () => { this.#listener = null }
    }
  }

  /** What this node's requests added, the copy knows, too; in place, as where sessions are in memory. */
  #touched (touch: Touch): void {
    const record = this.#copies.get(touch.id)?.record
    if (record !== undefined) addActivity(record, touch, touch.seenAt)
  }

  #drop (id: string): void {
    this.#copies.delete(id)
    this.#reading.delete(id)
  }

  #dropAll (ended: readonly EndedSession[]): void {
    for (const { id } of ended) this.#drop(id)
  }

  #distrust (): void {
    this.#provenAt = -Infinity
    this.#copies.clear()
    this.#reading.clear()
  }

  /** Sends a beat, or joins the one under way. */
  #beat (): Promise<void> {
    this.#beating ??= this.#prove(this.#elapsed()).finally(() => { this.#beating = null })
    return this.#beating
  }

  async #prove (sentAt: number): Promise<void> {
    try {
      await inTime(this.#stream.probe(), this.#maxStale)
      this.#provenAt = sentAt
    } catch {
      this.#distrust()
    }
  }
}

/** Whether copies of this store's sessions are wanted, and can be kept true. */
export function isCacheable (store: Store): store is WatchedStore {
  return store.cache !== undefined && store.watch !== undefined
}

/** Does something with an answer before anybody else sees it. */
async function after <T> (answer: Awaitable<T>, act: (value: T) => void): Promise<T> {
  const value = await answer
  act(value)
  return value
}
