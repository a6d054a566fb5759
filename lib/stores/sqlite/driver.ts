import { closeSync, existsSync, openSync } from 'node:fs'
import { invalidOption } from '../../options.ts'

/** A value of one column, as a statement takes and returns it. */
export type SqliteValue = string | number | null

/** A prepared statement, as `node:sqlite`, `better-sqlite3` and `libsql` have it. */
export interface SqliteStatement {
  get (...values: readonly SqliteValue[]): unknown
  all (...values: readonly SqliteValue[]): unknown[]
  run (...values: readonly SqliteValue[]): unknown
  /** Rows as arrays: `better-sqlite3` and `libsql`. */
  raw? (): unknown
  /** Rows as arrays: `node:sqlite` of Node 22.16 and newer. */
  setReturnArrays? (enabled: boolean): void
}

/**
 * An open database: a `DatabaseSync` of `node:sqlite`, a `Database` of `better-sqlite3` or `libsql`, or an object with the same methods.
 */
export interface SqliteDatabase {
  exec (sql: string): unknown
  /** Returns a statement, whose type differs between drivers. */
  prepare (sql: string): object
  close (): unknown
}

/** A database with statements in the form that this package uses. */
export interface SqliteHandle extends SqliteDatabase {
  prepare (sql: string): SqliteStatement
}

/** A module that opens SQLite files, and the name of its class. */
export type Driver = readonly [module: string, exported: string]

/** The drivers in order of preference: that of Node, then those that an app may have installed. */
export const drivers: readonly Driver[] = [['node:sqlite', 'DatabaseSync'], ['libsql', 'default'], ['better-sqlite3', 'default']]

/** Returns whether a value can be used as a database. */
export function isHandle (value: unknown): value is SqliteHandle {
  const { exec, prepare, close } = (value ?? {}) as Partial<SqliteHandle>
  return [exec, prepare, close].every(method => typeof method === 'function')
}

/** Opens a file with the first available driver. Throws `FST_SESSION_INVALID_OPTION` with the packages to install if none is available. */
export async function openFile (path: string, candidates = drivers): Promise<SqliteHandle> {
  const { handle } = await openDriven(path, candidates)
  return handle
}

/** Opens a file, and also returns its driver. */
export async function openDriven (path: string, candidates = drivers): Promise<{ handle: SqliteHandle, driver: Driver }> {
  for (const driver of candidates) {
    const found = await load(driver[0])
    if (found !== null) return { handle: new (found[driver[1]] as new (path: string) => SqliteHandle)(path), driver }
  }
  throw invalidOption(
    'store',
    'a file that this Node can open: use Node 22.13 or newer, which has `node:sqlite`, or install `libsql` or `better-sqlite3`, ' +
    'or hand in an open database'
  )
}

/**
 * Creates a missing file, readable by its owner only; SQLite gives the files beside it the same permissions. Does not open an existing
 * file: closing it would release the locks that another store of this process has on it (https://www.sqlite.org/howtocorrupt.html, section
 * 2.2).
 */
export function createPrivate (path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
}

async function load (module: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    return await import(module) as Readonly<Record<string, unknown>>
  } catch {
    return null
  }
}

/** A statement that returns rows as arrays, if the driver can: half the cost of objects. */
export class Query {
  readonly #statement: SqliteStatement

  constructor (statement: SqliteStatement) {
    statement.raw?.()
    statement.setReturnArrays?.(true)
    this.#statement = statement
  }

  get (...values: readonly SqliteValue[]): Row | null {
    const row = this.#statement.get(...values)
    return row === undefined ? null : toRow(row)
  }

  all (...values: readonly SqliteValue[]): readonly Row[] {
    return this.#statement.all(...values).map(toRow)
  }
}

/** The columns of a row, in the order of its statement. */
export type Row = readonly unknown[]

function toRow (row: unknown): Row {
  return Array.isArray(row) ? row : Object.values(row as object)
}

/** A statement that changes rows. */
export class Command {
  readonly #statement: SqliteStatement

  constructor (statement: SqliteStatement) {
    this.#statement = statement
  }

  /** Runs the statement, and returns the number of rows that it changed. */
  run (...values: readonly SqliteValue[]): number {
    return Number((this.#statement.run(...values) as { readonly changes: number | bigint }).changes)
  }
}
