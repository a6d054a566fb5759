import { hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import type {
  CacheOptions,
  SessionPatch,
  CreateOptions,
  EndSelector,
  EndCause,
  Precondition,
  Store,
  StoreListener,
  StoreSubscription,
  ActivityUpdate
} from '../../lib/store.ts'
import { PassingStore } from './delegating-store.ts'
import type { Monitor } from './invariants.ts'
import type { Scheduler } from './scheduler.ts'

type Message =
  | { readonly type: 'ended', readonly session: EndedSession }
  | { readonly type: 'changed', readonly id: string }
  | { readonly type: 'lost' }
  | { readonly type: 'beat', readonly resolve: () => void, readonly reject: (error: Error) => void }

/** A node's stream from the place, open for all schedules. What it tells is passed on when it is asked for: when it comes is the server's affair. */
export class Line implements StoreListener {
  readonly #watch: Promise<StoreSubscription>
  readonly #told: Message[] = []
  /** Who hears of what is told now. */
  hearing: ((message: Message) => void) | null = null

  constructor (store: Store) {
    if (store.subscribe === undefined) throw new Error(`${store.name} tells nothing`)
    this.#watch = Promise.resolve(store.subscribe(this))
  }

  ended (session: EndedSession): void { this.#told.push({ type: 'ended', session }) }
  changed (id: string): void { this.#told.push({ type: 'changed', id }) }
  lost (): void { this.#told.push({ type: 'lost' }) }

  /** Passes on all that was told before. */
  async prove (): Promise<void> {
    await (await this.#watch).probe()
    for (const message of this.#told.splice(0)) this.hearing?.(message)
  }

  async close (): Promise<void> { await (await this.#watch).close() }
}

/** A place of which each node has heard everything by the time a verb has happened: from there on, the scheduler has the messages. */
export class HeardStore extends PassingStore {
  readonly #lines: readonly Line[]

  constructor (inner: Store, lines: readonly Line[]) {
    super(inner)
    this.#lines = lines
  }

  override create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    return this.#heard(this.inner.create(record, options))
  }

  override update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    return this.#heard(this.inner.update(id, change, expect))
  }

  override end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return this.#heard(this.inner.end(selector, why))
  }

  override cleanup (max: number): ReturnType<Store['cleanup']> {
    return this.#heard(this.inner.cleanup(max))
  }

  async #heard<T>(answer: PromiseLike<T> | T): Promise<T> {
    const value = await answer
    for (const line of this.#lines) await line.prove()
    return value
  }
}

/** What a node is told in one schedule: messages arrive in their order, each when the scheduler says so, or never, if the stream breaks. */
export class Feed implements StoreSubscription {
  readonly #node: number
  readonly #name: string
  readonly #scheduler: Scheduler
  readonly #monitor: Monitor
  readonly #coming: { readonly message: Message, readonly nth: number }[] = []
  #listener: StoreListener | null = null
  #told = 0
  #silent = false
  /** Takes the message that may arrive next away again. */
  #forget: (() => void) | null = null

  constructor (node: number, scheduler: Scheduler, monitor: Monitor) {
    this.#node = node
    this.#name = `stream@${node === 0 ? 'A' : 'B'}`
    this.#scheduler = scheduler
    this.#monitor = monitor
  }

  listen (listener: StoreListener): this {
    this.#listener = listener
    return this
  }

  /** The place tells. */
  tell (message: Message): void {
    if (this.#silent) return
    this.#coming.push({ message, nth: ++this.#told })
    this.#next()
  }

  /** A beat comes behind all that was told before. */
  async probe (): Promise<void> {
    if (this.#silent) throw new Error('nobody listens')
    await new Promise<void>((resolve, reject) => { this.tell({ type: 'beat', resolve, reject }) })
  }

  /** What was to come is lost, and the node knows; some time later it listens again. */
  break (): void {
    this.#silent = true
    this.#forget?.()
    this.#forget = null
    for (const { message } of this.#coming.splice(0)) if (message.type === 'beat') message.reject(new Error('the stream broke'))
    this.#monitor.heardAll(this.#node)
    this.#listener?.lost()
    this.#scheduler.add('clock', `${this.#name} is back`, this.#node, () => { this.#silent = false })
  }

  close (): void { this.#listener = null }

  #next (): void {
    const next = this.#coming[0]
    if (next === undefined || this.#forget !== null) return
    this.#forget = this.#scheduler.arrival(`${this.#name}: ${next.message.type} (${next.nth})`, this.#node, () => {
      this.#coming.shift()
      this.#forget = null
      this.#deliver(next.message)
      this.#next()
    })
  }

  #deliver (message: Message): void {
    switch (message.type) {
      case 'ended':
        this.#monitor.heard(this.#node, [message.session.id])
        this.#listener?.ended(message.session)
        break
      case 'changed': this.#listener?.changed(message.id); break
      case 'lost': this.#listener?.lost(); break
      case 'beat': message.resolve()
    }
  }
}

/** A node's way to the place, on which it is told what others do, and by which the model knows what the node knows. */
export class ToldStore extends PassingStore {
  /** Beats are sent when a stream is new or was lost, and not because a machine is slow: that copies get no older than `maxStale` is tested elsewhere. */
  readonly cache: CacheOptions = { maxStale: 86_400_000 }
  readonly #node: number
  readonly #feed: Feed
  readonly #monitor: Monitor

  constructor (inner: Store, { node, feed, monitor }: { readonly node: number, readonly feed: Feed, readonly monitor: Monitor }) {
    super(inner)
    this.#node = node
    this.#feed = feed
    this.#monitor = monitor
  }

  subscribe (listener: StoreListener): StoreSubscription { return this.#feed.listen(listener) }

  override async read (id: string): Promise<SessionRecord | EndedSession | null> {
    const found = await this.inner.read(id)
    if (found === null || hasEnded(found)) this.#knows([id])
    return found
  }

  override async create (record: SessionRecord, options: CreateOptions): Promise<Awaited<ReturnType<Store['create']>>> {
    const created = await this.inner.create(record, options)
    if (created.status === 'created') this.#knows(created.ended.map(({ id }) => id))
    return created
  }

  override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
    const gone = await this.inner.touch(batch, at)
    this.#knows(gone)
    return gone
  }

  override async update (id: string, change: SessionPatch, expect?: Precondition): Promise<Awaited<ReturnType<Store['update']>>> {
    const updated = await this.inner.update(id, change, expect)
    if (updated.status === 'gone') this.#knows([id])
    return updated
  }

  override async end (selector: EndSelector, why: EndCause): Promise<Awaited<ReturnType<Store['end']>>> {
    const ending = await this.inner.end(selector, why)
    this.#knows('ids' in selector ? selector.ids : ending.ended.map(({ id }) => id))
    return ending
  }

  override async cleanup (max: number): Promise<Awaited<ReturnType<Store['cleanup']>>> {
    const swept = await this.inner.cleanup(max)
    this.#knows(swept.ended.map(({ id }) => id))
    return swept
  }

  #knows (ids: readonly string[]): void { this.#monitor.heard(this.#node, ids) }
}
