import { ok } from 'node:assert/strict'
import { expiresAt, hasEnded, noData } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { Created, CreateOptions, Store, Touch } from '../../store.ts'
import { hashVerifier, newId, newVerifier, randomShard, shardOf } from '../../token/token.ts'
import type { Ground, GroundOptions, Law } from '../environment.ts'

/** Milliseconds. */
export const second = 1000
export const minute = 60_000
export const hour = 3_600_000

/** So many records, each of which is there. */
type Several<Count extends number, Records extends SessionRecord[] = []> = number extends Count ? SessionRecord[] : Records['length'] extends Count ? Records : Several<Count, [...Records, SessionRecord]>

/** What a law plays on: a ground, one store on it, and what laws do all the time. */
export class Stage {
  readonly ground: Ground
  readonly store: Store

  constructor (ground: Ground, store: Store) {
    this.ground = ground
    this.store = store
  }

  get clock (): { now: number } { return this.ground.clock }

  /** A record, as the manager would make it now: half an hour idle, 12 hours at most. */
  record (fields: Partial<SessionRecord> = {}): SessionRecord {
    const { now } = this.clock
    const userId = fields.userId === undefined ? 'ada' : fields.userId
    return {
      id: newId(userId === null ? randomShard() : shardOf(userId), now),
      userId,
      generation: 0,
      hash: hashVerifier(newVerifier()),
      previousHash: null,
      rotatedAt: now,
      confirmedAt: null,
      createdAt: now,
      authenticatedAt: userId === null ? null : now,
      methods: '',
      lastSeenAt: now,
      idle: 30 * minute,
      absoluteAt: now + 12 * hour,
      requests: 0,
      remembered: false,
      ip: '192.0.2.1',
      agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
      firstIp: '192.0.2.1',
      firstAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
      device: 'Firefox 144|Linux|desktop',
      name: null,
      data: noData,
      ...fields
    }
  }

  /** Creates a session as `record` makes it, and answers whatever the store says. */
  async create (fields: Partial<SessionRecord> = {}, options: Partial<CreateOptions> = {}, store = this.store): Promise<Created> {
    return store.create(this.record(fields), { at: this.clock.now, limit: null, replaces: null, adopts: null, ...options })
  }

  /** Creates a session that must come to be, and answers it. */
  async created (fields: Partial<SessionRecord> = {}, options: Partial<CreateOptions> = {}): Promise<SessionRecord> {
    const created = await this.create(fields, options)
    ok(created.status === 'created', `expected a session to be created, was ${created.status}`)
    return created.record
  }

  /** Creates sessions one millisecond apart, oldest first. */
  async several <Count extends number> (count: Count, fields: (i: number) => Partial<SessionRecord> = () => ({})): Promise<Several<Count>> {
    const records: SessionRecord[] = []
    for (let i = 0; i < count; i++) {
      records.push(await this.created(fields(i)))
      this.clock.now++
    }
    return records as Several<Count>
  }

  /** The live session, or `null`. */
  async live (id: string, store = this.store): Promise<SessionRecord | null> {
    const found = await store.read(id)
    return found === null || hasEnded(found) ? null : found
  }

  /** What is left of a session that must have ended. */
  async ended (id: string): Promise<EndedSession> {
    const found = await this.store.read(id)
    ok(found !== null && hasEnded(found), `expected session ${id} to have ended`)
    return found
  }

  /** The ids of all live sessions of a user, oldest first. */
  async idsOf (userId: string): Promise<string[]> {
    return (await this.store.list({ userId }, { limit: 1000, cursor: null, order: 'oldest' })).items.map(({ id }) => id)
  }

  /** One request's activity, now. */
  touch (id: string, fields: Partial<Touch> = {}): Touch {
    return { id, requests: 1, seenAt: this.clock.now, generation: 0, ...fields }
  }

  /** Sweeps until nothing is left to do, and answers what ended. */
  async sweep (store = this.store): Promise<EndedSession[]> {
    const ended: EndedSession[] = []
    for (let more = true; more;) {
      const step = await store.sweep(10)
      ended.push(...step.ended)
      more = step.more
    }
    return ended
  }

  /** Ends one session as its user would. */
  async logout (id: string): Promise<EndedSession[]> {
    return [...(await this.store.end({ ids: [id] }, { reason: 'logout', by: null })).ended]
  }

  /** Moves the clock to the very instant at which a session is over. */
  passTo (record: SessionRecord): void {
    this.clock.now = expiresAt(record)
  }
}

/** A law that gets a stage of its own. */
export function law (name: string, play: (stage: Stage) => Promise<void>, options: GroundOptions = {}): Law {
  return {
    name,
    async run (newGround) {
      const ground = await newGround()
      try {
        await play(new Stage(ground, await ground.open(options)))
      } finally {
        await ground.close()
      }
    }
  }
}
