import { randomBytes } from 'node:crypto'
import type { Events } from '../events/emitter.ts'
import type { SessionEvent } from '../events/events.ts'
import type { Store } from '../store.ts'
import { fine, hour, Stretch, toCounted } from './bucket.ts'
import { rangeOf, summarise } from './statistics.ts'
import type { SessionStatistics, StatisticsRange } from './statistics.ts'

/** A stretch can still be added to for so long: a sweep tells of ends that are a while ago. What comes later counts at that edge. */
const open = 2 * hour

/** Counts what this node sees, and shares it through the store: each node writes its own slices, and whoever asks adds them up. */
export class Counter {
  readonly #node = randomBytes(6).toString('base64url')
  readonly #store: Store
  readonly #stretches = new Map<number, Stretch>()
  /** Where the last event fell: nearly always the next one, too. */
  #latest: readonly Stretch[] = []
  #now = 0

  constructor (store: Store, events: Events) {
    this.#store = store
    events.on('*', event => { this.#count(event) })
  }

  /** Adds validated requests. */
  requests (count: number, now: number): void {
    for (const stretch of this.#at(now)) stretch.value.q += count
  }

  /** Writes what has changed, and forgets stretches that nothing can be added to. Trouble is left to the next time. */
  async flush (now: number): Promise<void> {
    this.#now = Math.max(now, this.#now)
    for (const [key, stretch] of this.#stretches) {
      if (stretch.changed) {
        stretch.changed = false
        try {
          await this.#store.observe(stretch.toSlice(this.#node))
        } catch {
          stretch.changed = true
          return
        }
      }
      // a stretch that is forgotten must never come back: its slice would start from nothing
      if (stretch.at + stretch.span <= this.#now - open) this.#stretches.delete(key)
    }
  }

  async statistics (range: StatisticsRange, now: number): Promise<SessionStatistics> {
    await this.flush(now)
    const { from, to, span, before } = rangeOf(range, now)
    const { slices, ...counts } = await this.#store.statistics(before ?? from, to)
    return { range, from, to, span, ...counts, ...await summarise(slices, { from, to, span, before, live: counts.live }) }
  }

  #count (event: SessionEvent): void {
    const counted = toCounted(event)
    for (const stretch of this.#at(event.at)) stretch.count(counted)
  }

  /** The stretches that an instant falls into, changed from now on. */
  #at (instant: number): readonly Stretch[] {
    this.#now = Math.max(instant, this.#now)
    const at = Math.max(instant, this.#now - open)
    const [first] = this.#latest
    if (first === undefined || at < first.at || at >= first.at + fine) this.#latest = [this.#stretch(at, fine), this.#stretch(at, hour)]
    for (const stretch of this.#latest) stretch.changed = true
    return this.#latest
  }

  #stretch (instant: number, span: number): Stretch {
    const at = Math.floor(instant / span) * span
    // hours and their first five minutes start at the same instant
    const key = span === hour ? -at : at
    const stretch = this.#stretches.get(key) ?? new Stretch(at, span)
    this.#stretches.set(key, stretch)
    return stretch
  }
}
