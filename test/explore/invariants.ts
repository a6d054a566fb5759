import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, EndReason, SessionRecord } from '../../lib/model/record.ts'
import type { SessionPatch, CreateResult, CreateOptions, EndResult, Precondition, UpdateResult } from '../../lib/store.ts'

/** What the model knows of one session. */
interface Life {
  readonly id: string
  readonly userId: string | null
  /** Somebody saw it. */
  exists: boolean
  /** The latest absolute deadline it may ever show. */
  absoluteExpiresAt: number
  /** The latest that it may live, as far as anybody saw. */
  expiresAt: number
  /** The most that was seen of what only grows, and at which step. */
  seen: { readonly lastSeenAt: number, readonly generation: number, readonly requests: number, readonly at: number }
  /** The step at which somebody was told of its end. */
  endedAt: number | null
  /** The step at which each node knew of its end. */
  readonly heardAt: Map<number, number>
  /** The step at which each node last saw it alive in the store. */
  readonly lookedAt: Map<number, number>
  reason: EndReason | null
  /** How many `ended` events there were. */
  told: number
  /** How many requests were let in. */
  admitted: number
  /** When the last of them came. */
  admittedAt: number
  /** What was kept, by data key. */
  readonly kept: Map<string, string>
  /** Generations that a rotation went out from. */
  readonly rotated: Set<number>
  /** An explicit rotation killed the verifier before it. */
  killed: boolean
}

/** A verb that is under way: where the model was when it began. */
export interface Begun {
  readonly step: number
  readonly now: number
}

/** What a monitor looks at. */
export interface Watched {
  readonly clock: { readonly now: number }
  readonly steps: { readonly taken: number }
  /** At most so many live sessions of a user. */
  readonly limit: number
}

/**
 * The model of a session's life: it hears everything that stores are asked and answer, and everything that managers tell, and says
 * where that breaks a law. It knows nothing of how a store works.
 */
export class Monitor {
  readonly #watched: Watched
  readonly #lives = new Map<string, Life>()
  /** Sessions that others took the place of while they lived. */
  readonly #replaced = new Set<string>()
  readonly #adopted = new Map<string, string>()
  readonly violations: string[] = []
  /** Clocks are wrong in this run, or turned back: instants of different nodes cannot be compared to the millisecond. */
  readonly skewed: boolean
  /** Verbs fail in this run: an end that nobody was told of is possible, one that is told twice is not. */
  readonly faulty: boolean
  /** Nodes keep copies: a session that ended on another may be let in to until its node knows. */
  readonly copies: boolean

  constructor (watched: Watched, { skewed = false, faulty = false, copies = false } = {}) {
    this.#watched = watched
    this.skewed = skewed
    this.faulty = faulty
    this.copies = copies
  }

  get ids (): readonly string[] {
    return [...this.#lives.keys()]
  }

  life (id: string): Life | undefined {
    return this.#lives.get(id)
  }

  begin (): Begun {
    return { step: this.#watched.steps.taken, now: this.#watched.clock.now }
  }

  /** A session is about to be created. */
  wanted (record: SessionRecord): void {
    const seen = { lastSeenAt: 0, generation: 0, requests: 0, at: 0 }
    this.#lives.set(record.id, {
      id: record.id,
      userId: record.userId,
      exists: false,
      absoluteExpiresAt: record.absoluteExpiresAt,
      expiresAt: 0,
      seen,
      endedAt: null,
      heardAt: new Map(),
      lookedAt: new Map(),
      reason: null,
      told: 0,
      admitted: 0,
      admittedAt: 0,
      kept: new Map(Object.entries(record.data)),
      rotated: new Set(),
      killed: false
    })
  }

