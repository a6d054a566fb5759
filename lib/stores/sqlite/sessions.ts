import { expiresAt, expiryReason, hasEnded, noData, toEnded, toMethodsText } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type {
  SessionPatch, CreateResult, CreateOptions, EndCause, EndResult, EndSelector, Precondition, StoreContext, ActivityUpdate, UpdateResult
} from '../../store.ts'
import { encodeCursor, endBoundOf, userEndScope } from '../cursor.ts'
import { applyPatch, shiftRecord } from '../patch.ts'
import type { Database } from './database.ts'
import type { Row } from './driver.ts'
import { Journal } from './journal.ts'
import { RecordCache } from './record-cache.ts'
import { toData, toEndedSession, toEndedValues, toRecord, toText, toValues } from './rows.ts'
import { toDeviceText } from '../../model/device.ts'

/** 200 updates take about 2 ms. */
const touchBatch = 200

type UserSelector = Extract<EndSelector, { readonly userId: string }>

/** Operations on one session and on one user. Each is one transaction. */
export class Sessions {
  readonly database: Database
  readonly journal: Journal
  readonly now: () => number
  readonly #context: StoreContext
  readonly #cache: RecordCache
  #warned = false

  constructor (database: Database, context: StoreContext) {
    this.database = database
    this.journal = new Journal(database)
    this.#cache = new RecordCache(database)
    this.now = context.now ?? Date.now
    this.#context = context
  }

  /** Reads a session. Not for use in a transaction after a write. */
  read (id: string): SessionRecord | EndedSession | null {
    const found = this.#cache.get(id) ?? this.#fetch(id)
    if (found === null || hasEnded(found) || this.now() < expiresAt(found)) return found
    return toEnded(found, { reason: expiryReason(found), by: null, at: expiresAt(found) })
  }

