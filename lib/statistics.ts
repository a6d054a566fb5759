import { randomBytes } from 'node:crypto'
import { addressGroup } from './address.ts'
import { browserOf, systemOf } from './filter.ts'
import { eventMeanings } from './events.ts'
import type { Events, SessionEvent } from './events.ts'
import type { EndReason } from './record.ts'
import { Tops } from './tops.ts'
import type { TopEntry, TopsJson } from './tops.ts'
import type { Counts, Slice, Store } from './store.ts'

export type StatisticsRange = '1h' | '24h' | '7d' | '30d'

/** What happened in one stretch of time. */
export interface StatisticsBucket {
  /** Start, milliseconds since the epoch. */
  readonly at: number
  readonly created: number
  /** How many of the created are remembered. */
  readonly remembered: number
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  readonly requests: number
  /** Security events by type. */
  readonly security: Readonly<Record<string, number>>
  /** Live sessions at the start of the stretch, reckoned back from now. */
  readonly live: number
}

/** Numbers of a range, over all nodes. */
export interface SessionStatistics extends Counts {
  readonly range: StatisticsRange
  readonly from: number
  readonly to: number
  /** Length of a bucket in milliseconds. */
  readonly span: number
  readonly buckets: readonly StatisticsBucket[]
  /** Sums over the buckets. */
  readonly created: number
  readonly createdRemembered: number
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  readonly requests: number
  readonly security: Readonly<Record<string, number>>
  /** How long ended sessions had lived: how many ended before each bound (ms); the last counts the rest. */
  readonly lifetimes: readonly { readonly below: number | null, readonly count: number }[]
  /** Addresses (IPv6 by /64), browsers and systems by sessions created. Counts are at most `error` too high. */
  readonly topIps: readonly TopEntry[]
  readonly topBrowsers: readonly TopEntry[]
  readonly topSystems: readonly TopEntry[]
}

/** What one node writes of one stretch, as JSON. Keys are short because many are kept. */
interface SliceValue {
  c: number
  m: number
  q: number
  e: Partial<Record<EndReason, number>>
  s: Record<string, number>
  /** Lifetimes of ended sessions. */
  l: number[]
  /** Only hours have these. */
  ip?: TopsJson
  br?: TopsJson
  os?: TopsJson
}

const minute = 60_000
const hour = 60 * minute
const fine = 5 * minute
const keepFine = 2 * hour
const keepHours = 32 * 24 * hour
const bounds = [minute, 10 * minute, hour, 6 * hour, 24 * hour, 7 * 24 * hour] as const
const lengths: Readonly<Record<StatisticsRange, number>> = { '1h': hour, '24h': 24 * hour, '7d': 168 * hour, '30d': 720 * hour }

/** The numbers of one stretch while it lasts. */
class Stretch {
  readonly at: number
  readonly span: number
  readonly value: SliceValue = { c: 0, m: 0, q: 0, e: {}, s: {}, l: Array<number>(bounds.length + 1).fill(0) }
  readonly tops = { ip: new Tops(), br: new Tops(), os: new Tops() }
  changed = false

  constructor (at: number, span: number) {
    this.at = at
    this.span = span
  }

  toSlice (node: string): Slice {
    const { ip, br, os } = this.tops
    const value = this.span === hour ? { ...this.value, ip: ip.toJSON(100), br: br.toJSON(30), os: os.toJSON(20) } : this.value
    return { node, at: this.at, span: this.span, value: JSON.stringify(value), until: this.at + (this.span === hour ? keepHours : keepFine) }
  }
}

/** Counts what this node sees, and shares it through the store: each node writes its own slices, and whoever asks adds them up. */
export class Counter {
  readonly #node = randomBytes(6).toString('base64url')
  readonly #store: Store
  readonly #stretches = new Map<number, Stretch>()

