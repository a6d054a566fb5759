import type { Awaitable } from '../async.ts'
import { SessionError } from '../errors.ts'
import { Events } from '../events/emitter.ts'
import { eventMeanings } from '../events/events.ts'
import type { SessionEvent, SessionEventOf, SessionEventType } from '../events/events.ts'
import { checkSize, encodeData } from '../model/data.ts'
import type { Filter } from '../model/filter.ts'
import { Addresses } from '../model/ip-address.ts'
import { expiresAt } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import { isFresh } from '../policy.ts'
import type { SessionStatistics, StatisticsRange } from '../statistics/statistics.ts'
import type { Change, Counts, Expect, Page, PageOptions, Store, Updated } from '../store.ts'
import type { Adopted } from '../token/credential-verifiers.ts'
import { deriveKeys } from '../token/keys.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import { Successors } from '../token/successors.ts'
import type { Visit } from './activity.ts'
import { observe, openParts } from './core.ts'
import type { Parts } from './core.ts'
import type { NewSessionResult } from './creator.ts'
import { Announcer } from './end-notifier.ts'
import { toSettings } from './options.ts'
import type { SessionManagerOptions, Settings } from './options.ts'
import type { NewSession } from './record-factory.ts'
import type { EndOptions } from './revoker.ts'
import type { Authentication } from './rotator.ts'
import { Clock } from './store-clock.ts'
import { Operations } from './store-timings.ts'
import { exportSessions, importSessions } from './transfer.ts'
import type { ExportOptions, ImportOptions, ImportReport } from './transfer.ts'
import type { Renewal, Validation, ValidationCounts } from './validation-result.ts'

/**
 * Server-side sessions that one can see, limit and revoke. Knows no HTTP: the plugin is one caller; a job, a test or a command line is
 * another. `open()` first, `close()` last.
 *
 * Every method rejects with a `SessionError`: `FST_SESSION_STORE_UNAVAILABLE` if the store does not answer in time, `FST_SESSION_CLOSED`
 * after `close()`.
 */
export class SessionManager {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #events: Events
  readonly #addresses: Addresses
  readonly #announcer: Announcer
  readonly #successors: Successors
  readonly #operations = new Operations()
  readonly #validations: ValidationCounts = { accepted: 0, renewed: 0, ended: 0, reused: 0, superseded: 0, unknown: 0 }
  readonly #revoking = new Set<(userId: string) => Promise<void>>()
  #parts: Parts | null = null
  #state: 'new' | 'open' | 'closed' = 'new'

  constructor (options: SessionManagerOptions = {}) {
    this.#settings = toSettings(options)
    const { secrets, name, ip, now, warn } = this.#settings
    this.#clock = new Clock(now ?? Date.now)
    this.#events = new Events(error => { warn('A listener of session events failed.', error) })
    this.#addresses = new Addresses(ip, deriveKeys(secrets, 'ip', name)[0] as Buffer)
    this.#announcer = new Announcer(this.#events)
    this.#successors = new Successors(secrets, name)
  }

