import { turn } from '../async.ts'
import type { EndReason } from '../model/record.ts'
import type { Counts, Slice } from '../store.ts'
import { fine, hour, lifetimeBounds, Stretch } from './bucket.ts'
import type { SliceJson, SliceValue } from './bucket.ts'
import type { TopEntry } from './top-k.ts'

export type StatisticsRange = '1h' | '24h' | '7d' | '30d'

/** What happened in a range. */
export interface StatisticsSums {
  readonly created: number
  /** How many of the created are remembered. */
  readonly createdRemembered: number
  readonly ended: Readonly<Partial<Record<EndReason, number>>>
  readonly requests: number
  /** Security events by type. */
  readonly security: Readonly<Record<string, number>>
  /** Credentials of other libraries by source and result: `express-session adopted`, `express-session joined`, `express-session forged`, … Nothing more of a source: its adapter can go. */
  readonly legacy: Readonly<Record<string, number>>
}

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
export interface SessionStatistics extends Counts, StatisticsSums {
  readonly range: StatisticsRange
  readonly from: number
  readonly to: number
  /** Length of a bucket in milliseconds. */
  readonly span: number
  readonly buckets: readonly StatisticsBucket[]
  /** The sums of the range before this one, of the same length; `null` where it is no longer kept (30d), or nothing was counted in its first half. */
  readonly before: StatisticsSums | null
  /** How long ended sessions had lived: how many ended before each bound (ms); the last counts the rest. */
  readonly lifetimes: readonly { readonly below: number | null, readonly count: number }[]
  /**
   * Addresses (IPv6 by /64), browsers, systems and users by sessions created. Counts are at most `error` too high; of each node and
   * stretch only the most frequent are kept (80 addresses, 24 browsers, 16 systems, 60 users an hour), so that a rare one may be missing.
   */
  readonly topIps: readonly TopEntry[]
  readonly topBrowsers: readonly TopEntry[]
  readonly topSystems: readonly TopEntry[]
  readonly topUsers: readonly TopEntry[]
}

const lengths: Readonly<Record<StatisticsRange, number>> = { '1h': hour, '24h': 24 * hour, '7d': 168 * hour, '30d': 720 * hour }
/** So many slices are added up before others get a turn: each is up to 16 KiB of JSON. */
const sliceBatch = 50

/** The bounds of a range that ends with the stretch under way, and where the range before it starts, if that is kept. */
export function rangeOf (range: StatisticsRange, now: number): { readonly from: number, readonly to: number, readonly span: number, readonly before: number | null } {
  const span = range === '1h' ? fine : hour
  const to = Math.floor(now / span) * span + span
  const from = to - lengths[range]
  return { from, to, span, before: range === '30d' ? null : from - lengths[range] }
}

/** Adds up the slices of a range. */
export async function summarise (slices: readonly Slice[], range: { readonly from: number, readonly to: number, readonly span: number, readonly before: number | null, readonly live: number }): Promise<Omit<SessionStatistics, keyof Counts | 'range' | 'from' | 'to' | 'span'>> {
  const { from, to, span, live, before: since } = range
  // of a range that began before there was anything to count, half would be compared with a whole
  const reaches = since !== null && slices.some(slice => slice.span === span && slice.at < (since + from) / 2)
  const buckets = new Map<number, Stretch>()
  for (let at = from; at < to; at += span) buckets.set(at, new Stretch(at, span))
  const total = new Stretch(from, span)
  const before = new Stretch(0, span)
  for (const [i, slice] of slices.filter(slice => slice.span === span).entries()) {
    const value = JSON.parse(slice.value) as SliceJson
    const bucket = buckets.get(slice.at)
    if (bucket === undefined) {
      before.add(value)
    } else {
      bucket.add(value)
      total.add(value)
      total.merge(value)
    }
    if (i % sliceBatch === sliceBatch - 1) await turn()
  }
  const { tops, value } = total
  return {
    buckets: withLive([...buckets.values()], live),
    ...toSums(value),
    before: reaches ? toSums(before.value) : null,
    lifetimes: value.l.map((count, i) => ({ below: lifetimeBounds[i] ?? null, count })),
    topIps: tops.ip.top(10),
    topBrowsers: tops.br.top(10),
    topSystems: tops.os.top(10),
    topUsers: tops.us.top(10)
  }
}

function toSums ({ c, m, e, q, s, a }: SliceValue): StatisticsSums {
  return { created: c, createdRemembered: m, ended: e, requests: q, security: s, legacy: a }
}

/** Live sessions at each start, reckoned back from now: minus what was created since, plus what ended since. */
function withLive (stretches: readonly Stretch[], now: number): StatisticsBucket[] {
  let live = now
  return stretches.toReversed().map(({ at, value }) => {
    live = Math.max(0, live - value.c + Object.values(value.e).reduce((total, count) => total + count, 0))
    return { at, created: value.c, remembered: value.m, ended: value.e, requests: value.q, security: value.s, live }
  }).reverse()
}