  created (begun: Begun, answer: CreateResult, options: CreateOptions): void {
    switch (answer.status) {
      case 'created':
        this.#shift(answer.record.id, options.at)
        this.live(answer.record, begun)
        for (const session of answer.ended) this.ended(session)
        if (options.replaces !== null) this.#replace(options.replaces)
        if (options.adopts !== null) {
          if (this.#adopted.has(options.adopts.key)) this.#broken(2, 'a credential was adopted twice')
          this.#adopted.set(options.adopts.key, answer.record.id)
        }
        break
      case 'adopted':
        if (answer.session !== null) this.found(begun, answer.session)
        break
      case 'refused':
        for (const record of answer.live) this.live(record, begun)
        break
      case 'exists':
      case 'full':
        this.#broken(2, `create was answered ${answer.status}`)
    }
  }

  /** An answer of `read`. */
  found (begun: Begun, session: SessionRecord | EndedSession | null): void {
    if (session === null) return
    if (!hasEnded(session)) {
      this.live(session, begun)
      return
    }
    const life = this.#lives.get(session.id)
    if (life?.reason != null && life.reason !== session.reason && life.endedAt !== null && life.endedAt < begun.step) { this.#broken(7, `a session that ended as ${life.reason} is said to have ended as ${session.reason}`) }
  }

  /** A change is on its way. */
  changing (id: string, change: SessionPatch): void {
    const life = this.#lives.get(id)
    if (life === undefined) return
    if (change.rotate?.keep === false) life.killed = true
    this.#renewed(life, change)
  }

  updated (
    begun: Begun,
    answer: UpdateResult,
    { id, change, expect }: { readonly id: string; readonly change: SessionPatch; readonly expect: Precondition | undefined }
  ): void {
    const life = this.#lives.get(id)
    if (life !== undefined) this.#renewed(life, change)
    if (answer.status === 'gone') return
    this.live(answer.record, begun)
    if (answer.status === 'conflict' || life === undefined) return
    for (const [key, text] of Object.entries(change.set ?? {})) {
      if (answer.record.data[key] !== text) this.#broken(5, `what was set is not there: ${key}`)
      life.kept.set(key, text)
    }
    for (const key of change.unset ?? []) life.kept.delete(key)
    if (change.rotate === undefined || expect === undefined) return
    if (life.rotated.has(expect.generation)) this.#broken(3, `two rotations went out from generation ${expect.generation}`)
    life.rotated.add(expect.generation)
  }

  listed (begun: Begun, records: readonly SessionRecord[]): void {
    for (const record of records) this.live(record, begun)
  }

  endings (ending: Pick<EndResult, 'ended'>): void {
    for (const session of ending.ended) this.ended(session)
  }

  /** A session was seen alive by somebody who began to look then. */
  live (record: SessionRecord, begun: Begun): void {
    const life = this.#lives.get(record.id)
    if (life === undefined) {
      this.#broken(2, 'a session exists that nobody created')
      return
    }
    if (life.endedAt !== null && begun.step > life.endedAt) this.#broken(2, 'an ended session lives')
    if (begun.now >= expiresAt(record)) this.#broken(1, 'an expired session is there')
    if (record.absoluteExpiresAt > life.absoluteExpiresAt) { this.#broken(6, `the absolute deadline grew by ${record.absoluteExpiresAt - life.absoluteExpiresAt} ms`) }
    life.exists = true
    life.expiresAt = Math.max(life.expiresAt, expiresAt(record))
    const { lastSeenAt, generation, requestCount: requests } = record
    if (begun.step > life.seen.at) {
      if (lastSeenAt < life.seen.lastSeenAt) this.#broken(6, `lastSeenAt moved back by ${life.seen.lastSeenAt - lastSeenAt} ms`)
      if (generation < life.seen.generation) this.#broken(3, 'the generation moved back')
      if (requests < life.seen.requests) this.#broken(6, 'requests got fewer')
    }
    if (requests > life.admitted) this.#broken(6, `${requests} requests are counted, ${life.admitted} were let in`)
    if (lastSeenAt > this.#watched.clock.now && !this.skewed) this.#broken(6, 'a session was seen in the future')
    life.seen = {
      lastSeenAt: Math.max(lastSeenAt, life.seen.lastSeenAt),
      generation: Math.max(generation, life.seen.generation),
      requests: Math.max(requests, life.seen.requests),
      at: this.#watched.steps.taken
    }
  }

  /** Somebody was told that a session ended in what they asked for. */
  ended (session: EndedSession): void {
    const life = this.#lives.get(session.id)
    if (life === undefined) {
      this.#broken(7, 'a session ended that nobody created')
      return
    }
    if (life.endedAt !== null) this.#broken(7, `an end is told twice: ${life.reason ?? ''}, then ${session.reason}`)
    if (session.requestCount > life.admitted) { this.#broken(6, `${session.requestCount} requests are counted, ${life.admitted} were let in`) }
    life.endedAt ??= this.#watched.steps.taken
    life.reason ??= session.reason
  }

  /** A manager told an `ended` event. */
  told (session: Pick<EndedSession, 'id' | 'reason'>): void {
    const life = this.#lives.get(session.id)
    if (life === undefined) {
      this.#broken(7, 'an event tells of the end of a session that nobody created')
      return
    }
    if (++life.told > 1) this.#broken(7, `${life.told} events tell of one end`)
    if (life.reason !== session.reason) { this.#broken(7, `an event tells of the reason ${session.reason}, the store said ${String(life.reason)}`) }
  }

  /** A node knows, from its own end or another's message, that these have ended. */
  heard (node: number, ids: readonly string[]): void {
    for (const id of ids) {
      const life = this.#lives.get(id)
      if (life?.endedAt != null && !life.heardAt.has(node)) life.heardAt.set(node, this.#watched.steps.taken)
    }
  }

  /** A node's stream broke: from here on it must look. */
  heardAll (node: number): void {
    this.heard(node, this.ids)
  }

  /** A node saw in the store that a session lives. */
  looked (node: number, id: string): void {
    this.#lives.get(id)?.lookedAt.set(node, this.#watched.steps.taken)
  }

  /** A request was let in. `strict`: no copy will do. */
  admitted (id: string, begun: Begun, { node, strict }: { readonly node: number; readonly strict: boolean }): void {
    const life = this.#lives.get(id)
    if (life === undefined) {
      this.#broken(2, 'a request was let in to a session that nobody created')
      return
    }
    if (begun.step > (life.heardAt.get(node) ?? Infinity)) this.#broken(2, 'a request was let in on a node that knows of the end')
    if (strict || !this.copies) {
      if (begun.step >= (life.lookedAt.get(node) ?? -1)) this.#broken(2, 'a request that no copy will do for was let in without a look')
      if (life.endedAt !== null && begun.step > life.endedAt) this.#broken(2, 'a request was let in to an ended session')
    }
    life.admitted++
    life.admittedAt = Math.max(life.admittedAt, begun.now)
  }

  /** How many sessions of one user there are now, by their very records. */
  standing (records: readonly SessionRecord[]): void {
    const begun = this.begin()
    for (const record of records) this.live(record, begun)
    // a clock that was turned back finds sessions that had expired
    if (records.length > this.#watched.limit && !this.skewed) { this.#broken(3, `${records.length} sessions live, ${this.#watched.limit} may`) }
  }

  /** All activity was written: what lives must have all of it. */
  written (record: SessionRecord): void {
    const life = this.#lives.get(record.id)
    if (life === undefined || this.faulty) return
    if (record.requestCount !== life.admitted) { this.#broken(6, `${life.admitted} requests were let in, ${record.requestCount} are counted`) }
    if (record.lastSeenAt < life.admittedAt && !this.skewed) { this.#broken(6, `the last request was ${life.admittedAt - record.lastSeenAt} ms after lastSeenAt`) }
    for (const [key, text] of life.kept) if (record.data[key] !== text) this.#broken(5, `what was kept is lost: ${key}`)
  }

  /** All that was asked for has been answered. */
  settled (): void {
    for (const id of this.#replaced) { if (this.#lives.get(id)?.endedAt === null && !this.faulty) this.#broken(7, 'a replaced session was not said to have ended') }
  }

  /** Everything has ended: each session must have been told of, once. */
  over (): void {
    for (const { told, reason, exists } of this.#lives.values()) {
      if (exists && told === 0 && !this.faulty) this.#broken(7, `no event tells of an end: ${reason ?? 'nobody said why'}`)
    }
  }

  /** What an actor finds broken. */
  broken (law: number, what: string): void {
    this.#broken(law, what)
  }

  /** Whoever proves again who they are gets both lengths anew. */
  #renewed (life: Life, { authenticate }: SessionPatch): void {
    if (authenticate === undefined) return
    // on a clock that was turned back, now is before
    life.seen = { ...life.seen, lastSeenAt: Math.min(life.seen.lastSeenAt, this.#watched.clock.now) }
    life.absoluteExpiresAt = Math.max(life.absoluteExpiresAt, this.#watched.clock.now + authenticate.absoluteTimeout)
  }

  /** The store's clock is not the caller's: a life has its length from when it was stored. */
  #shift (id: string, at: number): void {
    const life = this.#lives.get(id)
    if (life !== undefined) life.absoluteExpiresAt += this.#watched.clock.now - at
  }

  #replace (id: string): void {
    if (this.#watched.clock.now < (this.#lives.get(id)?.expiresAt ?? 0)) this.#replaced.add(id)
  }

  #broken (law: number, what: string): void {
    this.violations.push(`law ${law}: ${what}`)
  }
}
