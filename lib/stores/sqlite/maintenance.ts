import { expiresAt, expiryReason, noData } from '../../model/record.ts'
import type { EndedSession } from '../../model/record.ts'
import type { Slice, Statistics } from '../../store.ts'
import type { Database } from './database.ts'
import type { Row } from './driver.ts'
import { toRecord } from './rows.ts'
import type { Sessions } from './sessions.ts'

/** An end costs about 80 µs. */
const endsAtOnce = 50
const purgesAtOnce = 200
/** Milliseconds that a change waits for other processes, which look several times a second. */
const heard = 60_000

/** Ends what has expired, looks again later at what has been seen meanwhile, and purges what is old: one slice, one transaction. */
export function sweepSessions (sessions: Sessions, options: { readonly max: number, readonly history: number }): { ended: readonly EndedSession[], more: boolean } {
  const { database } = sessions
  const limit = Math.min(options.max, endsAtOnce)
  return database.write(() => {
    const now = sessions.now()
    const due = database.sql.due.all(now, limit)
    const ended = due.flatMap(row => endIfOver(sessions, row, now))
    const { purgeEnded, purgeMarks, purgeSlices, purgeChanges, blankChange } = database.sql
    blankChange.run(now - heard)
    const purged = [
      purgeEnded.run(now - options.history, purgesAtOnce),
      purgeMarks.run(now, purgesAtOnce),
      purgeSlices.run(now, purgesAtOnce),
      purgeChanges.run(now - heard, purgesAtOnce)
    ]
    return { ended, more: due.length === limit || purged.includes(purgesAtOnce) }
  })
}

function endIfOver (sessions: Sessions, row: Row, now: number): EndedSession[] {
  const record = toRecord(row, noData)
  const at = expiresAt(record)
  if (now >= at) return [sessions.finish(record, { reason: expiryReason(record), by: null }, at)]
  sessions.database.sql.rearm.run(at, record.id)
  return []
}

/** Keeps one node's numbers of one stretch. */
export function keepSlice ({ sql }: Database, { at, span, node, value, until }: Slice): void {
  sql.observe.run(at, span, node, value, until)
}

/** Counts that triggers keep, and the slices of a range. */
export function readStatistics ({ sql }: Database, from: number, to: number): Statistics {
  const [live, users, guests, remembered] = sql.counts.all().flat().map(Number) as [number, number, number, number]
  return { live, users, guests, remembered, slices: sql.slices.all(from, to).map(toSlice) }
}

function toSlice ([node, at, span, value, until]: Row): Slice {
  return { node: node as string, at: Number(at), span: Number(span), value: value as string, until: Number(until) }
}
