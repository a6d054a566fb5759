import type { Awaitable } from '../async.ts'
import { SessionError } from '../errors.ts'
import { SessionEventEmitter } from '../events/emitter.ts'
import type { SessionEventOf, SessionEventType } from '../events/events.ts'
import type { Filter } from '../model/filter.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import type { UserId } from '../model/user-id.ts'
import { isFresh } from '../policy.ts'
import type { SessionStatistics, StatisticsRange } from '../statistics/statistics.ts'
import type { EndResult, Page, PageOptions, SessionTotals, Store } from '../store.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { NewSessionResult } from './creator.ts'
import { resolveOptions } from './options.ts'
import type { ResolvedOptions, SessionManagerOptions } from './options.ts'
import type { NewSession } from './record-factory.ts'
import type { RequestContext } from './request-context.ts'
import type { BulkEndOptions, EndOptions } from './revoker.ts'
import type { Authentication } from './rotator.ts'
import { openServices } from './services.ts'
import type { ManagerServices } from './services.ts'
import { StoreClock } from './store-clock.ts'
import { exportSessions, importSessions } from './transfer.ts'
import type { ExportOptions, ImportOptions, ImportReport } from './transfer.ts'
import type { Rotation, Validation, ValidationCounts } from './validation-result.ts'

/**
 * Creates, validates, lists and revokes server-side sessions. It does not depend on HTTP: the plugin, a job, a test and a command line can
 * use it. Call `open` first and `close` last. Every method that uses the store rejects with `FST_SESSION_STORE_UNAVAILABLE` if the store
 * fails or takes longer than `storeTimeout`, and with `FST_SESSION_CLOSED` before `open` and after `close`. Each method lists the other
 * errors that it can reject with.
 */
export class SessionManager {
  readonly #options: ResolvedOptions
  readonly #clock: StoreClock
  readonly #events: SessionEventEmitter
  #services: ManagerServices | null = null
  #opening: Promise<ManagerServices> | null = null
  #closing: Promise<void> | null = null

  /** Checks the options. Throws `FST_SESSION_INVALID_OPTION`. */
  constructor (options: SessionManagerOptions = {}) {
    this.#options = resolveOptions(options)
    const { now, warn } = this.#options
    this.#clock = new StoreClock(now)
    this.#events = new SessionEventEmitter(error => { warn('A listener of session events failed.', error) })
  }

