import { isThenable, Timer, yieldToEventLoop } from '../async.ts'
import type { EventThrottle } from '../events/throttle.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import type { SessionRecord } from '../model/record.ts'
import { deviceOf, sanitizeUserAgent } from '../model/user-agent.ts'
import { confirmsRotation } from '../policy.ts'
import type { Policy } from '../policy.ts'
import type { StatisticsCollector } from '../statistics/collector.ts'
import type { ActivityUpdate, Store } from '../store.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { Successors } from '../token/successors.ts'
import { ActivityEntry } from './activity-entry.ts'
import { emitClientChange } from './client-change.ts'
import type { RequestContext } from './request-context.ts'
import type { ManagerResources } from './resources.ts'
import type { StoreClock } from './store-clock.ts'

/**
 * Collects the activity of sessions (last seen, IP address, user agent, request count), and writes it in batches (write-behind). It cannot
 * make an ended session live.
 */
export class ActivityBuffer {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #throttle: EventThrottle
  readonly #anonymizer: IpAnonymizer
  readonly #policy: Policy
  readonly #successors: Successors
  readonly #statistics: StatisticsCollector
  readonly #flushInterval: number
  readonly #batchSize: number
  readonly #timer: Timer
  #entries = new Map<string, ActivityEntry>()
  #batch = 0
  #flushedAt = 0
  #flushing: Promise<void> | null = null