  constructor (store: Store, events: Events) {
    this.#store = store
    events.on('*', event => { this.#count(event) })
  }

  /** Adds validated requests. */
  requests (count: number, now: number): void {
    for (const stretch of this.#at(now)) stretch.value.q += count
  }

  /** Writes what has changed, and forgets stretches that are over. Trouble is left to the next time. */
  async flush (now: number): Promise<void> {
    for (const stretch of this.#stretches.values()) {
      if (stretch.changed) {
        stretch.changed = false
        try {
          await this.#store.observe(stretch.toSlice(this.#node))
        } catch {
          stretch.changed = true
          return
        }
      }
      if (stretch.at + stretch.span < now - minute) this.#stretches.delete(stretch.span === hour ? -stretch.at : stretch.at)
    }
  }

  async statistics (range: StatisticsRange, now: number): Promise<SessionStatistics> {
    await this.flush(now)
    const span = range === '1h' ? fine : hour
    const to = Math.floor(now / span) * span + span
    const from = to - lengths[range]
    const { slices, ...counts } = await this.#store.statistics(Math.min(from, to - hour), to)
    return { range, from, to, span, ...counts, ...summarise(slices, { from, to, span, live: counts.live }) }
  }

  #count (event: SessionEvent): void {
    for (const stretch of this.#at(event.at)) {
      const { value, tops } = stretch
      if (event.type === 'created') {
        value.c++
        if (event.remembered) value.m++
        if (event.ip !== null) tops.ip.add(addressGroup(event.ip), event.userId)
        tops.br.add(browserOf(event.device) || 'Unknown', event.userId)
        tops.os.add(systemOf(event.device) || 'Unknown', event.userId)
      } else if (event.type === 'ended') {
        value.e[event.reason] = (value.e[event.reason] ?? 0) + 1
        const lived = event.session.endedAt - event.session.createdAt
        const place = bounds.findIndex(bound => lived < bound)
        const index = place === -1 ? bounds.length : place
        value.l[index] = (value.l[index] ?? 0) + 1
      } else if (eventMeanings[event.type].security) {
        value.s[event.type] = (value.s[event.type] ?? 0) + ('count' in event ? event.count : 1)
      }
    }
  }

  #at (now: number): Stretch[] {
    return [fine, hour].map(span => {
      const at = Math.floor(now / span) * span
      // hours and their first five minutes start at the same instant
      const key = span === hour ? -at : at
      const stretch = this.#stretches.get(key) ?? new Stretch(at, span)
      this.#stretches.set(key, stretch)
      stretch.changed = true
      return stretch
    })
  }
}

function summarise (slices: readonly Slice[], range: { readonly from: number, readonly to: number, readonly span: number, readonly live: number }): Omit<SessionStatistics, keyof Counts | 'range' | 'from' | 'to' | 'span'> {
  const buckets = new Map<number, Stretch>()
  for (let at = range.from; at < range.to; at += range.span) buckets.set(at, new Stretch(at, range.span))
  const total = new Stretch(range.from, range.span)
  for (const slice of slices) {
    const value = JSON.parse(slice.value) as SliceValue
    const bucket = slice.span === range.span ? buckets.get(slice.at) : undefined
    if (bucket !== undefined) {
      addTo(bucket.value, value)
      addTo(total.value, value)
    }
    if (slice.span === hour) {
      total.tops.ip.merge(value.ip)
      total.tops.br.merge(value.br)
      total.tops.os.merge(value.os)
    }
  }
  return {
    buckets: withLive([...buckets.values()], range.live),
    created: total.value.c,
    createdRemembered: total.value.m,
    ended: total.value.e,
    requests: total.value.q,
    security: total.value.s,
    lifetimes: total.value.l.map((count, i) => ({ below: bounds[i] ?? null, count })),
    topIps: total.tops.ip.top(10),
    topBrowsers: total.tops.br.top(10),
    topSystems: total.tops.os.top(10)
  }
}

/** Live sessions at each start, reckoned back from now: minus what was created since, plus what ended since. */
function withLive (stretches: readonly Stretch[], now: number): StatisticsBucket[] {
  let live = now
  return stretches.toReversed().map(({ at, value }) => {
    live = Math.max(0, live - value.c + sum(value.e))
    return { at, created: value.c, remembered: value.m, ended: value.e, requests: value.q, security: value.s, live }
  }).reverse()
}

function addTo (into: SliceValue, value: SliceValue): void {
  into.c += value.c
  into.m += value.m
  into.q += value.q
  for (const [reason, count] of Object.entries(value.e) as [EndReason, number][]) into.e[reason] = (into.e[reason] ?? 0) + count
  for (const [type, count] of Object.entries(value.s)) into.s[type] = (into.s[type] ?? 0) + count
  value.l.forEach((count, i) => { into.l[i] = (into.l[i] ?? 0) + count })
}

function sum (counts: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0)
}