  /** @internal The services, for the plugin, sessions, migration and routes. Throws `FST_SESSION_CLOSED` unless the manager is open. */
  get core (): ManagerServices {
    if (this.#services === null || this.#isClosed) throw new SessionError('FST_SESSION_CLOSED')
    return this.#services
  }

  /** The resolved options; durations in milliseconds. */
  get settings (): ResolvedOptions { return this.#options }
  /** Name, scope and durability of the store. Throws `FST_SESSION_CLOSED` unless the manager is open. */
  get store (): Pick<Store, 'name' | 'scope' | 'durable'> { return this.core.store }
  /** Number of validated tokens of this instance, by result. Throws `FST_SESSION_CLOSED` unless the manager is open. */
  get validationCounts (): Readonly<ValidationCounts> { return this.core.validationCounts }
  /** 99th percentile of the duration of store operations in milliseconds; `null` if none was measured. Throws as `validationCounts`. */
  get storeLatencyP99 (): number | null { return this.core.timings.p99 }
  /** Returns the time of the store's clock, in milliseconds since the epoch. */
  now (): number { return this.#clock.now() }

  /**
   * Opens the store, and starts the timers. Rejects with `FST_SESSION_INVALID_OPTION` if the store or an encryption key does not fit, with
   * `FST_SESSION_CLOSED` if it was opened before, and with the error of a store that cannot be opened.
   */
  async open (): Promise<this> {
    if (this.#opening !== null || this.#closing !== null) throw new SessionError('FST_SESSION_CLOSED')
    this.#opening = openServices({ options: this.#options, clock: this.#clock, events: this.#events })
    this.#opening.catch(() => { this.#opening = null })
    this.#services = await this.#opening
    if (this.#isClosed) throw new SessionError('FST_SESSION_CLOSED')
    return this
  }

  /** Stops the timers, waits for running tasks, writes pending data and closes the store, also one that is being opened. Works once. */
  async close (): Promise<void> {
    this.#closing ??= this.#opening?.then(services => services.close(), () => {}) ?? Promise.resolve()
    await this.#closing
  }

  get #isClosed (): boolean { return this.#closing !== null }
  /** Resolves if the store works, for health checks. */
  async ping (): Promise<void> { await this.core.store.ping() }
  /** Registers a listener for one type of event, or for all (`*`). Returns a function that removes it. */
  on <T extends SessionEventType>(type: T | '*', listener: (event: SessionEventOf<T>) => unknown): () => void {
    return this.#events.on(type, listener)
  }

  /**
   * Registers a listener for sessions that other instances end; `ended` is emitted only by the instance that ends a session. Returns a
   * function that removes it. Throws `FST_SESSION_CLOSED` unless the manager is open.
   */
  onRemoteEnd (listener: (session: EndedSession) => void): () => void { return this.core.notifier.onRemoteEnd(listener) }

  /** Registers a listener for the end of one session, on any instance. Returns a function that removes it. Throws as `onRemoteEnd`. */
  onEnd (record: SessionRecord, listener: (session: EndedSession) => void): () => void {
    return this.core.listeners.listen(record, listener)
  }

  /** Registers a listener for the milliseconds of each store operation. Returns a function that removes it. Throws as `onRemoteEnd`. */
  onStoreOperation (listener: (operation: string, duration: number) => void): () => void {
    return this.core.timings.listen(listener)
  }

  /**
   * Creates a session and enforces `maxSessions` in the same step. Rejects with `FST_SESSION_LIMIT_REACHED` (`onExceeded: 'reject'`),
   * `FST_SESSION_INVALID_USER_ID`, `FST_SESSION_INVALID_DATA`, `FST_SESSION_DATA_TOO_LARGE`, `FST_SESSION_STORE_FULL`.
   */
  async create (options: NewSession): Promise<NewSessionResult> {
    // awaited: returning the promise takes two more turns of the microtask queue
    return await this.core.creator.create(options)
  }

  /**
   * Validates a token, and counts the request if its session is live. Returns the session, the session with its next token, or why the
   * token cannot authenticate. Returns a promise only if the store does. Also rejects with errors of `assessRisk`.
   */
  validate (token: PresentedToken | string, request: RequestContext): Awaitable<Validation> {
    return this.core.validator.validate(token, request)
  }

  /** Returns the live session, its ended-session record, or `null`. Does not count as a request. */
  async get (id: string): Promise<SessionRecord | EndedSession | null> {
    return this.core.reader.get(id)
  }

  /**
   * Returns a page of live sessions, by `(createdAt, id)`: 50 of them, newest first, by default. A page may be short and still have a
   * cursor. Rejects with `FST_SESSION_INVALID_FILTER`, `FST_SESSION_INVALID_CURSOR`.
   */
  async list (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<SessionRecord>> {
    return this.core.reader.list(filter, page)
  }

  /** Returns all live sessions of a user, newest first. Rejects with `FST_SESSION_INVALID_USER_ID`. */
  async listByUser (userId: UserId): Promise<SessionRecord[]> {
    return this.core.reader.listByUser(toUserId(userId))
  }

  /** Returns a page of ended sessions, by `(endedAt, id)`, as far as `historyRetention` reaches. Rejects as `list`. */
  async history (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<EndedSession>> {
    return this.core.reader.history(filter, page)
  }

  /** Returns how many live sessions match. Rejects with `FST_SESSION_INVALID_FILTER`. */
  async count (filter: Filter = {}): Promise<number> {
    return this.core.reader.count(filter)
  }

  /**
   * Changes the data of a live session key by key; `undefined` removes a key. Returns the changed session, or `null` if it has ended.
   * Rejects with `FST_SESSION_INVALID_DATA`, `FST_SESSION_DATA_TOO_LARGE`.
   */
  async update (id: string, data: Readonly<Record<string, unknown>>): Promise<SessionRecord | null> {
    return this.core.updater.update(id, data)
  }

  /** Sets the name of a session's device; `null` removes it. Returns the session, or `null` if it has ended. */
  async rename (id: string, deviceName: string | null): Promise<SessionRecord | null> {
    return this.core.updater.rename(id, deviceName)
  }

  /** Resets the idle timeout; the absolute timeout stays. Returns the session, or `null` if it has ended. */
  async extend (id: string): Promise<SessionRecord | null> {
    return this.core.updater.extend(id)
  }

  /**
   * Gives a session a new token and invalidates the old one at once. Returns it, or `null` if the presented token is not the current one.
   * With `authentication`, it resets both timeouts (NIST SP 800-63B-4 §5.2), and the client becomes the session's known one for
   * `assessRisk`.
   */
  async rotate (token: PresentedToken | string, authentication?: Authentication): Promise<Rotation | null> {
    return this.core.rotator.rotate(token, authentication)
  }

  /**
   * Ends one session. Returns its ended-session record, or `null` if it was not live. If the store fails, this instance refuses the
   * session at once and retries, and the promise rejects with `FST_SESSION_REVOCATION_PENDING`.
   */
  async revoke (id: string, options: EndOptions = {}): Promise<EndedSession | null> {
    return (await this.revokeMany([id], options))[0] ?? null
  }

  /** Ends several sessions. Returns those that this call ended. Rejects as `revoke`. */
  async revokeMany (ids: readonly string[], options: EndOptions = {}): Promise<readonly EndedSession[]> {
    return this.core.revoker.revokeReliably(ids, options)
  }

  /** Ends all sessions of a user but `except`, as after a password change. Returns them. Rejects with `FST_SESSION_INVALID_USER_ID`. */
  async revokeUser (userId: UserId, options: EndOptions & { readonly except?: string } = {}): Promise<readonly EndedSession[]> {
    return this.core.revoker.revokeUser(toUserId(userId), options)
  }

  /** Ends all sessions of a user, and deletes the user from history and statistics. Rejects as `revokeUser`: then call it again. */
  async forgetUser (userId: UserId): Promise<void> { await this.core.eraser.forget(toUserId(userId)) }

  /**
   * Ends all sessions that match, in bounded steps: call again with the `cursor` of the result until it is `null`. Rejects with
   * `FST_SESSION_INVALID_FILTER`, `FST_SESSION_INVALID_CURSOR`.
   */
  async revokeWhere (filter: Filter, options: BulkEndOptions = {}): Promise<EndResult> {
    const { limit = 500, cursor = null } = options
    return this.core.revoker.end({ filter, limit, cursor }, options)
  }

  /** Returns whether the user of a session authenticated within the last `maxAge` milliseconds. */
  isFresh (record: SessionRecord, maxAge: number): boolean { return isFresh(record, maxAge, this.now()) }

  /** Ends expired sessions and deletes old history, or joins a cleanup in flight. Returns how many expired. */
  async cleanup (): Promise<number> {
    return this.core.cleanup.run()
  }

  /** Returns how many sessions there are, over all instances; expired ones count until the next cleanup. */
  async totals (): Promise<SessionTotals> {
    const { slices, ...totals } = await this.core.store.statistics(0, 0)
    return totals
  }

  /** Returns the statistics of a range: `1h` by five minutes; `24h`, `7d` and `30d` by hours. */
  async statistics (range: StatisticsRange = '24h'): Promise<SessionStatistics> {
    return this.core.statistics.statistics(range, this.now())
  }

  /**
   * Yields all sessions that match, in bounded memory: live ones, unless `state` is `ended`. Without `backup: true` a row contains nothing
   * that can authenticate. Rejects as `list`.
   */
  export (options: ExportOptions = {}): AsyncGenerator<Record<string, unknown>> {
    return exportSessions(this.core.store, options)
  }

  /**
   * Creates sessions from exported rows. Only sessions of a backup that is imported with `backup: true` can authenticate again. Rejects
   * with `FST_SESSION_INVALID_IMPORT`, `FST_SESSION_STORE_FULL`, and with what `rows` throws.
   */
  async import (rows: AsyncIterable<unknown> | Iterable<unknown>, options: ImportOptions = {}): Promise<ImportReport> {
    const onEnded = this.core.notifier.ended.bind(this.core.notifier)
    return importSessions(this.core.store, rows, { ...options, now: () => this.now(), onEnded })
  }

  /** Writes pending activity now. Entries that fail stay for the next batch. Rejects with `FST_SESSION_CLOSED` only. */
  async flush (): Promise<void> { await this.core.activity.flush(this.now()) }
}