  #fetch (id: string): SessionRecord | EndedSession | null {
    const { read, readEnded } = this.database.sql
    const row = read.get(id)
    if (row === null) {
      const ended = readEnded.get(id)
      return ended === null ? null : toEndedSession(ended)
    }
    const record = this.withData(row)
    if (record !== null) this.#cache.keep(record)
    return record
  }

  /** Returns a record with its data; `null` for a row with damaged data. Such a session cannot be used, and it ends like any other. */
  withData (row: Row): SessionRecord | null {
    const data = toData(row)
    if (data !== null) return toRecord(row, data)
    if (!this.#warned) {
      this.#context.warn(`The data of session ${String(row[0])} cannot be read. It counts as gone, and so does each one like it.`)
    }
    this.#warned = true
    return null
  }

  create (record: SessionRecord, options: CreateOptions): CreateResult {
    try {
      return this.database.write(() => this.#create(record, options))
    } catch (error) {
      // on a full disk, existing sessions stay usable
      if (error instanceof Error && error.message.includes('disk is full')) return { status: 'full' }
      throw error
    }
  }

  #create (given: SessionRecord, options: CreateOptions): CreateResult {
    const { sql } = this.database
    const { adopts, replaces } = options
    const now = this.now()
    const shift = now - options.at
    const adopter = adopts === null ? null : sql.adopter.get(adopts.key)
    if (adopter !== null) return { status: 'adopted', session: this.read(adopter[0] as string) }
    if (sql.isUsed.get(given.id, given.id) !== null) return { status: 'exists' }
    const over = this.#over(given.userId, options, now)
    if (over.length > 0 && options.limit?.onExceeded === 'reject') return { status: 'refused', live: over }
    const ended = over.map(other => this.endRecord(other, { reason: 'evicted', by: null }, now))
    if (replaces !== null) ended.push(...this.end([replaces], { reason: 'replaced', by: null }))
    const record = shiftRecord(given, shift)
    sql.insert.run(...toValues(record))
    if (adopts !== null) sql.adopt.run(adopts.key, record.id, adopts.until + shift)
    return { status: 'created', record, ended }
  }

  /** Returns the sessions that prevent one more: those that must end, or, if the limit rejects, all. */
  #over (userId: string | null, { limit, replaces }: CreateOptions, now: number): readonly SessionRecord[] {
    if (limit === null || userId === null) return []
    const { countOf, oldestOf, idlestOf } = this.database.sql
    const who = [userId, replaces ?? '', now, now] as const
    const over = Number(countOf.get(...who)?.[0]) - limit.max + 1
    if (over <= 0) return []
    const rows = limit.onExceeded === 'reject'
      ? oldestOf.all(...who, -1)
      : (limit.onExceeded === 'evict-idle' ? idlestOf : oldestOf).all(...who, over)
    return rows.map(row => toRecord(row, toData(row) ?? noData))
  }

  touch (batch: readonly ActivityUpdate[], at: number): readonly string[] {
    const now = this.now()
    const gone: string[] = []
    for (let from = 0; from < batch.length; from += touchBatch) {
      const part = batch.slice(from, from + touchBatch)
      const touched: ActivityUpdate[] = []
      this.database.write(() => {
        for (const touch of part) {
          if (this.#touch(touch, now, now - at)) touched.push(touch)
          else gone.push(touch.id)
        }
      })
      for (const touch of touched) this.#cache.touched(touch, now, at)
    }
    return gone
  }

  #touch ({ id, requestCount, seenAt, generation, ip, userAgent, device }: ActivityUpdate, now: number, shift: number): boolean {
    const { touch, changeClient } = this.database.sql
    const seen = seenAt === 0 ? 0 : Math.min(now, seenAt + shift)
    if (touch.run(requestCount, seen, generation, seen || now, id, now, now) === 0) return false
    if (ip !== undefined || userAgent !== undefined || device !== undefined) {
      changeClient.run(
        Number(ip !== undefined), ip ?? null,
        Number(userAgent !== undefined), userAgent ?? null,
        Number(device !== undefined), device === undefined ? null : toDeviceText(device),
        id
      )
    }
    return true
  }

  update (id: string, change: SessionPatch, expect?: Precondition): UpdateResult {
    return this.database.write(() => {
      const record = this.read(id)
      if (record === null || hasEnded(record)) return { status: 'gone', ended: record }
      if (expect !== undefined && expect.generation !== record.generation) return { status: 'conflict', record }
      const now = this.now()
      const next = applyPatch(record, change, now)
      this.database.sql.update.run(
        next.generation, next.hash, next.previousHash, next.rotatedAt, next.confirmedAt, next.authenticatedAt, toMethodsText(next.methods),
        next.lastSeenAt, next.idleTimeout, next.absoluteExpiresAt, next.deviceName, toText(next.data), expiresAt(next), id)
      this.journal.changed(id, now)
      this.#cache.drop(id)
      return { status: 'done', record: next }
    })
  }

  /** Ends the live sessions among the ids, inside a transaction. */
  end (ids: readonly string[], why: EndCause): EndedSession[] {
    const now = this.now()
    return ids.flatMap(id => {
      const row = this.database.sql.read.get(id)
      const record = row === null ? null : toRecord(row, noData)
      return record === null || now >= expiresAt(record) ? [] : this.endRecord(record, why, now)
    })
  }

  /**
   * Ends at most `max` live sessions of a user, oldest first, except one, inside a transaction. Steps with its cursor end no session that
   * was created after the first step.
   */
  endSome (selector: UserSelector, why: EndCause, max: number): EndResult {
    const { userId, except = '', cursor } = selector
    const now = this.now()
    const bound = endBoundOf(userId, cursor, now)
    const rows = this.database.sql.oldestOf.all(userId, except, now, now, max).map(row => toRecord(row, noData))
    const found = rows.filter(({ createdAt }) => createdAt <= bound)
    const ended = found.map(record => this.endRecord(record, why, now))
    return { ended, cursor: found.length < max ? null : encodeCursor(userEndScope(userId), [bound]) }
  }

  /** Ends a session, inside a transaction: deletes its row, and adds its ended-session record to history and journal. */
  endRecord (record: SessionRecord, why: EndCause, at: number): EndedSession {
    const { delete: deleteLive, insertEnded, trimHistory } = this.database.sql
    const { history, historyPerUser } = this.#context
    const ended = toEnded(record, { ...why, at })
    deleteLive.run(record.id)
    this.#cache.drop(record.id)
    if (record.userId !== null && history > 0) {
      insertEnded.run(...toEndedValues(ended))
      trimHistory.run(record.userId, historyPerUser)
    }
    this.journal.ended(ended, this.now())
    return ended
  }
}