  /** Options, checked and in milliseconds. */
  get settings (): Settings { return this.#settings }
  /** Name, scope and durability of the store. */
  get store (): Pick<Store, 'name' | 'scope' | 'durable'> { return this.#opened().store }
  /** Milliseconds since the epoch, on the store's clock. */
  now (): number { return this.#clock.now() }

  /** Opens the store, and starts the sweep and the flush. */
  async open (): Promise<this> {
    if (this.#state !== 'new') throw new SessionError('FST_SESSION_CLOSED')
    this.#parts = await openParts({
      settings: this.#settings,
      clock: this.#clock,
      events: this.#events,
      announcer: this.#announcer,
      addresses: this.#addresses,
      operations: this.#operations,
      successors: this.#successors,
      validations: this.#validations
    })
    this.#state = 'open'
    return this
  }

  /** Stops the timers, waits for what is running, writes what is pending, closes the store. More calls do nothing. */
  async close (): Promise<void> {
    const parts = this.#parts
    this.#state = 'closed'
    this.#parts = null
    await parts?.close()
  }

  /** Resolves if the store can do its work now: for health checks. */
  async ping (): Promise<void> { await this.#opened().store.ping() }

  /** Listens to events of one type, or to all (`*`). Returns what stops it. */
  on <T extends SessionEventType>(type: T | '*', listener: (event: SessionEventOf<T>) => unknown): () => void {
    return this.#events.on(type, listener)
  }

  /** How many presented tokens were judged since the start, by result. */
  get validations (): Readonly<ValidationCounts> { return this.#validations }
  /** 99 of the last 100 calls of the store took no longer than so many milliseconds; `null` for a store in this process, where nobody looks at the time. */
  get storeLatency (): number | null { return this.#operations.p99 }

  /** Listens to how long each verb of the store takes, in milliseconds. Returns what stops it. */
  onStoreOperation (listener: (operation: string, duration: number) => void): () => void {
    observe(this.#opened().store, this.#operations)
    return this.#operations.listen(listener)
  }

  /** Whether an event is about security. */
  isSecurityEvent (event: SessionEvent): boolean { return eventMeanings[event.type].security }

  /** Listens to ends that other nodes tell, as they happen (an `ended` event is told by one node only). Returns what stops it. */
  onEndElsewhere (listener: (session: EndedSession) => void): () => void {
    return this.#announcer.onElsewhere(listener)
  }

  /** Tells an event: for what only the plugin sees. */
  tell (event: SessionEvent): void { this.#events.emit(event) }

  /** An address in the form that this manager keeps. */
  keepAddress (raw: string | undefined): string | null { return this.#addresses.keep(raw) }

  /**
   * Creates a session, in one step with the limit. Throws `FST_SESSION_LIMIT_REACHED` (limit `reject`), `FST_SESSION_INVALID_USER_ID`,
   * `FST_SESSION_INVALID_DATA`, `FST_SESSION_STORE_FULL`.
   */
  async create (options: NewSession): Promise<NewSessionResult> {
    // awaited: to hand a promise on takes two more turns of the microtask queue
    return await this.#opened().creator.create(options)
  }

  /** From now on another library's credential opens nothing, adopted or not: a session that it opened ends. `userId`: whose it is. */
  async block (adopts: Adopted, options: EndOptions & { readonly userId: string | number | null }): Promise<void> {
    await this.#opened().blocks.block(adopts, options)
  }

  /** What a token presents, to be validated; `null` if it is none. */
  present (token: string): PresentedToken | null {
    return present(token)
  }

  /**
   * From now on until `until`, credentials of other libraries open nothing for this user, whether they were ever seen here or not. What says
   * so is a guest of the user's own, which nobody can open.
   */
  async blockUser (userId: string, until: number): Promise<void> {
    await this.#opened().blocks.blockUser(userId, until)
  }

  /** Since when credentials of other libraries open nothing for this user; `null`: they do. */
  async blockedAt (userId: string): Promise<number | null> {
    return this.#opened().blocks.blockedAt(userId)
  }

  /** Listens to all sessions of a user being ended, before they are. Returns what stops it. */
  onRevokeUser (listener: (userId: string) => Promise<void>): () => void {
    this.#revoking.add(listener)
    return () => { this.#revoking.delete(listener) }
  }

  /**
   * Judges a presented token, and counts the request if it is good. Answers at once if the store does.
   */
  validate (presented: PresentedToken, visit: Visit): Awaitable<Validation> {
    return this.#opened().validator.validate(presented, visit)
  }

  /** The live session, what is left of it, or `null`. Counts nothing. */
  async get (id: string): Promise<SessionRecord | EndedSession | null> {
    return this.#opened().lookup.get(id)
  }

  /** A page of live sessions, by `(createdAt, id)`. `limit` defaults to 50, order to `newest`. A page may be short and still have a cursor. */
  async list (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<SessionRecord>> {
    return this.#opened().lookup.list(filter, page)
  }

  /** All live sessions of a user, newest first. */
  async listUser (userId: string | number): Promise<SessionRecord[]> {
    return this.#opened().lookup.listUser(toUserId(userId))
  }

  /** A page of ended sessions, as far as history reaches, by `(endedAt, id)`. */
  async history (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<EndedSession>> {
    return this.#opened().lookup.history(filter, page)
  }

  /** How many live sessions match. */
  async count (filter: Filter = {}): Promise<number> {
    return this.#opened().lookup.count(filter)
  }

  /**
   * Changes the data of a live session key by key; `undefined` removes a key, others stay. Answers the session as it is then, or `null` if
   * it has ended.
   */
  async update (id: string, data: Readonly<Record<string, unknown>>): Promise<SessionRecord | null> {
    const unset = Object.keys(data).filter(key => data[key] === undefined)
    return this.#changed(await this.change(id, { set: encodeData(data), unset }))
  }

  /** Names the device; `null` takes the name away. Answers the session, or `null` if it has ended. */
  async rename (id: string, name: string | null): Promise<SessionRecord | null> {
    return this.#changed(await this.change(id, { name }))
  }

  /** One change, as the store answers it. Checks the size of what the data becomes. */
  async change (id: string, change: Change, expect?: Expect): Promise<Updated> {
    if (change.set !== undefined) checkSize(change.set)
    return this.#opened().store.update(id, change, expect)
  }

  /** The idle time starts anew; the absolute deadline stays. Answers the session, or `null` if it has ended. */
  async extend (id: string): Promise<SessionRecord | null> {
    const record = this.#changed(await this.change(id, { seen: true }))
    if (record !== null) this.tell({ type: 'extended', at: this.now(), id, userId: record.userId, expiresAt: expiresAt(record) })
    return record
  }

  /**
   * Gives a session a new verifier at once; the old one is dead. `authenticated`: the user proved who they are, now, so that both lengths
   * start anew (NIST SP 800-63B-4 §5.2), and that a device that `risk` had doubts about is theirs. Answers the token, or `null` if the
   * presented one is no longer the current one.
   */
  async rotate (presented: PresentedToken, authenticated?: Authentication): Promise<Renewal | null> {
    return this.#opened().rotator.rotate(presented, authenticated)
  }

  /**
   * Ends one session. Answers what is left of it, or `null` if it was not live. While the store fails, the session is refused on this
   * node at once, ends as soon as the store is back, and the call throws `FST_SESSION_NOT_DONE`.
   */
  async end (id: string, options: EndOptions = {}): Promise<EndedSession | null> {
    return (await this.endMany([id], options))[0] ?? null
  }

  /** Ends several, as `end`. Answers those that this call ended. */
  async endMany (ids: readonly string[], options: EndOptions = {}): Promise<readonly EndedSession[]> {
    return this.#opened().ender.endSurely(ids, options)
  }

  /** Ends all sessions of a user, but `except`: after a changed password, a closed account. Answers those that ended. */
  async revokeUser (userId: string | number, options: EndOptions & { readonly except?: string } = {}): Promise<readonly EndedSession[]> {
    const { except } = options
    for (const listener of this.#revoking) await listener(toUserId(userId))
    return (await this.#opened().ender.end({ userId: toUserId(userId), ...except === undefined ? {} : { except } }, options)).ended
  }

  /** Ends everything that matches, in bounded steps. `limit`: at most so many sessions are looked at in this call. */
  async revokeWhere (filter: Filter, options: EndOptions & { readonly limit?: number, readonly cursor?: string | null } = {}): Promise<{ readonly ended: readonly EndedSession[], readonly cursor: string | null }> {
    return this.#opened().ender.end({ filter, limit: options.limit ?? 500, cursor: options.cursor ?? null }, options)
  }

  /** Whether the user of a session proved who they are within `maxAge` milliseconds. */
  isFresh (record: SessionRecord, maxAge: number): boolean { return isFresh(record, maxAge, this.now()) }

  /** Ends expired sessions and purges old history, now; joins a sweep that is under way. Answers how many ended. */
  async sweep (): Promise<number> {
    let ended = -1
    const stop = this.on('swept', event => { ended = event.ended })
    await this.#opened().sweep.run()
    stop()
    if (ended === -1) throw new SessionError('FST_SESSION_STORE_UNAVAILABLE')
    return ended
  }

  /** How many sessions there are, over all nodes; expired ones count until the next sweep. */
  async counts (): Promise<Counts> {
    const { slices, ...counts } = await this.#opened().store.statistics(0, 0)
    return counts
  }

  /** Numbers of a range: 1h in stretches of 5 minutes, 24h, 7d and 30d in stretches of an hour. */
  async statistics (range: StatisticsRange = '24h'): Promise<SessionStatistics> {
    const { counter } = this.#opened()
    return counter.statistics(range, this.now())
  }

  /** All sessions that match, one by one, in bounded memory; live ones, unless `state` says otherwise. Nothing that opens a session, unless `backup: true` asks for it. */
  export (options: ExportOptions = {}): AsyncGenerator<Record<string, unknown>> {
    return exportSessions(this.#opened().store, options)
  }

  /** Creates sessions from what `export` gave. Only a backup's sessions open again in their browsers, and only with `backup: true`; others are there to be seen. */
  async import (rows: AsyncIterable<unknown> | Iterable<unknown>, options: ImportOptions = {}): Promise<ImportReport> {
    return importSessions(this.#opened().store, rows, { ...options, now: this.now() })
  }

  /** Calls back once, when the session ends, whoever ends it and wherever. Returns what stops it. */
  onEnd (record: SessionRecord, listener: (session: EndedSession) => void): () => void {
    return this.#opened().endings.listen(record, listener)
  }

  /** Writes pending activity now. */
  async flush (): Promise<void> { await this.#opened().activity.flush(this.now()) }

  #changed (updated: Updated): SessionRecord | null {
    return updated.status === 'done' ? updated.record : null
  }

  #opened (): Parts {
    if (this.#parts === null) throw new SessionError('FST_SESSION_CLOSED')
    return this.#parts
  }
}
