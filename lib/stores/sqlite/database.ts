import { Query } from './driver.ts'
import type { SqliteHandle } from './driver.ts'
import { prepareDatabase } from './schema.ts'
import type { Pragmas } from './schema.ts'
import { prepareStatements } from './statements.ts'
import type { Statements } from './statements.ts'

/** The tables of one app in an open file. */
export class Database {
  readonly prefix: string
  readonly sql: Statements
  /** Called after each transaction. */
  onCommit = (): void => {}
  readonly #handle: SqliteHandle
  readonly #queries = new Map<string, Query>()

  constructor (handle: SqliteHandle, options: Pragmas & { readonly prefix: string }) {
    prepareDatabase(handle, options.prefix, options)
    this.prefix = options.prefix
    this.sql = prepareStatements(handle, options.prefix)
    this.#handle = handle
  }

  /** A query that depends on what is asked for: there are few forms, and each is kept. */
  query (text: string): Query {
    let query = this.#queries.get(text)
    if (query === undefined) {
      query = new Query(this.#handle.prepare(text))
      this.#queries.set(text, query)
    }
    return query
  }

  /** All of `work`, or nothing; it has the file's one write lock from the start. */
  write <T>(work: () => T): T {
    const { begin, commit } = this.sql
    begin.run()
    let result: T
    try {
      result = work()
      commit.run()
    } catch (error) {
      this.#rollback()
      throw error
    }
    this.onCommit()
    return result
  }

  /** Its absolute path. */
  get file (): string {
    return String(this.query('PRAGMA database_list').get()?.[2])
  }

  /** The file that the last commits are in. */
  get logFile (): string {
    return `${this.file}-wal`
  }

  /** How many rows this connection has changed, those of triggers included. */
  get changes (): number {
    return Number(this.sql.changes.get()?.[0])
  }

  /** After how many pages of the log SQLite copies them, in the writer. */
  setCheckpoint (pages: number): void {
    this.#handle.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  }

  close (): void {
    this.#handle.close()
  }

  #rollback (): void {
    try {
      this.sql.rollback.run()
    } catch {
      // SQLite has already rolled back: a full disk, an I/O error, a trigger that the app has added
    }
  }
}
