import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { SessionManager } from '../../lib/manager/manager.ts'
import { endReasons } from '../../lib/model/record.ts'
import type { SessionStatistics, StatisticsSums } from '../../lib/statistics/statistics.ts'
import { closed, Instant, iso } from '../schemas.ts'

const Whole = Type.Integer({ minimum: 0 })
const Ended = closed(Object.fromEntries(endReasons.map(reason => [reason, Type.Integer({ minimum: 0 })])), { description: 'By reason' })
const Security = Type.Record(Type.String(), Whole, { description: 'By type of event' })
const Legacy = Type.Record(Type.String(), Whole, { description: 'Credentials of other libraries by source and result: `express-session adopted`' })
const Top = Type.Array(closed({
  key: Type.String(),
  sessions: Type.Integer({ description: 'Sessions created, at most `error` too many' }),
  error: Whole,
  users: Type.Integer({ description: 'Different users, about' })
}))
const Sums = { created: Whole, createdRemembered: Whole, ended: Ended, requests: Whole, security: Security, legacy: Legacy }

/** Numbers of a range, over all nodes. */
export const StatisticsView = closed({
  range: Type.String(),
  from: Instant,
  to: Instant,
  span: Type.Integer({ description: 'Length of a bucket in milliseconds' }),
  live: Type.Integer({ description: 'Sessions now; expired ones count until the next sweep' }),
  users: Type.Integer({ description: 'Users with at least one of them' }),
  guests: Whole,
  remembered: Whole,
  sessionsPerUser: Type.Number({ description: 'Sessions of users, by users' }),
  ...Sums,
  before: Type.Union([closed(Sums), Type.Null()], { description: 'The same sums of the range before this one; null where it is no longer kept, or nothing was counted in its first half' }),
  lifetimes: Type.Array(closed({ below: Type.Union([Type.Integer({ description: 'Milliseconds' }), Type.Null()]), count: Whole }), { description: 'How long ended sessions had lived' }),
  topIps: Top,
  topBrowsers: Top,
  topSystems: Top,
  topUsers: Top,
  buckets: Type.Array(closed({ at: Instant, live: Type.Integer({ description: 'Sessions at the start' }), created: Whole, remembered: Whole, ended: Ended, requests: Whole, security: Security })),
  store: closed({ name: Type.String(), scope: Type.String(), p99: Type.Union([Type.Number(), Type.Null()], { description: "Of this node's last calls, in milliseconds; null for a store in this process" }) })
})
export type StatisticsView = Static<typeof StatisticsView>

export function toStatistics (statistics: SessionStatistics, { store, storeLatency }: Pick<SessionManager, 'store' | 'storeLatency'>): StatisticsView {
  const { range, from, to, span, live, users, guests, remembered, before, lifetimes, topIps, topBrowsers, topSystems, topUsers, buckets } = statistics
  return {
    range, from: iso(from), to: iso(to), span, live, users, guests, remembered,
    sessionsPerUser: users === 0 ? 0 : Math.round((live - guests) / users * 100) / 100,
    ...toSums(statistics),
    before: before === null ? null : toSums(before),
    lifetimes: [...lifetimes], topIps: [...topIps], topBrowsers: [...topBrowsers], topSystems: [...topSystems], topUsers: [...topUsers],
    buckets: buckets.map(({ at, ended, security, ...bucket }) => ({ at: iso(at), ...bucket, ended: { ...noEnds, ...ended }, security: { ...security } })),
    store: { name: store.name, scope: store.scope, p99: storeLatency }
  }
}

const noEnds = Object.fromEntries(endReasons.map(reason => [reason, 0]))

function toSums ({ created, createdRemembered, ended, requests, security, legacy }: StatisticsSums): Static<ReturnType<typeof closed<typeof Sums>>> {
  return { created, createdRemembered, ended: { ...noEnds, ...ended }, requests, security: { ...security }, legacy: { ...legacy } }
}
