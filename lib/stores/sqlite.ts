import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Awaitable } from '../async.ts'
import { SessionError } from '../errors.ts'
import type { Filter } from '../model/filter.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { checkNames, invalidOption, namesOf, oneOf, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import type {
  SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, Page, PageOptions, StatisticsSlice, Statistics,
  Store, StoreContext, StoreListener, StoreSubscription, ActivityUpdate, UpdateResult
} from '../store.ts'
import { Checkpoints } from './sqlite/checkpoints.ts'
import { Database } from './sqlite/database.ts'
import { createPrivate, isHandle, openDriven } from './sqlite/driver.ts'
import type { Driver, SqliteDatabase, SqliteHandle } from './sqlite/driver.ts'
import { cleanUpSessions, deleteHistory, readStatistics, saveStatistics } from './sqlite/maintenance.ts'
import { countSessions, endMatching, endsAtOnce, listHistory, listSessions } from './sqlite/queries.ts'
import type { Pragmas } from './sqlite/schema.ts'
import { Sessions } from './sqlite/sessions.ts'

export type { SqliteDatabase } from './sqlite/driver.ts'

export interface SqliteStoreOptions {
  /**
   * Durability after a power loss. `normal`: no end that a user or an admin requested is lost, but the last logins, changes and activity
   * may be. `full`: nothing that was acknowledged is lost, and each write waits for the disk. If only the process crashes, neither loses
   * anything. Default `normal`.
   */
  readonly synchronous?: 'normal' | 'full'
  /**
   * Prefix of the table names, one for each app in a file. A lower-case letter, then lower-case letters, digits and `_`. Default
   * `session_`.
   */
  readonly prefix?: string
  /**
   * Maximum time that an operation waits for another process that writes, at most 100ms, because it blocks the event loop. Default 100ms.
   */
  readonly busyTimeout?: Duration
  /** Interval at which ends and changes of other processes are read, at least 10ms. Default 250ms. */
  readonly poll?: Duration
}

const names = namesOf<SqliteStoreOptions>({ synchronous: true, prefix: true, busyTimeout: true, poll: true })

interface Checked extends Pragmas {
  readonly prefix: string
  readonly poll: number
}

class SqliteStore implements Store {
  readonly name = 'sqlite'
  readonly scope = 'machine'
  readonly durable = true
  readonly #source: string | SqliteDatabase
  readonly #options: Checked
  #history = 0
  /** The write-ahead log, if ends must wait for the disk. */
  #log: FileHandle | null = null
  /** Set if the store opened the file itself. On a connection of the app, SQLite keeps the app's settings. */
  #checkpoints: Checkpoints | null = null
  #sessions: Sessions | null = null
  readonly #running = new Set<Promise<unknown>>()

  constructor (source: string | SqliteDatabase, options: Checked) {
    this.#source = source
    this.#options = options
  }

