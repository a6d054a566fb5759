import { yieldToEventLoop } from '../async.ts'
import type { EndReason } from '../model/record.ts'
import type { SessionTotals, StatisticsSlice } from '../store.ts'
import { fiveMinutes, hour, lifetimeBounds, Bucket } from './bucket.ts'
import type { BucketCounts, SliceJson } from './bucket.ts'
import type { TopEntry } from './top-k.ts'

export type StatisticsRange = '1h' | '24h' | '7d' | '30d'

/** Sums of a range. */
export interface StatisticsSums {
  readonly created: number
  /** Number of created sessions that are remembered. */
  readonly createdRemembered: number
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  readonly requests: number
  /** Security events by type. */
  readonly security: Readonly<Record<string, number>>
  /**
   * Credentials of other libraries by source and result: `express-session adopted`, `express-session joined`, `express-session forged`, …
   * An adapter whose source is missing can be removed.
   */
  readonly migration: Readonly<Record<string, number>>
}

/** Numbers of one time bucket. */
export interface StatisticsBucket {
  /** Start, milliseconds since the epoch. */
  readonly start: number
  readonly created: number
  /** Number of created sessions that are remembered. */
  readonly remembered: number
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  readonly requests: number
  /** Security events by type. */
  readonly security: Readonly<Record<string, number>>
  /** Live sessions at the start of the time bucket, calculated back from now. */
  readonly live: number
}

/** Statistics of a range, over all nodes. */
export interface SessionStatistics extends SessionTotals, StatisticsSums {
  readonly range: StatisticsRange
  readonly from: number
  readonly to: number
  /** Length of a time bucket in milliseconds. */
  readonly interval: number
  readonly buckets: readonly StatisticsBucket[]
  /** Sums of the previous range of the same length; `null` if it is not retained (30d), or its first half has no data. */
  readonly previous: StatisticsSums | null
  /** Lifetimes of ended sessions: the number below each bound (ms); the last counts the rest. */
  readonly lifetimes: readonly { readonly below: number | null, readonly count: number }[]
  /**
   * Top IP addresses (IPv6 by /64), browsers, operating systems and users by created sessions. Counts are at most `error` too high. Each
   * node retains 80 IP addresses, 24 browsers, 16 operating systems and 60 users an hour, so a rare one may be missing.
   */
  readonly topIps: readonly TopEntry[]
  readonly topBrowsers: readonly TopEntry[]
  readonly topOs: readonly TopEntry[]
  readonly topUsers: readonly TopEntry[]
}

const lengths: Readonly<Record<StatisticsRange, number>> = { '1h': hour, '24h': 24 * hour, '7d': 168 * hour, '30d': 720 * hour }
/** Number of slices that are added up before a yield to the event loop: each is up to 16 KiB of JSON. */
const sliceBatch = 50

/** Returns the bounds of a range that ends with the current time bucket, and the start of the previous range, if that is retained. */
export function rangeOf (
  range: StatisticsRange,
  now: number
): { readonly from: number, readonly to: number, readonly interval: number, readonly before: number | null } {
  const interval = range === '1h' ? fiveMinutes : hour
  const to = Math.floor(now / interval) * interval + interval
  const from = to - lengths[range]
  return { from, to, interval, before: range === '30d' ? null : from - lengths[range] }
}

/** A range with what its summary needs besides slices. */
interface SummaryRange {
  readonly from: number
  readonly to: number
  readonly interval: number
  readonly before: number | null
  /** Live sessions now. */
  readonly live: number
}

type Summary = Omit<SessionStatistics, keyof SessionTotals | 'range' | 'from' | 'to' | 'interval'>

/** Returns the statistics from the slices of a range. */
export async function summarize (slices: readonly StatisticsSlice[], range: SummaryRange): Promise<Summary> {
  const { from, to, interval, live, before: since } = range
  // if the data begins within the previous range, a part of a range would be compared with a whole one
  const reaches = since !== null && slices.some(slice => slice.interval === interval && slice.start < (since + from) / 2)
  const buckets = new Map<number, Bucket>()
  for (let at = from; at < to; at += interval) buckets.set(at, new Bucket(at, interval))
  const total = new Bucket(from, interval)
  const before = new Bucket(0, interval)
  for (const [i, slice] of slices.filter(slice => slice.interval === interval).entries()) {
    const value = JSON.parse(slice.value) as SliceJson
    const bucket = buckets.get(slice.start)
    if (bucket === undefined) {
      before.add(value)
    } else {
      bucket.add(value)
      total.add(value)
      total.merge(value)
    }
    if (i % sliceBatch === sliceBatch - 1) await yieldToEventLoop()
  }
  const { tops, counts } = total
  return {
    buckets: withLive([...buckets.values()], live),
    ...toSums(counts),
    previous: reaches ? toSums(before.counts) : null,
    lifetimes: counts.lifetimes.map((count, i) => ({ below: lifetimeBounds[i] ?? null, count })),
    topIps: tops.ips.top(10),
    topBrowsers: tops.browsers.top(10),
    topOs: tops.os.top(10),
    topUsers: tops.users.top(10)
  }
}

function toSums ({ created, remembered, ended, requests, security, migration }: BucketCounts): StatisticsSums {
  return { created, createdRemembered: remembered, ended, requests, security, migration }
}

/** Returns the live sessions at each start, calculated back from now: minus the sessions created since, plus those ended since. */
function withLive (buckets: readonly Bucket[], now: number): StatisticsBucket[] {
  let live = now
  return buckets.toReversed().map(({ start, counts: { created, remembered, ended, requests, security } }) => {
    live = Math.max(0, live - created + Object.values(ended).reduce((total, count) => total + count, 0))
    return { start, created, remembered, ended, requests, security, live }
  }).reverse()
}
