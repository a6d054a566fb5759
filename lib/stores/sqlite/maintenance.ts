import { expiresAt, expiryReason, noData } from '../../model/record.ts'
import type { EndedSession } from '../../model/record.ts'
import type { StatisticsSlice, Statistics } from '../../store.ts'
import type { Database } from './database.ts'
import type { Row } from './driver.ts'
import { toRecord } from './rows.ts'
import type { Sessions } from './sessions.ts'

/** An end costs about 80 µs. */
const endsAtOnce = 50
const purgesAtOnce = 200
/** Milliseconds for which a change is kept for other processes, which poll several times a second. */
const changeRetention = 60_000

/** Ends expired sessions, reschedules those that were seen meanwhile, and purges old entries: one batch in one transaction. */
export function cleanUpSessions (
  sessions: Sessions,
  options: { readonly max: number, readonly history: number }
): { ended: readonly EndedSession[], more: boolean } {
  const { database } = sessions
  const limit = Math.min(options.max, endsAtOnce)
  return database.write(() => {
    const now = sessions.now()
    const due = database.sql.due.all(now, limit)
    const ended = due.flatMap(row => endIfExpired(sessions, row, now))
    const { purgeHistory, purgeCredentials, purgeStatistics, purgeChanges, clearLastChange } = database.sql
    clearLastChange.run(now - changeRetention)
    const purged = [
      purgeHistory.run(now - options.history, purgesAtOnce),
      purgeCredentials.run(now, purgesAtOnce),
      purgeStatistics.run(now, purgesAtOnce),
      purgeChanges.run(now - changeRetention, purgesAtOnce)
    ]
    return { ended, more: due.length === limit || purged.includes(purgesAtOnce) }
  })
}

/** Deletes the ended-session records of a user, also those that other processes have not read. */
export function deleteHistory (database: Database, userId: string): void {
  database.write(() => {
    database.sql.deleteHistory.run(userId)
    database.sql.redactChanges.run(userId)
  })
}

function endIfExpired (sessions: Sessions, row: Row, now: number): EndedSession[] {
  const record = toRecord(row, noData)
  const at = expiresAt(record)
  if (now >= at) return [sessions.endRecord(record, { reason: expiryReason(record), by: null }, at)]
  sessions.database.sql.reschedule.run(at, record.id)
  return []
}

/** Saves the statistics of one node for one time bucket. */
export function saveStatistics ({ sql }: Database, { start, interval, node, value, until }: StatisticsSlice): void {
  sql.saveStatistics.run(start, interval, node, value, until)
}

/** Returns the totals that triggers maintain, and the statistics of a range. */
export function readStatistics ({ sql }: Database, from: number, to: number): Statistics {
  const [live, users, guests, remembered] = sql.totals.all().flat().map(Number) as [number, number, number, number]
  return { live, users, guests, remembered, slices: sql.statistics.all(from, to).map(toSlice) }
}

function toSlice ([node, start, interval, value, until]: Row): StatisticsSlice {
  return { node: node as string, start: Number(start), interval: Number(interval), value: value as string, until: Number(until) }
}
