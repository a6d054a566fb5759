import { byAge, expiresAt } from '../../model/record.ts'
import type { SessionRecord } from '../../model/record.ts'
import { hashOf } from '../../token/token-table.ts'
import type { TableEntry } from '../../token/token-table.ts'
import { isBlockId } from '../../token/token.ts'
import type { MutableRecord } from '../patch.ts'
import { ExpiryHeap } from './expiry-heap.ts'
import type { Scheduled } from './expiry-heap.ts'
import { IdIndex } from './id-index.ts'
import { ShardedMap } from './sharded-map.ts'
import { SortedList } from './sorted-list.ts'
import type { SortKey } from './sorted-list.ts'

/**
 * The entry of a session in every index. A change replaces its record, so that returned records stay unchanged; only activity is changed in
 * place.
 */
export class Entry implements Scheduled, TableEntry {
  record: MutableRecord
  readonly keyHash: number
  slot = 0
  /** The sessions of one user form a ring, in order of insertion. */
  next: Entry = this
  /** Number of entries in the ring; only that of the first one is current. */
  count = 1
  previous: Entry = this

  constructor (record: MutableRecord) {
    this.record = record
    this.keyHash = hashOf(record.id)
  }

  get key (): string { return this.record.id }
}

export const entryPlace: SortKey<Entry> = { at: entry => entry.record.createdAt, id: entry => entry.record.id }

/**
 * Live sessions, and expired ones before cleanup: by id, by user, by age, and by due time. An entry is due no later than its session
 * expires. Activity does not change the due time; the cleanup does.
 */
export class LiveSessions {
  readonly #byId = new IdIndex<Entry>()
  /** The first inserted entry of each user's ring, and of the guests'. */
  readonly #byUser = new ShardedMap<Entry>()
  #guest: Entry | null = null
  /** Marks that block legacy credentials are in a ring of their own: they are no guests, and never make room. */
  #mark: Entry | null = null
  readonly all = new SortedList(entryPlace)
  readonly schedule = new ExpiryHeap<Entry>()
  guests = 0
  marks = 0
  remembered = 0

  get size (): number { return this.#byId.size }
  get users (): number { return this.#byUser.size }
  get oldestGuest (): Entry | null { return this.#guest }

  get (id: string): Entry | undefined { return this.#byId.get(id) }

  /** Returns a user's sessions, oldest first. */
  of (userId: string): Entry[] {
    const first = this.#byUser.get(userId)
    if (first === undefined) return []
    const entries = [first]
    for (let entry = first.next; entry !== first; entry = entry.next) entries.push(entry)
    return entries.sort((a, b) => byAge(a.record, b.record))
  }

  /** Returns at most `max` of a user's sessions that match, those that were inserted first, by age. */
  some (userId: string, max: number, matches: (entry: Entry) => boolean): Entry[] {
    const found: Entry[] = []
    const first = this.#byUser.get(userId)
    if (first === undefined) return found
    let entry = first
    do {
      if (matches(entry)) found.push(entry)
      entry = entry.next
    } while (entry !== first && found.length < max)
    return found.sort((a, b) => byAge(a.record, b.record))
  }

  /**
   * Returns whether a user has at least `count` sessions (1 or more), including expired ones. Most logins need no more to check a limit.
   */
  has (userId: string, count: number): boolean {
    return (this.#byUser.get(userId)?.count ?? 0) >= count
  }

  add (record: MutableRecord): SessionRecord {
    const first = this.#firstOf(record)
    const entry = new Entry(record)
    if (first === null) {
      this.#setFirst(record, entry)
    } else {
      // one string per user, not per login
      record.userId = first.record.userId
      entry.previous = first.previous
      entry.next = first
      first.previous.next = entry
      first.previous = entry
      first.count++
    }
    this.#byId.add(entry)
    this.all.add(entry)
    this.schedule.add(entry, expiresAt(record))
    if (record.userId === null) this.#countGuest(record.id, 1)
    if (record.remembered) this.remembered++
    return record
  }

  /** Replaces a record. If its lifetime got shorter, the session is due earlier. */
  replace (entry: Entry, record: MutableRecord): void {
    entry.record = record
    const due = expiresAt(record)
    if (due < this.schedule.dueOf(entry)) this.schedule.move(entry, due)
  }

  remove (entry: Entry): void {
    const { record, next, previous } = entry
    previous.next = next
    next.previous = previous
    const first = this.#firstOf(record) as Entry
    if (first !== entry) {
      first.count--
    } else if (next === entry) {
      this.#setFirst(record, null)
    } else {
      next.count = entry.count - 1
      this.#setFirst(record, next)
    }
    this.#byId.delete(entry)
    this.all.remove(entry)
    this.schedule.remove(entry)
    if (record.userId === null) this.#countGuest(record.id, -1)
    if (record.remembered) this.remembered--
  }

  #countGuest (id: string, by: 1 | -1): void {
    if (isBlockId(id)) this.marks += by
    else this.guests += by
  }

  #firstOf ({ userId, id }: SessionRecord): Entry | null {
    if (userId === null) return isBlockId(id) ? this.#mark : this.#guest
    return this.#byUser.get(userId) ?? null
  }

  #setFirst ({ userId, id }: SessionRecord, entry: Entry | null): void {
    if (userId === null) {
      if (isBlockId(id)) this.#mark = entry
      else this.#guest = entry
    } else if (entry === null) this.#byUser.delete(userId)
    else this.#byUser.set(userId, entry)
  }
}

/**
 * Returns a copy to be changed and then stored. Every record is created here, so that all have one shape and none has a field that a store
 * does not know. The fields that each request reads come first: they are adjacent in memory.
 */
export function draftOf (record: SessionRecord): MutableRecord {
  return {
    id: record.id,
    hash: record.hash,
    generation: record.generation,
    lastSeenAt: record.lastSeenAt,
    idleTimeout: record.idleTimeout,
    absoluteExpiresAt: record.absoluteExpiresAt,
    methods: record.methods,
    data: record.data,
    confirmedAt: record.confirmedAt,
    ip: record.ip,
    userAgent: record.userAgent,
    userId: record.userId,
    requestCount: record.requestCount,
    previousHash: record.previousHash,
    rotatedAt: record.rotatedAt,
    createdAt: record.createdAt,
    authenticatedAt: record.authenticatedAt,
    remembered: record.remembered,
    firstIp: record.firstIp,
    firstUserAgent: record.firstUserAgent,
    device: record.device,
    deviceName: record.deviceName
  }
}
