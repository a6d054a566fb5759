import { byAge, expiresAt } from '../../model/record.ts'
import type { SessionRecord } from '../../model/record.ts'
import { tailOf } from '../../token/token-table.ts'
import type { Keyed } from '../../token/token-table.ts'
import type { Draft } from '../patch.ts'
import { Schedule } from './expiry-heap.ts'
import type { Scheduled } from './expiry-heap.ts'
import { IdIndex } from './id-index.ts'
import { SplitMap } from './sharded-map.ts'
import { Timeline } from './sorted-list.ts'
import type { Place } from './sorted-list.ts'

/** A session's place in every index. Its record is replaced by a change, so that what was handed out stays as it was; only activity moves on in it. */
export class Entry implements Scheduled, Keyed {
  record: Draft
  readonly tail: number
  slot = 0
  /** The sessions of one user form a ring, in order of arrival. */
  next: Entry = this
  /** How many there are in its ring; kept by the first one only. */
  count = 1
  previous: Entry = this

  constructor (record: Draft) {
    this.record = record
    this.tail = tailOf(record.id)
  }

  get key (): string { return this.record.id }
}

export const entryPlace: Place<Entry> = { at: entry => entry.record.createdAt, id: entry => entry.record.id }

/**
 * Live sessions, and those that expired and were not swept: by id, by user, by age, and by when they are due. An entry is due no later
 * than its session expires; activity does not move it, the sweep does.
 */
export class Live {
  readonly #byId = new IdIndex<Entry>()
  /** The longest known of each user's ring, and of the guests'. */
  readonly #byUser = new SplitMap<Entry>()
  #guest: Entry | null = null
  readonly all = new Timeline(entryPlace)
  readonly schedule = new Schedule<Entry>()
  guests = 0
  remembered = 0

  get size (): number { return this.#byId.size }
  get users (): number { return this.#byUser.size }
  get oldestGuest (): Entry | null { return this.#guest }

  get (id: string): Entry | undefined { return this.#byId.get(id) }

  /** A user's sessions, oldest first. */
  of (userId: string): Entry[] {
    const first = this.#byUser.get(userId)
    if (first === undefined) return []
    const entries = [first]
    for (let entry = first.next; entry !== first; entry = entry.next) entries.push(entry)
    return entries.sort((a, b) => byAge(a.record, b.record))
  }

  /** Whether a user has so many sessions (1 or more), the expired ones included: all that most sign-ins need to know of a limit. */
  has (userId: string, count: number): boolean {
    return (this.#byUser.get(userId)?.count ?? 0) >= count
  }

  add (record: Draft): SessionRecord {
    const first = this.#firstOf(record.userId)
    const entry = new Entry(record)
    if (first === null) {
      this.#setFirst(record.userId, entry)
    } else {
      // one string a user, not one a sign-in
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
    if (record.userId === null) this.guests++
    if (record.remembered) this.remembered++
    return record
  }

  /** Replaces a record; the session is due earlier if its life got shorter. */
  replace (entry: Entry, record: Draft): void {
    entry.record = record
    const due = expiresAt(record)
    if (due < this.schedule.dueOf(entry)) this.schedule.move(entry, due)
  }

  remove (entry: Entry): void {
    const { record, next, previous } = entry
    previous.next = next
    next.previous = previous
    const first = this.#firstOf(record.userId) as Entry
    if (first !== entry) {
      first.count--
    } else if (next === entry) {
      this.#setFirst(record.userId, null)
    } else {
      next.count = entry.count - 1
      this.#setFirst(record.userId, next)
    }
    this.#byId.delete(entry)
    this.all.remove(entry)
    this.schedule.remove(entry)
    if (record.userId === null) this.guests--
    if (record.remembered) this.remembered--
  }

  #firstOf (userId: string | null): Entry | null {
    return userId === null ? this.#guest : this.#byUser.get(userId) ?? null
  }

  #setFirst (userId: string | null, entry: Entry | null): void {
    if (userId === null) this.#guest = entry
    else if (entry === null) this.#byUser.delete(userId)
    else this.#byUser.set(userId, entry)
  }
}

/**
 * A copy to be changed and then kept. Every record is made here, so that all have one shape and none carries what a store does not know.
 * What each request looks at comes first: it lies together in memory.
 */
export function draftOf (record: SessionRecord): Draft {
  return {
    id: record.id,
    hash: record.hash,
    generation: record.generation,
    lastSeenAt: record.lastSeenAt,
    idle: record.idle,
    absoluteAt: record.absoluteAt,
    methods: record.methods,
    data: record.data,
    confirmedAt: record.confirmedAt,
    ip: record.ip,
    agent: record.agent,
    userId: record.userId,
    requests: record.requests,
    previousHash: record.previousHash,
    rotatedAt: record.rotatedAt,
    createdAt: record.createdAt,
    authenticatedAt: record.authenticatedAt,
    remembered: record.remembered,
    firstIp: record.firstIp,
    firstAgent: record.firstAgent,
    device: record.device,
    name: record.name
  }
}
