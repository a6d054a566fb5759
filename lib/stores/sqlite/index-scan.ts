import type { Filter } from '../../model/filter.ts'
import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope } from '../cursor.ts'
import type { Database } from './database.ts'
import type { Row, SqliteValue } from './driver.ts'
import { endedColumns, recordColumns } from './rows.ts'

interface Table {
  readonly name: 'live' | 'ended'
  readonly columns: string
  /** The column of the order, and its index in `columns`. */
  readonly timestamp: string
  readonly place: number
}

const live: Table = { name: 'live', columns: recordColumns, timestamp: 'created_at', place: 7 }
const tables: Readonly<Record<CursorScope['list'], Table>> = {
  live,
  count: live,
  end: live,
  history: { name: 'ended', columns: endedColumns, timestamp: 'ended_at', place: 6 }
}

export interface ScanOptions {
  readonly cursor: string | null
  /** Stops after this many matches. */
  readonly limit: number
  /** Stops after this many rows. */
  readonly maxScanned: number
}

/**
 * Scans the rows that an index finds for a filter, in order, within bounds. `take` returns whether a row matches, because only
 * `compileFilter` evaluates the whole filter. Returns the cursor to continue from, `null` at the end.
 */
export function scanIndex (database: Database, scope: CursorScope, options: ScanOptions, take: (row: Row) => boolean): string | null {
  const { limit, maxScanned } = options
  const table = tables[scope.list]
  const [where, values] = conditions(database.prefix, table, scope.filter)
  let place: readonly (string | number)[] = decodePosition(scope, options.cursor) ?? []
  let looked = 0
  let taken = 0
  // if the index covers the whole filter, the first few rows fill the page
  for (let size = Math.min(limit + 1, maxScanned); size > 0; size = maxScanned - looked) {
    const rows = database.query(textOf(database.prefix, table, scope, where, place.length > 0)).all(...values, ...place, size)
    for (const row of rows) {
      if (taken === limit) return encodeCursor(scope, place)
      looked++
      place = [Number(row[table.place]), row[0] as string]
      if (take(row)) taken++
    }
    if (rows.length < size) return null
  }
  return encodeCursor(scope, place)
}

function textOf (prefix: string, table: Table, { order }: CursorScope, where: readonly string[], placed: boolean): string {
  const { name, columns, timestamp } = table
  const all = placed ? [...where, `(${timestamp}, id) ${order === 'newest' ? '<' : '>'} (?, ?)`] : where
  const direction = order === 'newest' ? 'DESC' : 'ASC'
  const conditions = ['1', ...all].join(' AND ')
  return `SELECT ${columns} FROM ${prefix}${name} WHERE ${conditions} ORDER BY ${timestamp} ${direction}, id ${direction} LIMIT ?`
}

/**
 * Returns the conditions that an index covers, so that no query reads more rows than it returns. `take` evaluates the rest of the filter.
 */
function conditions (prefix: string, table: Table, filter: Filter): readonly [where: readonly string[], values: readonly SqliteValue[]] {
  const where: string[] = []
  const values: SqliteValue[] = []
  const [after, before] = table === live ? [filter.createdAfter, filter.createdBefore] : [filter.endedAfter, filter.endedBefore]
  const ofUser = table === live ? 'user_id = ?' : `user = (SELECT n FROM ${prefix}strings WHERE text = ?)`
  const all: readonly (readonly [string, SqliteValue | undefined])[] = [
    [ofUser, filter.userId], [`${table.timestamp} >= ?`, after], [`${table.timestamp} < ?`, before]
  ]
  for (const [condition, value] of all) {
    if (value === undefined) continue
    where.push(condition)
    values.push(value)
  }
  return [where, values]
}
