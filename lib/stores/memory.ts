import { compileFilter } from '../model/filter.ts'
import type { Filter } from '../model/filter.ts'
import { byAge, expiresAt, expiryReason, toEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { checkNames, invalidOption, namesOf } from '../options.ts'
import type {
  SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, Page, PageOptions, StatisticsSlice, Statistics,
  Store, StoreContext, ActivityUpdate, UpdateResult
} from '../store.ts'
import type { CursorScope } from './cursor.ts'
import { AdoptedCredentials } from './memory/adopted-credentials.ts'
import { Capacity } from './memory/capacity.ts'
import { endOfUser } from './memory/end-user.ts'
import { endedPlace, History } from './memory/history.ts'
import { draftOf, entryPlace, LiveSessions } from './memory/live-sessions.ts'
import type { Entry } from './memory/live-sessions.ts'
import { readPage } from './memory/page.ts'
import { SortedList } from './memory/sorted-list.ts'
import { StringPool } from './memory/string-pool.ts'
import { applyPatch, applyTouch, copyData } from './patch.ts'
import type { MutableRecord } from './patch.ts'

export interface MemoryStoreOptions {
  /**
   * The largest number of sessions, live and ended ones together: 1 or more. Default 1,000,000, about 0.6 GB. At the cap, the store
   * deletes ended-session records first, then guests, the oldest first. If neither is left, it refuses a new session
   * (`FST_SESSION_STORE_FULL`).
   */
  readonly max?: number
}

/**
 * The number of sessions that a cleanup deletes in one turn of the event loop. While a full garbage collection is in progress, each
 * allocation does a part of its work, 10 to 20 ms, and a turn of 200 sessions allocates often. Measured with 10, for a million sessions:
 * no turn took 100 ms, and the cleanup took no longer in total.
 */
const cleanupStep = 10

class MemoryStore implements Store {
  readonly name = 'memory'
  readonly scope = 'process'
  readonly durable = false
  #now = Date.now
  #keep = 0
  readonly #live = new LiveSessions()
  readonly #history = new History()
  readonly #capacity: Capacity
  readonly #strings = new StringPool()
  readonly #adoptions = new AdoptedCredentials()
  readonly #slices = new Map<string, StatisticsSlice>()

  constructor (max: number) {
    this.#capacity = new Capacity(max, { live: this.#live, history: this.#history })
  }

  open (context: StoreContext): void {
    this.#now = context.now ?? Date.now
    this.#keep = context.history
    this.#capacity.keepPerUser = context.history > 0 ? context.historyPerUser : 0
  }

  ping (): void {}
  close (): void {}

  create (record: SessionRecord, options: CreateOptions): CreateResult {
    const now = this.#now()
    if (options.adopts !== null) {
      const adopted = this.#adoptions.get(options.adopts.key)
      if (adopted !== undefined) return { status: 'adopted', session: this.read(adopted) }
    }
    if (this.#live.get(record.id) !== undefined || this.#history.get(record.id) !== undefined) return { status: 'exists' }
    const over = this.#over(record.userId, options, now)
    if (!Array.isArray(over)) return over
    const replaced = options.replaces === null ? null : this.#find(options.replaces, now)
    if (over.length === 0 && replaced === null && this.#capacity.isFull(now)) return { status: 'full' }
    const ended = over.map(entry => this.#capacity.remove(entry, { reason: 'evicted', by: null }, now))
    if (replaced !== null) ended.push(this.#capacity.remove(replaced, { reason: 'replaced', by: null }, now))
    ended.push(...this.#capacity.makeRoom(now))
    const shift = now - options.at
    const stored = this.#live.add(this.#toStored(record, shift))
    if (options.adopts !== null) this.#adoptions.add(options.adopts.key, stored.id, options.adopts.until + shift)
    return { status: 'created', record: stored, ended }
  }

  read (id: string): SessionRecord | EndedSession | null {
    const entry = this.#live.get(id)
    if (entry === undefined) return this.#history.get(id) ?? null
    const { record } = entry
    const deadline = expiresAt(record)
    return this.#now() < deadline ? record : toEnded(record, { reason: expiryReason(record), by: null, at: deadline })
  }

  touch (batch: readonly ActivityUpdate[], at: number): readonly string[] {
    const now = this.#now()
    const gone: string[] = []
    for (const touch of batch) {
      const entry = this.#find(touch.id, now)
      if (entry === null) { gone.push(touch.id); continue }
      // in place: a request changes only activity, and a new record each second was most of a request's cost
      const { record } = entry
      applyTouch(record, touch, now, at)
      if (touch.ip !== undefined || touch.userAgent !== undefined) this.#strings.shareAll(record)
      // a session that was seen is due later; the cleanup reschedules it
    }
    return gone
  }

  update (id: string, change: SessionPatch, expect?: Precondition): UpdateResult {
    const now = this.#now()
    const entry = this.#find(id, now)
    if (entry === null) {
      const left = this.read(id)
      return { status: 'gone', ended: left !== null && 'reason' in left ? left : null }
    }
    if (expect !== undefined && expect.generation !== entry.record.generation) return { status: 'conflict', record: entry.record }
    const record = draftOf(applyPatch(entry.record, change, now))
    this.#live.replace(entry, record)
    return { status: 'done', record }
  }

  end (selector: EndSelector, why: EndCause): EndResult {
    const now = this.#now()
    if ('filter' in selector) {
      const { filter, limit, cursor } = selector
      const page = this.#pageOfLive({ list: 'end', filter, order: 'oldest' }, { limit, cursor })
      return { ended: page.items.map(entry => this.#capacity.remove(entry, why, now)), cursor: page.cursor }
    }
    if ('userId' in selector) return endOfUser({ live: this.#live, capacity: this.#capacity, now }, selector, why)
    const ended: EndedSession[] = []
    for (const id of new Set(selector.ids)) {
      const entry = this.#find(id, now)
      if (entry !== null) ended.push(this.#capacity.remove(entry, why, now))
    }
    return { ended, cursor: null }
  }

  list (filter: Filter, { limit, cursor, order }: PageOptions): Page<SessionRecord> {
    const page = this.#pageOfLive({ list: 'live', filter, order }, { limit, cursor })
    return { items: page.items.map(entry => entry.record), cursor: page.cursor }
  }

  history (filter: Filter, { limit, cursor, order }: PageOptions): Page<EndedSession> {
    const sessions = filter.userId === undefined ? this.#history.all : new SortedList(endedPlace, this.#history.of(filter.userId))
    return readPage(sessions, compileFilter(filter), { list: 'history', filter, order }, { limit, cursor })
  }

  deleteHistory (userId: string): void { this.#history.deleteUser(userId) }

  count (filter: Filter, cursor: string | null): { count: number, cursor: string | null } {
    const page = this.#pageOfLive({ list: 'count', filter, order: 'newest' }, { limit: Infinity, cursor })
    return { count: page.items.length, cursor: page.cursor }
  }

  cleanup (max: number): { ended: readonly EndedSession[], more: boolean } {
    const now = this.#now()
    const ended: EndedSession[] = []
    const most = Math.min(max, cleanupStep)
    // each session that was seen since it was scheduled costs one lookup per idle timeout
    for (let checked = 0; checked < 4 * most && ended.length < most; checked++) {
      const entry = this.#live.schedule.next(now)
      if (entry === undefined) break
      if (!this.#capacity.postpone(entry, now)) ended.push(this.#capacity.expire(entry))
    }
    const purged = this.#purge(now, most)
    return { ended, more: !purged || this.#live.schedule.next(now) !== undefined }
  }

  saveStatistics (slice: StatisticsSlice): void {
    this.#slices.set(`${slice.node} ${slice.start} ${slice.interval}`, slice)
  }

  statistics (from: number, to: number): Statistics {
    const { size, marks, users, guests, remembered } = this.#live
    return {
      live: size - marks,
      users,
      guests,
      remembered,
      slices: [...this.#slices.values()].filter(slice => slice.start >= from && slice.start < to)
    }
  }

  /** Returns the session if it is live. */
  #find (id: string, now: number): Entry | null {
    const entry = this.#live.get(id)
    return entry !== undefined && now < expiresAt(entry.record) ? entry : null
  }

  /** Returns the live sessions of a user that count toward the limit, oldest first. */
  #liveOf (userId: string, { replaces }: CreateOptions, now: number): Entry[] {
    return this.#live.of(userId).filter(({ record }) => record.id !== replaces && now < expiresAt(record))
  }

  /** Returns the sessions that one more session evicts, or the refusal. */
  #over (userId: string | null, options: CreateOptions, now: number): Entry[] | CreateResult {
    const { limit } = options
    if (limit === null || userId === null || !this.#live.has(userId, limit.max)) return []
    const live = this.#liveOf(userId, options, now)
    const count = live.length - limit.max + 1
    if (count <= 0) return []
    if (limit.onExceeded === 'reject') return { status: 'refused', live: live.map(entry => entry.record) }
    if (limit.onExceeded === 'evict-idle') live.sort((a, b) => a.record.lastSeenAt - b.record.lastSeenAt || byAge(a.record, b.record))
    return live.slice(0, count)
  }

  #toStored (record: SessionRecord, shift: number): MutableRecord {
    const stored = draftOf(record)
    stored.createdAt += shift
    stored.lastSeenAt += shift
    stored.absoluteExpiresAt += shift
    stored.rotatedAt += shift
    if (stored.confirmedAt !== null) stored.confirmedAt += shift
    if (stored.authenticatedAt !== null) stored.authenticatedAt += shift
    stored.data = copyData(record.data)
    this.#strings.shareAll(stored)
    return stored
  }

  #pageOfLive (scope: CursorScope, page: { readonly limit: number, readonly cursor: string | null }): Page<Entry> {
    const now = this.#now()
    const { userId } = scope.filter
    const matches = compileFilter(scope.filter)
    const entries = userId === undefined ? this.#live.all : new SortedList(entryPlace, this.#live.of(userId))
    return readPage(entries, ({ record }) => now < expiresAt(record) && matches(record), scope, page)
  }

  /** Deletes old entries, at most `max` of each kind. Returns whether none is left. */
  #purge (now: number, max: number): boolean {
    let left = max
    while (left > 0 && this.#history.dropOldest(now - this.#keep)) left--
    while (left > 0 && this.#adoptions.dropOldest(now)) left--
    for (const [key, { until }] of this.#slices) if (until <= now) this.#slices.delete(key)
    return left > 0
  }
}

const names = namesOf<MemoryStoreOptions>({ max: true })

/** Creates a store of sessions in this process. Throws `FST_SESSION_INVALID_OPTION` for a cap below 1. */
export function memoryStore (options: MemoryStoreOptions = {}): Store {
  checkNames(options, '', names)
  const { max = 1_000_000 } = options
  if (typeof max !== 'number' || !(max >= 1)) throw invalidOption('max', 'a number of sessions, 1 or more')
  return new MemoryStore(max)
}
