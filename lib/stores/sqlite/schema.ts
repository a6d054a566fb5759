import { invalidOption } from '../../options.ts'
import { Query } from './driver.ts'
import type { SqliteHandle } from './driver.ts'
import { readSql } from './statements.ts'

/** Increased with each published change of schema.sql. */
const version = 1
/**
 * Log pages after which SQLite copies them. Small and frequent: a checkpoint of 1 MB blocks requests for half as long as one of the
 * default's 4.
 */
export const checkpointEvery = 250
/** Milliseconds that a start waits for other processes that start. */
const patience = 5000
/** Number of attempts if SQLite refuses without waiting. */
const tries = 100

/** Settings of a connection. */
export interface Pragmas {
  /** When a commit is on the disk. */
  readonly synchronous: 'normal' | 'full'
  /** Milliseconds that a statement waits for another process. */
  readonly busyTimeout: number
}

/**
 * Prepares a database: its settings, then the tables, if they are missing. Any number of processes may do so at once.
 * Throws `FST_SESSION_INVALID_OPTION` where there is no write-ahead log, and for tables of a newer version.
 */
export function prepareDatabase (handle: SqliteHandle, prefix: string, pragmas: Pragmas): void {
  // before the journal mode: in the reverse order, 4 of 30 processes that started together failed
  handle.exec(`PRAGMA busy_timeout = ${patience}`)
  const mode = keepLog(handle)
  if (mode !== 'wal') {
    const found = `SQLite returns \`${String(mode)}\``
    throw invalidOption('store', `a file on a disk of this machine, because processes share it by a write-ahead log (${found})`)
  }
  handle.exec(`PRAGMA synchronous = ${pragmas.synchronous}`)
  // a log that a burst enlarged shrinks again
  handle.exec(`PRAGMA wal_autocheckpoint = ${checkpointEvery}; PRAGMA journal_size_limit = 33554432`)
  if (versionOf(handle, prefix) === 0) create(handle, prefix)
  const found = versionOf(handle, prefix)
  if (found !== version) {
    throw invalidOption('store', `a file whose tables (${prefix}*) are of version ${version}, which this release knows, not ${found}`)
  }
  handle.exec(`PRAGMA busy_timeout = ${pragmas.busyTimeout}`)
}

/**
 * Turns the write-ahead log on, and returns the journal mode. If several processes create a file at the same moment, SQLite refuses one at
 * once, because each has a lock that the other needs. A transaction then waits for the others, and the mode is set again.
 */
function keepLog (handle: SqliteHandle, again = tries): unknown {
  try {
    return new Query(handle.prepare('PRAGMA journal_mode = WAL')).get()?.[0]
  } catch (error) {
    if (again === 0 || !(error instanceof Error && error.message.includes('locked'))) throw error
    handle.exec('BEGIN IMMEDIATE; COMMIT')
    return keepLog(handle, again - 1)
  }
}

function create (handle: SqliteHandle, prefix: string): void {
  handle.exec('BEGIN IMMEDIATE')
  try {
    // another process may have created them first
    if (versionOf(handle, prefix) === 0) handle.exec(readSql('schema.sql', { p: prefix, version }))
    handle.exec('COMMIT')
  } catch (error) {
    handle.exec('ROLLBACK')
    throw error
  }
}

/** Returns the version of the tables; 0: there are no tables. */
function versionOf (handle: SqliteHandle, prefix: string): number {
  const there = new Query(handle.prepare('SELECT 1 FROM sqlite_schema WHERE type = \'table\' AND name = ?')).get(`${prefix}state`)
  return there === null ? 0 : Number(new Query(handle.prepare(`SELECT version FROM ${prefix}state`)).get()?.[0])
}
