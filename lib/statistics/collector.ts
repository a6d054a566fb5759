import { randomBytes } from 'node:crypto'
import { yieldToEventLoop } from '../async.ts'
import type { SessionEventEmitter } from '../events/emitter.ts'
import type { SessionEvent } from '../events/events.ts'
import type { Store } from '../store.ts'
import { Bucket, fiveMinutes, hour, retention, toCountedEvent, withoutUserOf } from './bucket.ts'
import type { ForgottenUser } from './bucket.ts'
import { rangeOf, summarize } from './statistics.ts'
import type { SessionStatistics, StatisticsRange } from './statistics.ts'

/**
 * Time that a bucket stays open after its end, because a cleanup may report ends late. Ends of an earlier time count in the oldest open
 * bucket.
 */
const open = 2 * hour
/** Time range of the slices that are read at once when a user is deleted from them. */
const rewriteStep = 6 * hour

/** Counts the events of this node, and shares them through the store: each node writes its own slices, and a reader adds them up. */
export class StatisticsCollector {
  readonly #node = randomBytes(6).toString('base64url')
  readonly #store: Store
  readonly #buckets = new Map<number, Bucket>()
  /** The time buckets of the last event. They are nearly always those of the next one. */
  #latest: readonly Bucket[] = []
  #now = 0

  constructor (store: Store, events: SessionEventEmitter) {
    this.#store = store
    events.on('*', event => { this.#count(event) })
  }

  /** Adds validated requests. */
  requests (count: number, now: number): void {
    for (const bucket of this.#at(now)) bucket.counts.requests += count
  }

  /** Writes changed time buckets, and forgets closed ones. A failed write is retried at the next flush. */
  async flush (now: number): Promise<void> {
    this.#now = Math.max(now, this.#now)
    for (const [key, bucket] of this.#buckets) {
      if (bucket.changed) {
        bucket.changed = false
        try {
          await this.#store.saveStatistics(bucket.toSlice(this.#node))
        } catch {
          bucket.changed = true
          return
        }
      }
      // a forgotten time bucket must never be created again: its slice would start from zero
      if (bucket.start + bucket.interval <= this.#now - open) this.#buckets.delete(key)
    }
  }

  /** Deletes a user from the time buckets that are open on this node. */
  forget (user: ForgottenUser): void {
    for (const bucket of this.#buckets.values()) bucket.forget(user)
  }

  /** Deletes a user from the slices of all nodes, in bounded steps. Rejects with the store's errors. */
  async forgetStored (user: ForgottenUser, now: number): Promise<void> {
    await this.flush(now)
    for (let from = now - retention(hour); from <= now + hour; from += rewriteStep) {
      const { slices } = await this.#store.statistics(from, from + rewriteStep)
      for (const slice of slices) {
        const rest = withoutUserOf(slice, user)
        if (rest !== null) await this.#store.saveStatistics(rest)
      }
      await yieldToEventLoop()
    }
  }

  async statistics (range: StatisticsRange, now: number): Promise<SessionStatistics> {
    await this.flush(now)
    const { from, to, interval, before } = rangeOf(range, now)
    const { slices, ...counts } = await this.#store.statistics(before ?? from, to)
    return { range, from, to, interval, ...counts, ...await summarize(slices, { from, to, interval, before, live: counts.live }) }
  }

  #count (event: SessionEvent): void {
    const counted = toCountedEvent(event)
    for (const bucket of this.#at(event.at)) bucket.count(counted)
  }

  /** Returns the time buckets of a timestamp, marked as changed. */
  #at (timestamp: number): readonly Bucket[] {
    this.#now = Math.max(timestamp, this.#now)
    const at = Math.max(timestamp, this.#now - open)
    const [first] = this.#latest
    if (first === undefined || at < first.start || at >= first.start + fiveMinutes) {
      this.#latest = [this.#bucketOf(at, fiveMinutes), this.#bucketOf(at, hour)]
    }
    for (const bucket of this.#latest) bucket.changed = true
    return this.#latest
  }

  #bucketOf (timestamp: number, interval: number): Bucket {
    const start = Math.floor(timestamp / interval) * interval
    // an hour and its first five minutes start at the same time
    const key = interval === hour ? -start : start
    const bucket = this.#buckets.get(key) ?? new Bucket(start, interval)
    this.#buckets.set(key, bucket)
    return bucket
  }
}
