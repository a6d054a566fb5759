import { Activity } from './activity.ts'
import type { Visit } from './activity.ts'
import { Addresses } from './address.ts'
import { cleanAgent, deviceOf } from './agent.ts'
import { CachedStore, isCacheable } from './cached.ts'
import { Clock } from './clock.ts'
import { Counter } from './counter.ts'
import { checkSize, encodeData } from './data.ts'
import { SessionError } from './errors.ts'
import { Events, eventMeanings } from './events.ts'
import type { SessionEvent, SessionEventOf, SessionEventType } from './events.ts'
import type { Filter } from './filter.ts'
import { GuardedStore, isThenable } from './guard.ts'
import { deriveKeys } from './keys.ts'
import { Endings } from './endings.ts'
import { Latency } from './latency.ts'
import { confirms, isFresh, judge, lengthsFor, mayJoin } from './policy.ts'
import type { Lengths } from './policy.ts'
import { PendingEnds } from './pending.ts'
import { present } from './presented.ts'
import type { PresentedToken } from './presented.ts'
import { expiresAt, expiryReason, hasEnded, isSession } from './record.ts'
import type { EndReason, EndedSession, SessionRecord } from './record.ts'
import { oneOf, toSettings } from './settings.ts'
import type { SessionManagerOptions, Settings } from './settings.ts'
import type { StatisticsRange, SessionStatistics } from './statistics.ts'
import { SealedStore, refuseSealedSessions } from './sealed.ts'
import { openStore } from './stores/open.ts'
import type { Awaitable, Change, Counts, Created, CreateOptions, EndSelector, Expect, Page, PageOptions, Store, StoreWatch, Updated } from './store.ts'
import { Timer } from './timer.ts'
import { blockIdOf, decodeToken, deriveAdopted, deriveSuccessor, encodeToken, hashVerifier, newId, newVerifier, randomShard, sameHash, shardOf } from './token.ts'
import { exportSessions, importSessions } from './transfer.ts'
import type { ExportOptions, ImportOptions, ImportReport } from './transfer.ts'
import { Strangers } from './strangers.ts'
import { toUserId } from './user.ts'
import { Vault } from './vault.ts'

/** Why a presented token opens nothing. `ended`: what is left of its session, if it had one. */
export class Refusal {
  readonly code: 'ended' | 'superseded' | 'unknown'
  readonly reason: EndReason | null
  constructor (code: Refusal['code'], reason: EndReason | null) {
    this.code = code
    this.reason = reason
  }
}

/** The session is live, and its browser must get this token from now on. */
export class Renewal {
  readonly record: SessionRecord
  readonly token: string
  constructor (record: SessionRecord, token: string) {
    this.record = record
    this.token = token
  }
}

/** What a validation answers: the live session, the live session with its next token, or why there is none. */
export type Validation = SessionRecord | Renewal | Refusal

/** A session to create. */
export interface NewSession {
  /** Omitted or `null`: a guest. A safe integer counts as its decimal form. */
  readonly userId?: string | number | null
  /** Outlives the browser. Ignored for guests, and with profiles that remember nothing. */
  readonly remember?: boolean
  /** How the user proved who they are: `password`, `webauthn`, … */
  readonly method?: string | readonly string[]
  /** JSON, at most 64 KiB. */
  readonly data?: Readonly<Record<string, unknown>>
  /** The raw address and user-agent header of the request. */
  readonly ip?: string | undefined
  readonly agent?: string | undefined
  /** The browser's own former session: ends as `replaced`, and does not count to the limit. */
  readonly replaces?: string | null
  /** Another library's credential that the session takes over. */
  readonly adopts?: Adopted
}

/** A credential of another library: verified, and loaded. */
export interface Adopted {
  readonly credential: string
  /** Whose: `express-session`. */
  readonly source: string
  /** The end of the old session's life, in milliseconds since the epoch: the new one's is never later. `Infinity`: it had none. */
  readonly until: number
  /** From then on the credential is ignored anyway, so that its mark may go. Default `until`. */
  readonly blockedUntil?: number
  /** Instead of the idle time that the policy gives, in milliseconds. */
  readonly idle?: number
}