  async open (context: StoreContext): Promise<void> {
    const { handle, driver } = await this.#connect()
    try {
      const database = new Database(handle, this.#options)
      if (this.#options.synchronous === 'normal') this.#log = await open(database.logFile, 'r+')
      if (driver !== null) this.#checkpoints = new Checkpoints(database, { file: database.file, driver, warn: context.warn })
      this.#history = context.history
      this.#sessions = new Sessions(database, context)
    } finally {
      if (this.#sessions === null && handle !== this.#source) handle.close()
    }
  }

  async #connect (): Promise<{ handle: SqliteHandle, driver: Driver | null }> {
    if (typeof this.#source !== 'string') return { handle: this.#source as SqliteHandle, driver: null }
    createPrivate(this.#source)
    return openDriven(this.#source)
  }

  /** Takes the write lock for a moment, because a read-only file must fail the check. */
  ping (): void { this.#opened.database.write(() => {}) }

  async close (): Promise<void> {
    const { database } = this.#opened
    this.#sessions = null
    await Promise.allSettled(this.#running)
    // waits for pending writes
    await this.#log?.close()
    // before the connection, because the last connection that closes removes the log
    await this.#checkpoints?.close()
    if (typeof this.#source === 'string') database.close()
  }

  create (record: SessionRecord, options: CreateOptions): CreateResult { return this.#opened.create(record, options) }
  read (id: string): SessionRecord | EndedSession | null { return this.#opened.read(id) }
  touch (batch: readonly ActivityUpdate[], at: number): Awaitable<readonly string[]> {
    const sessions = this.#opened
    const pause = this.#checkpoints?.pause ?? null
    return pause === null ? sessions.touch(batch, at) : this.#lasting(pause.then(() => sessions.touch(batch, at)))
  }

  update (id: string, change: SessionPatch, expect?: Precondition): UpdateResult { return this.#opened.update(id, change, expect) }
  list (filter: Filter, page: PageOptions): Page<SessionRecord> { return listSessions(this.#opened, filter, page) }
  history (filter: Filter, page: PageOptions): Page<EndedSession> { return listHistory(this.#opened, filter, page) }
  deleteHistory (userId: string): void { deleteHistory(this.#opened.database, userId) }
  count (filter: Filter, cursor: string | null): { count: number, cursor: string | null } {
    return countSessions(this.#opened, filter, cursor)
  }

  cleanup (max: number): { ended: readonly EndedSession[], more: boolean } {
    return cleanUpSessions(this.#opened, { max, history: this.#history })
  }

  saveStatistics (slice: StatisticsSlice): void { saveStatistics(this.#opened.database, slice) }
  statistics (from: number, to: number): Statistics { return readStatistics(this.#opened.database, from, to) }
  subscribe (listener: StoreListener): StoreSubscription { return this.#opened.journal.subscribe(listener, this.#options.poll) }

  /**
   * Ends sessions at once, and resolves when the change is on the disk: an ended session does not return after a power loss. No other
   * operation waits meanwhile.
   */
  end (selector: EndSelector, why: EndCause): Awaitable<EndResult> {
    const sessions = this.#opened
    if ('filter' in selector) return this.#lasting(this.#endMatching(selector, why))
    const ending = sessions.database.write(() => 'ids' in selector
      ? { ended: sessions.end(selector.ids, why), cursor: null }
      : sessions.endSome(selector, why, endsAtOnce))
    // also if nothing ended: this caller may rely on an end of another call that still waits for the disk
    // after another step: the last one waits for all of them
    if (ending.cursor !== null || this.#log === null) return ending
    return this.#log.datasync().then(() => ending)
  }

  /** Ends matching sessions. A step without a match, with others after it, need not wait. */
  async #endMatching (selector: Extract<EndSelector, { readonly filter: Filter }>, why: EndCause): Promise<EndResult> {
    const sessions = this.#opened
    const ending = await endMatching(sessions, selector, why, () => this.#sessions === sessions)
    if (ending.ended.length > 0 || ending.cursor === null) await this.#log?.datasync()
    return ending
  }

  /** Adds a promise that `close` awaits. */
  #lasting <T>(promise: Promise<T>): Promise<T> {
    const done = promise.finally(() => { this.#running.delete(done) })
    this.#running.add(done)
    return done
  }

  get #opened (): Sessions {
    if (this.#sessions === null) throw new SessionError('FST_SESSION_CLOSED')
    return this.#sessions
  }
}

/**
 * Creates a store in one file, shared by the processes of one machine.
 *
 * @param source the path of a file, opened and closed by the store with `node:sqlite`, `libsql` or `better-sqlite3`, whichever is there
 *   first; or an open database of one of them, for this store alone, which stays open
 * @throws `FST_SESSION_INVALID_OPTION`
 */
export function sqliteStore (source: string | SqliteDatabase, options: SqliteStoreOptions = {}): Store {
  checkNames(options, '', names)
  const { prefix = 'session_' } = options
  if (source === '' || source === ':memory:' || (typeof source !== 'string' && !isHandle(source))) {
    throw invalidOption('store', 'the path of a file, or an open database of `node:sqlite`, `better-sqlite3` or `libsql`')
  }
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(prefix)) throw invalidOption('prefix', 'a lower-case letter, then at most 31 of those, digits and `_`')
  return new SqliteStore(source, {
    prefix,
    synchronous: oneOf(options.synchronous ?? 'normal', 'synchronous', ['normal', 'full']),
    busyTimeout: toMilliseconds(options.busyTimeout ?? 100, 'busyTimeout', { max: 100 }),
    poll: toMilliseconds(options.poll ?? 250, 'poll', { min: 10, max: 60_000 })
  })
}
