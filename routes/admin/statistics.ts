import { Type } from '@sinclair/typebox'
import type { Static, TObject } from '@sinclair/typebox'
import type { SessionManager } from '../../lib/manager/manager.ts'
import { endReasons } from '../../lib/model/record.ts'
import type { SessionStatistics, StatisticsSums } from '../../lib/statistics/statistics.ts'
import { nullable, strictObject, Timestamp, toIso } from '../schemas.ts'

const Whole = Type.Integer({ minimum: 0 })
const Ended = strictObject(Object.fromEntries(endReasons.map(reason => [reason, Whole])), { description: 'By reason' })
const Security = Type.Record(Type.String(), Whole, { description: 'By type of event' })
const Migration = Type.Record(Type.String(), Whole, {
  description: 'Credentials of other libraries by source and result: `express-session adopted`'
})
const Top = Type.Array(strictObject({
  key: Type.String(),
  sessions: Type.Integer({ description: 'Sessions created, at most `error` too many' }),
  error: Whole,
  users: Type.Integer({ description: 'Distinct users, approximately' })
}))
const Sums = { created: Whole, createdRemembered: Whole, ended: Ended, requests: Whole, security: Security, migration: Migration }

const Lifetimes = strictObject({ below: nullable(Type.Integer({ description: 'Milliseconds' })), count: Whole })

/** Statistics of a range, over all nodes. */
export const StatisticsView = strictObject({
  range: Type.String(),
  from: Timestamp,
  to: Timestamp,
  interval: Type.Integer({ description: 'Length of a bucket in milliseconds' }),
  live: Type.Integer({ description: 'Sessions now; expired ones count until the next cleanup' }),
  users: Type.Integer({ description: 'Users with at least one of them' }),
  guests: Whole,
  remembered: Whole,
  sessionsPerUser: Type.Number({ description: 'Sessions of users, by users' }),
  ...Sums,
  previous: Type.Union(
    [strictObject(Sums), Type.Null()],
    { description: 'The sums of the previous range; null if it is no longer stored, or its first half has no data' }
  ),
  lifetimes: Type.Array(Lifetimes, { description: 'Lifetimes of ended sessions' }),
  topIps: Top,
  topBrowsers: Top,
  topOs: Top,
  topUsers: Top,
  buckets: Type.Array(strictObject({
    start: Timestamp,
    live: Type.Integer({ description: 'Sessions at the start' }),
    created: Whole,
    remembered: Whole,
    ended: Ended,
    requests: Whole,
    security: Security
  })),
  store: strictObject({
    name: Type.String(),
    scope: Type.String(),
    p99: nullable(Type.Number({ description: "Of this node's last calls, in milliseconds; null for a store in this process" }))
  })
})
export type StatisticsView = Static<typeof StatisticsView>

export function toStatistics (
  statistics: SessionStatistics,
  { store, storeLatencyP99 }: Pick<SessionManager, 'store' | 'storeLatencyP99'>
): StatisticsView {
  const {
    range, from, to, interval, live, users, guests, remembered, previous, lifetimes, topIps, topBrowsers, topOs, topUsers, buckets
  } = statistics
  return {
    range, from: toIso(from), to: toIso(to), interval, live, users, guests, remembered,
    sessionsPerUser: users === 0 ? 0 : Math.round((live - guests) / users * 100) / 100,
    ...toSums(statistics),
    previous: previous === null ? null : toSums(previous),
    lifetimes: [...lifetimes], topIps: [...topIps], topBrowsers: [...topBrowsers], topOs: [...topOs], topUsers: [...topUsers],
    buckets: buckets.map(({ start, ended, security, ...bucket }) => ({
      start: toIso(start),
      ...bucket,
      ended: { ...noEnds, ...ended },
      security: { ...security }
    })),
    store: { name: store.name, scope: store.scope, p99: storeLatencyP99 }
  }
}

const noEnds = Object.fromEntries(endReasons.map(reason => [reason, 0]))

function toSums ({ created, createdRemembered, ended, requests, security, migration }: StatisticsSums): Static<TObject<typeof Sums>> {
  return { created, createdRemembered, ended: { ...noEnds, ...ended }, requests, security: { ...security }, migration: { ...migration } }
}