/** A created session, with the one token that opens it. */
export interface NewSessionResult {
  readonly session: SessionRecord
  /** 68 characters, to be signed and given to the browser; nobody else ever sees it. */
  readonly token: string
  /** What made room for it, or was replaced. */
  readonly ended: readonly EndedSession[]
  /** Its credential was adopted before: the session existed. */
  readonly joined: boolean
}

/** How to end sessions. */
export interface EndOptions {
  /** Default `revoked`. */
  readonly reason?: EndReason
  /** Who does it: `user`, `admin`, an id of yours; at most 64 characters. */
  readonly by?: string
}

/** What an open manager works with. */
interface Parts {
  readonly store: GuardedStore
  /** `null`: every validation reads. */
  readonly copies: CachedStore | null
  readonly activity: Activity
  readonly pending: PendingEnds
  readonly counter: Counter
  readonly endings: Endings
  readonly sweep: Timer
  readonly timers: readonly Timer[]
  readonly watch: StoreWatch | undefined
}

const sweepStep = 200

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
  readonly #successorKeys: readonly Buffer[]
  readonly #adoptionKeys: readonly Buffer[]
  /** When a browser that had lost its new cookie was sent it again, by session id: from here on it needs the time that a new one needs. */
  readonly #resent = new Map<string, number>()
  #parts: Parts | null = null
  #state: 'new' | 'open' | 'closed' = 'new'
  #failures = 0
  readonly #latency = new Latency()
  readonly #operations = new Set<(operation: string, duration: number) => void>()
  readonly #validations = { accepted: 0, renewed: 0, ended: 0, reused: 0, superseded: 0, unknown: 0 }
  readonly #strangers = new Strangers((record, change) => { this.#activityChanged(record, change) })
  readonly #revoking = new Set<(userId: string) => Promise<void>>()
  readonly #elsewhere = new Set<(session: EndedSession) => void>()
  /** Ends of this node that the store may tell back. */
  readonly #told = new Set<string>()

  constructor (options: SessionManagerOptions = {}) {
    this.#settings = toSettings(options)
    const { secrets, name, ip, now, warn } = this.#settings
    this.#clock = new Clock(now ?? Date.now)
    this.#events = new Events(error => { warn('A listener of session events failed.', error) })
    this.#addresses = new Addresses(ip, deriveKeys(secrets, 'ip', name)[0] as Buffer)
    this.#successorKeys = deriveKeys(secrets, 'successor', name)
    this.#adoptionKeys = deriveKeys(secrets, 'adoption', name)
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
    const { settings } = this
    const inner = this.#sealed(await openStore(settings.store))
    const copies = isCacheable(inner) ? new CachedStore(inner) : null
    const store = new GuardedStore(copies ?? inner, {
      timeout: settings.storeTimeout,
      now: Date.now,
      onFailure: (operation, error) => { this.#storeFailed(operation, error) },
      onRecovery: after => { this.#storeRecovered(after) }
    })
    await store.open({ now: settings.now, history: settings.history, historyPerUser: 20, warn: settings.warn })
    if (settings.encryption === null && store.durable) await refuseSealedSessions(store)
    if (settings.now === null) await this.#clock.measure(store)
    if (store.scope !== 'process') store.observer = (operation, duration) => { this.#operated(operation, duration) }
    const counter = new Counter(store, this.#events)
    const activity = new Activity(store, {
      flush: settings.flush,
      onChange: (record, change) => { this.#activityChanged(record, change) },
      confirms: (record, now) => confirms(settings.policy, record, this.#resent.get(record.id) ?? 0, now),
      onDue: () => { if (settings.flush > 0) void flushing.run() },
      onFlush: requests => { counter.requests(requests, this.now()) }
    })
    const endings = new Endings({ read: id => store.read(id), now: () => this.now(), told: store.scope === 'process' || store.watch !== undefined })
    const pending = new PendingEnds(store, ended => { this.#tellEnded(ended) })
    // jittered, so that the nodes of a cluster do not sweep together
    const sweep = new Timer(() => this.#sweep(store, activity), { delay: () => settings.sweep * (0.9 + Math.random() * 0.2) })
    const flushing = new Timer(async () => { await activity.flush(this.now()) }, { delay: () => settings.flush })
    const timers = [sweep, new Timer(() => counter.flush(this.now()), { delay: () => 10_000 })]
    if (settings.flush > 0) timers.push(flushing)
    const watch = await store.watch?.({ ended: session => { this.#endedElsewhere(session, endings) }, changed: () => {}, lost: () => { endings.checkAll() } })
    for (const timer of timers) timer.start()
    this.#parts = { store, copies, activity, pending, counter, endings, sweep, timers, watch }
    this.#state = 'open'
    return this
  }

  #sealed (store: Store): Store {
    const { encryption, name } = this.#settings
    if (encryption === null) return store
    const vault = new Vault(deriveKeys(encryption.keys, 'data', name), encryption)
    const onBroken = (session: EndedSession): void => {
      this.tell({ type: 'unsealable', at: session.endedAt, id: session.id, userId: session.userId, ip: session.ip })
      this.#tellEnded([session])
    }
    return new SealedStore(store, { vault, ip: encryption.ip, agent: encryption.agent, onBroken })
  }

  /** Stops the timers, waits for what is running, writes what is pending, closes the store. More calls do nothing. */
  async close (): Promise<void> {
    const parts = this.#parts
    this.#state = 'closed'
    this.#parts = null
    if (parts === null) return
    const { store, activity, pending, counter, endings, timers, watch } = parts
    await Promise.all(timers.map(timer => timer.stop()))
    endings.close()
    await activity.flush(this.now())
    await pending.close()
    await counter.flush(this.now())
    await watch?.close()
    await store.close()
  }

  /** Resolves if the store can do its work now: for health checks. */
  async ping (): Promise<void> { await this.#opened().store.ping() }

  /** Listens to events of one type, or to all (`*`). Returns what stops it. */
  on <T extends SessionEventType>(type: T | '*', listener: (event: SessionEventOf<T>) => unknown): () => void {
    return this.#events.on(type, listener)
  }

  /** How many presented tokens were judged since the start, by result. */
  get validations (): Readonly<Record<'accepted' | 'renewed' | 'ended' | 'reused' | 'superseded' | 'unknown', number>> { return this.#validations }
  /** 99 of the last 100 calls of the store took no longer than so many milliseconds; `null` for a store in this process, where nobody looks at the time. */
  get storeLatency (): number | null { return this.#latency.p99 }

  /** Listens to how long each verb of the store takes, in milliseconds. Returns what stops it. */
  onStoreOperation (listener: (operation: string, duration: number) => void): () => void {
    const { store } = this.#opened()
    this.#operations.add(listener)
    store.observer ??= (operation, duration) => { this.#operated(operation, duration) }
    return () => { this.#operations.delete(listener) }
  }

  /** Whether an event is about security. */
  isSecurityEvent (event: SessionEvent): boolean { return eventMeanings[event.type].security }

  /** Listens to ends that other nodes tell, as they happen (an `ended` event is told by one node only). Returns what stops it. */
  onEndElsewhere (listener: (session: EndedSession) => void): () => void {
    this.#elsewhere.add(listener)
    return () => { this.#elsewhere.delete(listener) }
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
    const { store } = this.#opened()
    const { record, verifier } = this.#newRecord(options)
    const { adopts } = options
    const created = await this.#createIn(store, record, {
      at: this.now(),
      limit: await this.#limitOf(record.userId),
      replaces: options.replaces ?? null,
      adopts: adopts === undefined ? null : markOf(adopts)
    })
    return this.#created(created, record, verifier, options)
  }

  /** From now on another library's credential opens nothing, adopted or not: a session that it opened ends. `userId`: whose it is. */
  async block (adopts: Adopted, options: EndOptions & { readonly userId: string | number | null }): Promise<void> {
    const { store } = this.#opened()
    const { record } = this.#newRecord({ userId: options.userId, adopts })
    const created = await store.create(record, { at: this.now(), limit: null, replaces: null, adopts: markOf(adopts) })
    if (created.status === 'created') await store.end({ ids: [record.id] }, { reason: options.reason ?? 'revoked', by: options.by ?? null })
    else if (created.status === 'adopted' && created.session !== null && !hasEnded(created.session)) await this.end(created.session.id, options)
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
    const { store } = this.#opened()
    const id = blockIdOf(userId)
    await store.end({ ids: [id] }, { reason: 'replaced', by: null })
    const now = this.now()
    const { record } = this.#newRecord({})
    await store.create({ ...record, id, name: 'Signed out everywhere', idle: until - now, absoluteAt: until }, { at: now, limit: null, replaces: null, adopts: null })
  }

  /** Since when credentials of other libraries open nothing for this user; `null`: they do. */
  async blockedAt (userId: string): Promise<number | null> {
    const found = await this.#opened().store.read(blockIdOf(userId))
    return found === null || hasEnded(found) ? null : found.createdAt
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
    const { store, copies, pending } = this.#opened()
    const refused = pending.reasonFor(presented.id)
    if (refused !== undefined) return new Refusal('ended', refused)
    if (copies !== null && visit.strict !== true) {
      // a copy may only say yes: every other verdict asks the store
      const copy = copies.peek(presented.id)
      if (copy !== null) {
        const now = this.now()
        if (judge(this.#settings.policy, copy, presented, now) === 'accept') {
          this.#validations.accepted++
          return this.#accept(copy, visit, now)
        }
      }
    }
    const found = store.read(presented.id)
    return isThenable(found) ? found.then(found => this.#judge(found, presented, visit)) : this.#judge(found, presented, visit)
  }

  /** The live session, what is left of it, or `null`. Counts nothing. */
  async get (id: string): Promise<SessionRecord | EndedSession | null> {
    const found = await this.#opened().store.read(id)
    return found === null || hasEnded(found) ? found : this.#withActivity(found)
  }

  /** A page of live sessions, by `(createdAt, id)`. `limit` defaults to 50, order to `newest`. A page may be short and still have a cursor. */
  async list (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.#opened().store.list(filter, toPage(page))
    return { items: items.map(record => this.#withActivity(record)), cursor }
  }

  /** All live sessions of a user, newest first. */
  async listUser (userId: string | number): Promise<SessionRecord[]> {
    const items: SessionRecord[] = []
    let cursor: string | null = null
    do {
      const page: Page<SessionRecord> = await this.list({ userId: toUserId(userId) }, { limit: 1000, cursor })
      items.push(...page.items)
      cursor = page.cursor
    } while (cursor !== null)
    return items
  }

  /** A page of ended sessions, as far as history reaches, by `(endedAt, id)`. */
  async history (filter: Filter = {}, page: Partial<PageOptions> = {}): Promise<Page<EndedSession>> {
    return this.#opened().store.history(filter, toPage(page))
  }

  /** How many live sessions match. */
  async count (filter: Filter = {}): Promise<number> {
    const { store } = this.#opened()
    let total = 0
    let cursor: string | null = null
    do {
      const step: { count: number, cursor: string | null } = await store.count(filter, cursor)
      total += step.count
      cursor = step.cursor
      // a store that answers at once must not hold up requests
      if (cursor !== null) await new Promise(resolve => { setImmediate(resolve) })
    } while (cursor !== null)
    return total
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
  async rotate (presented: PresentedToken, authenticated?: { readonly method?: string | readonly string[], readonly ip?: string | undefined, readonly agent?: string | undefined }): Promise<Renewal | null> {
    const { store } = this.#opened()
    const token = decodeToken(presented.token)
    if (token === null) return null
    const verifier = deriveSuccessor(this.#successorKeys[0] as Buffer, token)
    const current = await store.read(presented.id)
    if (current === null || hasEnded(current) || !sameHash(current.hash, presented.hash)) return null
    const methods = authenticated === undefined ? current.methods : toMethods(authenticated.method)
    const lengths = this.#lengths(current)
    const updated = await store.update(presented.id, {
      rotate: { hash: hashVerifier(verifier), keep: false },
      ...authenticated === undefined ? {} : { authenticate: { methods, ...lengths } }
    }, { generation: token.generation })
    if (updated.status !== 'done') return null
    const { record } = updated
    const base = { at: this.now(), id: record.id, userId: record.userId }
    this.tell({ type: 'rotated', ...base, generation: record.generation, cause: authenticated === undefined ? 'request' : 'authentication' })
    if (authenticated !== undefined) {
      this.tell({ type: 'authenticated', ...base, methods })
      await this.#settle(record, { ip: this.keepAddress(authenticated.ip), agent: cleanAgent(authenticated.agent) })
    }
    return new Renewal(record, encodeToken({ id: record.id, generation: record.generation, verifier }))
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
    const { store, pending, endings } = this.#opened()
    const why = { reason: options.reason ?? 'revoked', by: options.by ?? null }
    try {
      const { ended } = await store.end({ ids }, why)
      this.#tellEnded(ended)
      return ended
    } catch (error) {
      if (!isUnavailable(error)) throw error
      pending.add(ids, why)
      // refused here from now on, so that sockets must not live on either
      for (const id of ids) endings.end(id, why)
      throw new SessionError('FST_SESSION_NOT_DONE', { cause: error })
    }
  }

  /** Ends all sessions of a user, but `except`: after a changed password, a closed account. Answers those that ended. */
  async revokeUser (userId: string | number, options: EndOptions & { readonly except?: string } = {}): Promise<readonly EndedSession[]> {
    const { except } = options
    for (const listener of this.#revoking) await listener(toUserId(userId))
    return this.#end({ userId: toUserId(userId), ...except === undefined ? {} : { except } }, options)
  }

  /** Ends everything that matches, in bounded steps. `limit`: at most so many sessions are looked at in this call. */
  async revokeWhere (filter: Filter, options: EndOptions & { readonly limit?: number, readonly cursor?: string | null } = {}): Promise<{ readonly ended: readonly EndedSession[], readonly cursor: string | null }> {
    const { store } = this.#opened()
    const step = await store.end({ filter, limit: options.limit ?? 500, cursor: options.cursor ?? null }, { reason: options.reason ?? 'revoked', by: options.by ?? null })
    this.#tellEnded(step.ended)
    return step
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

  #judge (found: SessionRecord | EndedSession | null, presented: PresentedToken, visit: Visit): Awaitable<Validation> {
    if (found === null) {
      this.#validations.unknown++
      return new Refusal('unknown', null)
    }
    const now = this.now()
    if (!isSession(found)) {
      this.#validations.unknown++
      this.tell({ type: 'unreadable', at: now, id: presented.id, userId: null, part: 'record' })
      return new Refusal('unknown', null)
    }
    if (hasEnded(found)) {
      this.#validations.ended++
      this.tell({ type: 'used-after-end', at: now, id: found.id, userId: found.userId, reason: found.reason, ip: visit.ip })
      return new Refusal('ended', found.reason)
    }
    const verdict = judge(this.#settings.policy, found, presented, now)
    switch (verdict) {
      case 'accept':
        this.#validations.accepted++
        return this.#accept(found, visit, now)
      case 'rotate': return this.#rotateByAge(found, presented, visit)
      case 'catch-up': return this.#catchUp(found, presented, visit, now)
      case 'expired':
        this.#validations.ended++
        return new Refusal('ended', expiryReason(found))
      case 'reused': return this.#reused(found, presented, visit)
      case 'superseded':
      case 'unknown':
        this.#validations[verdict]++
        return new Refusal(verdict, null)
    }
  }

  #accept (record: SessionRecord, visit: Visit, now: number): Awaitable<SessionRecord | Refusal> {
    if (this.#settings.risk !== undefined && differs(record, visit)) return this.#assess(record, visit, now)
    return this.#count(record, visit, now)
  }

  #count (record: SessionRecord, visit: Visit, now: number): Awaitable<SessionRecord> {
    const { activity } = this.#opened()
    activity.record(record, visit, now)
    if (this.#settings.flush > 0) return record
    return activity.flush(now)?.then(() => record) ?? record
  }

  /** The app decides about a request that looks different. What it answers is checked: only `allow` allows. */
  async #assess (record: SessionRecord, visit: Visit, now: number): Promise<SessionRecord | Refusal> {
    const agent = cleanAgent(visit.agent)
    const verdict = oneOf(await this.#settings.risk?.(record, { ip: visit.ip, agent }), 'risk', ['allow', 'challenge', 'end'])
    if (verdict === 'allow') return this.#count(record, visit, now)
    this.#strangers.add(record, visit.ip, agent)
    if (verdict === 'end') {
      await this.end(record.id, { reason: 'revoked', by: 'risk' })
      return new Refusal('ended', 'revoked')
    }
    // Where the session was last known stays as it was, or the next request from here would pass for its own. Until its user
    // authenticates again, it is one whose sign-in is too long ago for whatever asks for a fresh one.
    const { ip } = record
    return { ...await this.#count(record, { ip, agent: record.agent ?? undefined, passive: visit.passive }, now), authenticatedAt: null }
  }

  /** From here on the session is known by where its user authenticated. */
  async #settle (record: SessionRecord, { ip, agent }: { readonly ip: string | null, readonly agent: string | null }): Promise<void> {
    if (this.#settings.risk === undefined || (ip === record.ip && agent === record.agent)) return
    await this.#opened().store.touch([{ id: record.id, requests: 0, seenAt: 0, generation: -1, ip, agent, device: deviceOf(agent) }], this.now())
  }

  async #rotateByAge (record: SessionRecord, presented: PresentedToken, visit: Visit): Promise<Validation> {
    const { store } = this.#opened()
    const now = this.now()
    const successor = this.#successors(presented)[0]
    if (successor === undefined) return this.#accept(record, visit, now)
    const updated = await store.update(record.id, { rotate: { hash: successor.hash, keep: true } }, { generation: record.generation })
    if (updated.status === 'gone') return new Refusal('ended', updated.ended?.reason ?? null)
    if (updated.status === 'conflict') return this.#judge(updated.record, presented, visit)
    this.#validations.renewed++
    this.tell({ type: 'rotated', at: now, id: record.id, userId: record.userId, generation: updated.record.generation, cause: 'age' })
    // recorded under the generation that was presented: the new one is confirmed only when it comes back
    const accepted = await this.#accept(record, visit, now)
    return accepted instanceof Refusal ? accepted : new Renewal({ ...updated.record, authenticatedAt: accepted.authenticatedAt }, successor.token)
  }

  /** The browser has not got its new cookie yet: it is derived again, if one of our secrets made it. */
  async #catchUp (record: SessionRecord, presented: PresentedToken, visit: Visit, now: number): Promise<Validation> {
    // the new one may have been seen here, and not yet written
    const confirmedAt = record.confirmedAt ?? this.#opened().activity.confirmedAt(record, now)
    if (judge(this.#settings.policy, { ...record, confirmedAt }, presented, now) === 'reused') return this.#reused(record, presented, visit)
    this.#validations.renewed++
    const accepted = await this.#accept({ ...record, generation: presented.generation }, visit, now)
    if (accepted instanceof Refusal) return accepted
    const live = { ...record, authenticatedAt: accepted.authenticatedAt }
    const successor = this.#successors(presented).find(({ hash }) => sameHash(hash, record.hash))
    if (successor === undefined) return live
    this.#resent.set(record.id, now)
    return new Renewal(live, successor.token)
  }

  #successors (presented: PresentedToken): { readonly token: string, readonly hash: string }[] {
    const token = decodeToken(presented.token)
    if (token === null) return []
    return this.#successorKeys.map(key => {
      const verifier = deriveSuccessor(key, token)
      return { token: encodeToken({ id: token.id, generation: token.generation + 1, verifier }), hash: hashVerifier(verifier) }
    })
  }

  async #reused (record: SessionRecord, presented: PresentedToken, visit: Visit): Promise<Validation> {
    this.#validations.reused++
    const selector = this.#settings.onReuse === 'user' && record.userId !== null ? { userId: record.userId } : { ids: [record.id] }
    this.tell({ type: 'token-reused', at: this.now(), id: record.id, userId: record.userId, ip: visit.ip, generation: presented.generation })
    await this.#end(selector, { reason: 'reused' })
    return new Refusal('ended', 'reused')
  }

  async #end (selector: EndSelector, options: EndOptions): Promise<readonly EndedSession[]> {
    const { ended } = await this.#opened().store.end(selector, { reason: options.reason ?? 'revoked', by: options.by ?? null })
    this.#tellEnded(ended)
    return ended
  }

  #newRecord (options: NewSession): { record: SessionRecord, verifier: Buffer } {
    const now = this.now()
    const userId = options.userId === undefined || options.userId === null ? null : toUserId(options.userId)
    const remembered = options.remember === true && userId !== null && this.#settings.remembers
    const ip = this.#addresses.keep(options.ip)
    const agent = cleanAgent(options.agent)
    const lengths = this.#lengths({ userId, remembered })
    const { adopts } = options
    const verifier = adopts === undefined ? newVerifier() : this.#adoptedVerifiers(adopts)[0] as Buffer
    const absolute = adopts === undefined ? lengths.absolute : Math.min(lengths.absolute, adopts.until - now)
    const shard = userId !== null ? shardOf(userId) : adopts === undefined ? randomShard() : shardOf(adopts.credential)
    return {
      verifier,
      record: {
        id: newId(shard, now),
        userId,
        generation: 0,
        hash: hashVerifier(verifier),
        previousHash: null,
        rotatedAt: now,
        confirmedAt: null,
        createdAt: now,
        authenticatedAt: userId === null || adopts !== undefined ? null : now,
        methods: toMethods(options.method),
        lastSeenAt: now,
        idle: adopts?.idle ?? lengths.idle,
        absoluteAt: now + absolute,
        requests: 0,
        remembered,
        ip,
        agent,
        firstIp: ip,
        firstAgent: agent,
        device: deviceOf(agent),
        name: null,
        data: encodeData(options.data ?? {})
      }
    }
  }

  /** A sign-in that was not answered may still have happened: then nobody has its token, and it must not stay. */
  async #createIn (store: Store, record: SessionRecord, options: CreateOptions): Promise<Created> {
    try {
      return await store.create(record, options)
    } catch (error) {
      // a credential's next request gets what the first one made
      if (options.adopts === null && isUnavailable(error)) this.#parts?.pending.add([record.id], { reason: 'revoked', by: 'rollback' })
      throw error
    }
  }

  #created (created: Created, wanted: SessionRecord, verifier: Buffer, options: NewSession): NewSessionResult {
    const at = this.now()
    switch (created.status) {
      case 'created': {
        const { record, ended } = created
        this.#tellEnded(ended)
        const base = { at, id: record.id, userId: record.userId }
        this.tell({ type: 'created', ...base, methods: record.methods, remembered: record.remembered, ip: record.ip, device: record.device })
        if (options.adopts !== undefined) this.tell({ type: 'adopted', ...base, source: options.adopts.source })
        return { session: record, token: encodeToken({ id: record.id, generation: 0, verifier }), ended, joined: false }
      }
      case 'adopted': {
        const { session } = created
        if (session === null || hasEnded(session)) throw endedError(session?.reason ?? 'logout')
        const refused = this.#opened().pending.reasonFor(session.id)
        if (refused !== undefined) throw endedError(refused)
        return { session, token: this.#joinToken(session, options.adopts as Adopted, at), ended: [], joined: true }
      }
      case 'refused':
        this.tell({ type: 'limit-refused', at, id: null, userId: wanted.userId, max: created.live.length })
        throw new SessionError('FST_SESSION_LIMIT_REACHED')
      case 'full': throw new SessionError('FST_SESSION_STORE_FULL')
      case 'exists': throw new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: new Error('an id was used twice') })
    }
  }

  /** The token for a browser that brings an adopted credential again. Its first requests go in parallel, so that it is not alone. */
  #joinToken (session: SessionRecord, adopts: Adopted, now: number): string {
    const verifier = this.#adoptedVerifiers(adopts).find(verifier => sameHash(hashVerifier(verifier), (session.generation === 0 ? session.hash : session.previousHash) ?? ''))
    if (verifier === undefined || !mayJoin(this.#settings.policy, session, now)) throw endedError('superseded')
    return encodeToken({ id: session.id, generation: 0, verifier })
  }

  #adoptedVerifiers (adopts: Adopted): Buffer[] {
    return this.#adoptionKeys.map(key => deriveAdopted(key, `${adopts.source}\0${adopts.credential}`))
  }

  async #limitOf (userId: string | null): Promise<{ max: number, onLimit: 'oldest' | 'idle' | 'reject' } | null> {
    if (userId === null) return null
    const { limit } = this.#settings
    const max = await limit.max(userId)
    return max === Infinity ? null : { max, onLimit: limit.onLimit }
  }

  /** What the store is told: an idle time that leaves room for activity that another node has not written yet. */
  #lengths (session: { readonly userId: string | null, readonly remembered: boolean }): Lengths {
    const { idle, absolute } = lengthsFor(this.#settings.policy, session)
    const room = this.#parts?.store.scope === 'process' ? 0 : this.#settings.flush
    return { idle: idle + room, absolute }
  }

  #changed (updated: Updated): SessionRecord | null {
    return updated.status === 'done' ? updated.record : null
  }

  #withActivity (record: SessionRecord): SessionRecord {
    const { activity } = this.#opened()
    const requests = activity.requests(record.id)
    if (requests === 0) return record
    return { ...record, requests: record.requests + requests, lastSeenAt: Math.max(record.lastSeenAt, activity.seenAt(record.id)) }
  }

  #activityChanged (record: SessionRecord, change: { readonly ip?: string | null, readonly agent?: string | null }): void {
    const base = { at: this.now(), id: record.id, userId: record.userId }
    if (change.ip !== undefined) this.tell({ type: 'ip-changed', ...base, from: record.ip, to: change.ip })
    if (change.agent !== undefined) this.tell({ type: 'agent-changed', ...base, from: record.agent, to: change.agent })
  }

  #tellEnded (ended: readonly EndedSession[]): void {
    for (const session of ended) {
      this.#parts?.activity.forget(session.id)
      this.tell({ type: 'ended', at: session.endedAt, id: session.id, userId: session.userId, reason: session.reason, by: session.by, session })
      this.#parts?.endings.tell(session)
    }
    if (this.#parts?.watch === undefined) return
    if (this.#told.size > 10_000) this.#told.clear()
    for (const { id } of ended) this.#told.add(id)
  }

  #operated (operation: string, duration: number): void {
    this.#latency.add(duration)
    for (const listener of this.#operations) listener(operation, duration)
  }

  #endedElsewhere (session: EndedSession, endings: Endings): void {
    endings.tell(session)
    // a network store tells a node's own ends, too
    if (this.#told.delete(session.id)) return
    for (const listener of this.#elsewhere) listener(session)
  }

  #storeFailed (operation: string, error: unknown): void {
    // the first of a row, then every hundredth: an outage must not flood the log
    if (this.#failures++ % 100 !== 0) return
    this.tell({ type: 'store-failed', at: Date.now(), id: null, userId: null, operation, error: error instanceof Error ? error.name : 'Error', count: this.#failures })
  }

  #storeRecovered (after: number): void {
    this.#failures = 0
    this.tell({ type: 'store-recovered', at: Date.now(), id: null, userId: null, after })
  }

  async #sweep (store: Store, activity: Activity): Promise<void> {
    const started = this.now()
    let total = 0
    for (const [id, at] of this.#resent) if (at + this.#settings.policy.settle <= started) this.#resent.delete(id)
    try {
      await activity.flush(started)
      for (let more = true; more;) {
        const step = await store.sweep(sweepStep)
        this.#tellEnded(step.ended)
        total += step.ended.length
        more = step.more
        // the event loop is free between slices
        if (more) await new Promise(resolve => { setImmediate(resolve) })
      }
    } catch {
      return // told by the guard; the next sweep goes on
    }
    this.tell({ type: 'swept', at: this.now(), id: null, userId: null, ended: total, duration: this.now() - started })
  }

  #opened (): Parts {
    if (this.#parts === null) throw new SessionError('FST_SESSION_CLOSED')
    return this.#parts
  }
}

function markOf ({ source, credential, until, blockedUntil = until }: Adopted): { key: string, until: number } {
  return { key: hashVerifier(Buffer.from(`${source}\0${credential}`)), until: blockedUntil }
}

function endedError (reason: EndReason | 'superseded'): SessionError {
  return new SessionError('FST_SESSION_ENDED', { values: [reason], reason })
}

function toPage (page: Partial<PageOptions>): PageOptions {
  return { limit: page.limit ?? 50, cursor: page.cursor ?? null, order: page.order ?? 'newest' }
}

/** Whether a request looks different from the session's last. */
function differs (record: SessionRecord, visit: Visit): boolean {
  return visit.ip !== record.ip || (visit.agent !== record.agent && cleanAgent(visit.agent) !== record.agent)
}

function toMethods (method: string | readonly string[] | undefined): string {
  return (typeof method === 'string' ? [method] : method ?? []).join(' ').slice(0, 128)
}

function isUnavailable (error: unknown): boolean {
  return error instanceof SessionError && error.code === 'FST_SESSION_STORE_UNAVAILABLE'
}