  constructor (resources: ManagerResources) {
    const { options, store, clock, throttle, anonymizer, notifier, successors, statistics } = resources
    this.#store = store
    this.#clock = clock
    this.#throttle = throttle
    this.#anonymizer = anonymizer
    this.#policy = options.policy
    this.#successors = successors
    this.#statistics = statistics
    this.#flushInterval = options.flushInterval
    // SQLite takes 2 ms for 200 entries
    this.#batchSize = store.maxBatchSize ?? 200
    this.#timer = new Timer(async () => { await this.flush(clock.now()) }, { delay: () => options.flushInterval })
    notifier.onEnd(({ id }) => { this.#forget(id) })
  }

  /** Starts to write batches. With `flushInterval: 0` the validator writes each request, and there is no timer. */
  start (): void {
    if (this.#flushInterval > 0) this.#timer.start()
  }

  /** Adds one request. `presented` keeps the entry, so that the next request with the same token needs no lookup. */
  record (record: SessionRecord, request: RequestContext, now: number, presented: Pick<PresentedToken, 'activity'> | null = null): void {
    let entry = presented?.activity as ActivityEntry | null | undefined
    if (entry == null || entry.batch !== this.#batch) {
      entry = this.#entryFor(record.id, entry)
      if (presented !== null) presented.activity = entry
    }
    entry.requestCount++
    // a late request with the old verifier must not hide that the new one was seen
    if (record.confirmedAt === null && this.#confirms(record, now)) entry.generation = Math.max(entry.generation, record.generation)
    if (!request.passive && now > entry.seenAt) entry.seenAt = now
    if (request.ip !== record.ip && request.ip !== null && request.ip !== entry.ip) this.#ipChanged(record, entry, request.ip)
    if (request.userAgent !== record.userAgent && request.userAgent !== undefined) this.#userAgentChanged(record, entry, request.userAgent)
    // the first request after a pause is written at once, so that a clock that jumps finds nothing unwritten
    if (now - this.#flushedAt >= this.#flushInterval || now < this.#flushedAt) this.#writeNow()
  }

  /** Returns the time of the last request that has not been written, in milliseconds; 0 if all are written. */
  seenAt (id: string): number {
    return this.#entries.get(id)?.seenAt ?? 0
  }

  /** Returns the number of requests that have not been written. */
  requests (id: string): number {
    return this.#entries.get(id)?.requestCount ?? 0
  }

  /** Returns when the current verifier was seen, if it was and has not been written; `null` otherwise. */
  confirmedAt (record: SessionRecord, now: number): number | null {
    const entry = this.#entries.get(record.id)
    return entry === undefined || entry.generation < record.generation ? null : entry.seenAt || now
  }

  /**
   * Writes the batch. Entries that fail stay for the next batch, without their request counts: the store may have received them, and a
   * count must never be too high. Returns nothing if the store wrote the batch synchronously. Never rejects.
   */
  flush (now: number): Promise<void> | undefined {
    if (this.#flushing !== null) return this.#flushing.then(() => this.flush(now))
    this.#flushedAt = now
    if (this.#entries.size === 0) return undefined
    const entries = [...this.#entries.values()]
    this.#entries = new Map()
    this.#batch++
    const written = this.#write(entries, now, 0)
    if (written === undefined) return undefined
    this.#flushing = written.finally(() => { this.#flushing = null })
    return this.#flushing
  }

  /** Stops the timer, and waits for a batch that is being written. */
  async stop (): Promise<void> {
    await this.#timer.stop()
  }

  #writeNow (): void {
    if (this.#flushInterval > 0) void this.#timer.run()
  }

  /** Returns whether this request proves that its browser has stored the current cookie. Called until a request does. */
  #confirms (record: SessionRecord, now: number): boolean {
    return confirmsRotation(this.#policy, record, this.#successors.resentAt(record.id), now)
  }

  /** Writes from `start` on, one batch per turn of the event loop. Creates no promise if the store writes a single batch synchronously. */
  #write (entries: readonly ActivityEntry[], now: number, start: number): Promise<void> | undefined {
    const end = start + this.#batchSize
    const batch = entries.slice(start, end)
    const rest = end < entries.length ? end : null
    let result
    try {
      result = this.#store.touch(batch satisfies readonly ActivityUpdate[], now)
    } catch {
      this.#keep(entries.slice(start))
      return undefined
    }
    if (isThenable(result)) {
      return Promise.resolve(result).then(
        () => { this.#written(batch); return rest === null ? undefined : this.#write(entries, now, rest) },
        () => { this.#keep(entries.slice(start)) })
    }
    this.#written(batch)
    return rest === null ? undefined : yieldToEventLoop().then(() => this.#write(entries, now, rest))
  }

  #written (batch: readonly ActivityEntry[]): void {
    let requests = 0
    for (const entry of batch) {
      requests += entry.requestCount
      entry.batch = -1
    }
    this.#statistics.requests(requests, this.#clock.now())
  }

  #keep (entries: readonly ActivityEntry[]): void {
    // into new entries: the store may still use those that it received
    for (const entry of entries) this.#entryFor(entry.id).merge(entry)
  }

  /** Returns the session's entry in this batch: one that another request made, else the last entry of this token, else a new one. */
  #entryFor (id: string, last?: ActivityEntry | null): ActivityEntry {
    const known = this.#entries.get(id)
    if (known !== undefined) return known
    const entry = last?.batch === -1 ? last : new ActivityEntry(id)
    entry.start(this.#batch)
    this.#entries.set(id, entry)
    return entry
  }

  #forget (id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.batch = -1
    this.#entries.delete(id)
  }

  #ipChanged (record: SessionRecord, entry: ActivityEntry, ip: string): void {
    entry.ip = ip
    // an address that was hashed with another secret is replaced without an event
    if (this.#anonymizer.isSame(ip, record.ip)) return
    emitClientChange(this.#throttle, { record, ip, at: this.#clock.now() })
  }

  #userAgentChanged (record: SessionRecord, entry: ActivityEntry, header: string): void {
    const userAgent = sanitizeUserAgent(header)
    if (userAgent === record.userAgent || userAgent === entry.userAgent) return
    entry.userAgent = userAgent
    entry.device = deviceOf(userAgent)
    emitClientChange(this.#throttle, { record, userAgent, at: this.#clock.now() })
  }
}
