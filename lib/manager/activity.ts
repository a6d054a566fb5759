import { isThenable, turn } from '../async.ts'
import type { SessionRecord } from '../model/record.ts'
import { cleanAgent, deviceOf } from '../model/user-agent.ts'
import type { Store, Touch } from '../store.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import { Entry } from './activity-entry.ts'

/** What one validated request adds to its session. */
export interface Visit {
  /** Already in the form that is kept. */
  readonly ip: string | null
  /** The raw user-agent header. */
  readonly agent: string | undefined
  /** Counts, but does not keep the session alive (polling, prefetching). */
  readonly passive: boolean
  /** Must be true to this moment: no copy of the session will do. */
  readonly strict?: boolean
}

export interface ActivityOptions {
  /** Milliseconds between flushes; 0: each request writes through. */
  readonly flush: number
  /** Told when a session's address or agent changed. */
  readonly onChange: (record: SessionRecord, change: { readonly ip?: string | null, readonly agent?: string | null }) => void
  /** Whether a request with the current verifier shows that its browser has it for good. Asked until one did. */
  readonly confirms: (record: SessionRecord, now: number) => boolean
  /** A batch is due: flush now. */
  readonly onDue: () => void
  /** Told how many requests were recorded. */
  readonly onFlush: (requests: number) => void
}

/** What requests add to sessions, gathered into one batch: last seen, address, agent, count. Nothing here can make a session live. */
export class Activity {
  readonly #store: Store
  readonly #options: ActivityOptions
  readonly #slice: number
  #entries = new Map<string, Entry>()
  #batch = 0
  #flushedAt = 0
  #flushing: Promise<void> | null = null

  constructor (store: Store, options: ActivityOptions) {
    this.#store = store
    this.#options = options
    // a file takes 2 ms for so many
    this.#slice = store.batch ?? 200
  }

  /** Adds one request. `presented`: what it came with, if what is recorded is to be found there again. */
  record (record: SessionRecord, visit: Visit, now: number, presented: Pick<PresentedToken, 'activity'> | null = null): void {
    let entry = presented?.activity as Entry | null | undefined
    if (entry == null || entry.batch !== this.#batch) {
      entry = this.#enter(record.id, entry)
      if (presented !== null) presented.activity = entry
    }
    entry.requests++
    // a straggler with the old verifier must not hide that the new one was seen
    if (record.confirmedAt === null && this.#options.confirms(record, now)) entry.generation = Math.max(entry.generation, record.generation)
    if (!visit.passive && now > entry.seenAt) entry.seenAt = now
    if (visit.ip !== record.ip && visit.ip !== null && visit.ip !== entry.ip) this.#moved(record, entry, visit.ip)
    if (visit.agent !== record.agent && visit.agent !== undefined) this.#changed(record, entry, visit.agent)
    // the first request after a pause is written at once, so that a clock that jumps finds nothing unwritten
    if (now - this.#flushedAt >= this.#options.flush || now < this.#flushedAt) this.#options.onDue()
  }

  /** The last activity that has not been written, in milliseconds; 0 if there is none. */
  seenAt (id: string): number {
    return this.#entries.get(id)?.seenAt ?? 0
  }

  /** How many requests have not been written. */
  requests (id: string): number {
    return this.#entries.get(id)?.requests ?? 0
  }

  /** When the current verifier was seen, if it was and has not been written; `null` otherwise. */
  confirmedAt (record: SessionRecord, now: number): number | null {
    const entry = this.#entries.get(record.id)
    return entry === undefined || entry.generation < record.generation ? null : entry.seenAt || now
  }

  /** Forgets a session that has ended. */
  forget (id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.batch = -1
    this.#entries.delete(id)
  }

  /**
   * Writes the batch. What fails stays, one entry a session, for the next time: when it was seen, but not how often, because nobody knows
   * whether the store got it, and a count must never be too much.
   */
  flush (now: number): Promise<void> | undefined {
    if (this.#flushing !== null) return this.#flushing.then(() => this.flush(now))
    this.#flushedAt = now
    if (this.#entries.size === 0) return undefined
    const entries = [...this.#entries.values()]
    this.#entries = new Map()
    this.#batch++
    const written = this.#write(entries, now, 0)
    if (written === undefined) return undefined
    this.#flushing = written.finally(() => { this.#flushing = null })
    return this.#flushing
  }

  /** Writes from `start` on, a slice a turn: no promise for one slice that the store took at once. */
  #write (entries: readonly Entry[], now: number, start: number): Promise<void> | undefined {
    const end = start + this.#slice
    const batch = entries.slice(start, end)
    const rest = end < entries.length ? end : null
    let answer
    try {
      answer = this.#store.touch(batch satisfies readonly Touch[], now)
    } catch {
      this.#keep(entries.slice(start))
      return undefined
    }
    if (isThenable(answer)) {
      return Promise.resolve(answer).then(
        () => { this.#written(batch); return rest === null ? undefined : this.#write(entries, now, rest) },
        () => { this.#keep(entries.slice(start)) })
    }
    this.#written(batch)
    return rest === null ? undefined : turn().then(() => this.#write(entries, now, rest))
  }

  #written (batch: readonly Entry[]): void {
    let requests = 0
    for (const entry of batch) {
      requests += entry.requests
      entry.batch = -1
    }
    this.#options.onFlush(requests)
  }

  #keep (entries: readonly Entry[]): void {
    // into another: the store may still be at work on what it was given
    for (const entry of entries) this.#enter(entry.id).catchUp(entry)
  }

  /** The session's entry in this batch: what another cookie of it has made, or the one of the cookie's last batch again, or a new one. */
  #enter (id: string, last?: Entry | null): Entry {
    const known = this.#entries.get(id)
    if (known !== undefined) return known
    const entry = last?.batch === -1 ? last : new Entry(id)
    entry.start(this.#batch)
    this.#entries.set(id, entry)
    return entry
  }

  #moved (record: SessionRecord, entry: Entry, ip: string): void {
    entry.ip = ip
    this.#options.onChange(record, { ip })
  }

  #changed (record: SessionRecord, entry: Entry, header: string): void {
    const agent = cleanAgent(header)
    if (agent === record.agent || agent === entry.agent) return
    entry.agent = agent
    entry.device = deviceOf(agent)
    this.#options.onChange(record, { agent })
  }
}
