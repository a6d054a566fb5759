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

  /** Returns a prepared query for a text that depends on the filter: there are few forms, and each is cached. */
  query (text: string): Query {
    let query = this.#queries.get(text)
    if (query === undefined) {
      query = new Query(this.#handle.prepare(text))
      this.#queries.set(text, query)
    }
    return query
  }

  /** Runs `work` in a transaction, which has the file's write lock from its start. */
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

  /** Returns its absolute path. */
  get file (): string {
    return String(this.query('PRAGMA database_list').get()?.[2])
  }

  /** Returns the path of the log, which has the last commits. */
  get logFile (): string {
    return `${this.file}-wal`
  }

  /** Number of rows that this connection has changed, including those of triggers. */
  get changes (): number {
    return Number(this.sql.changes.get()?.[0])
  }

  /** Sets the number of log pages after which SQLite copies them, in the writer. */
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
