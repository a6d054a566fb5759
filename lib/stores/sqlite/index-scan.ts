import type { Filter } from '../../model/filter.ts'
import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope } from '../cursor.ts'
import type { Database } from './database.ts'
import type { Row, SqliteValue } from './driver.ts'
import { endedColumns, recordColumns } from './rows.ts'

interface Table {
  readonly name: 'live' | 'ended'
  readonly columns: string
  /** The column that orders it, and its place in `columns`. */
  readonly instant: string
  readonly place: number
}

const live: Table = { name: 'live', columns: recordColumns, instant: 'created_at', place: 7 }
const tables: Readonly<Record<CursorScope['list'], Table>> = {
  live,
  count: live,
  end: live,
  history: { name: 'ended', columns: endedColumns, instant: 'ended_at', place: 6 }
}

export interface WalkOptions {
  readonly cursor: string | null
  /** Stops when so many rows were taken. */
  readonly limit: number
  /** Stops when so many rows were looked at. */
  readonly width: number
}

/**
 * Walks over the rows that an index finds for a filter, in order, within bounds. `take` decides about each row, because only
 * `compileFilter` knows all of the filter. Answers the cursor of where to go on, `null` at the end.
 */
export function walk (database: Database, scope: CursorScope, options: WalkOptions, take: (row: Row) => boolean): string | null {
  const { limit, width } = options
  const table = tables[scope.list]
  const [where, values] = conditions(database.prefix, table, scope.filter)
  let place: readonly (string | number)[] = decodePosition(scope, options.cursor) ?? []
  let looked = 0
  let taken = 0
  // where the index knows the whole filter, the first few rows are the page
  for (let size = Math.min(limit + 1, width); size > 0; size = width - looked) {
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
  const { name, columns, instant } = table
  const all = placed ? [...where, `(${instant}, id) ${order === 'newest' ? '<' : '>'} (?, ?)`] : where
  const direction = order === 'newest' ? 'DESC' : 'ASC'
  return `SELECT ${columns} FROM ${prefix}${name} WHERE ${['1', ...all].join(' AND ')} ORDER BY ${instant} ${direction}, id ${direction} LIMIT ?`
}

/** What an index serves, so that no query reads more rows than it answers. The rest of the filter is for `take`. */
function conditions (prefix: string, table: Table, filter: Filter): readonly [where: readonly string[], values: readonly SqliteValue[]] {
  const where: string[] = []
  const values: SqliteValue[] = []
  const [after, before] = table === live ? [filter.createdAfter, filter.createdBefore] : [filter.endedAfter, filter.endedBefore]
  const wanted: readonly (readonly [string, SqliteValue | undefined])[] = [[table === live ? 'user_id = ?' : `user = (SELECT n FROM ${prefix}words WHERE text = ?)`, filter.userId], [`${table.instant} >= ?`, after], [`${table.instant} < ?`, before]]
  for (const [condition, value] of wanted) {
    if (value === undefined) continue
    where.push(condition)
    values.push(value)
  }
  return [where, values]
}
