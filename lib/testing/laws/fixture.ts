import { ok } from 'node:assert/strict'
import { pagesOf } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import type { Filter } from '../../model/filter.ts'
import { expiresAt, hasEnded, noData } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { ActivityUpdate, CreateOptions, CreateResult, Page, PageOptions, Store } from '../../store.ts'
import { hashVerifier, newId, newVerifier, randomShard, shardOf } from '../../token/token.ts'
import type { TestEnvironment, EnvironmentOptions, Law } from '../environment.ts'

/** Milliseconds. */
export const second = 1000
export const minute = 60_000
export const hour = 3_600_000

/** A tuple of `Count` records, where `Count` is a literal. */
type Many<Count extends number, Records extends SessionRecord[] = []> =
  number extends Count
    ? SessionRecord[]
    : Records['length'] extends Count ? Records : Many<Count, [...Records, SessionRecord]>

/** An environment, one store in it, and the steps that conformance tests share. */
export class LawFixture {
  readonly environment: TestEnvironment
  readonly store: Store

  constructor (environment: TestEnvironment, store: Store) {
    this.environment = environment
    this.store = store
  }

  get clock (): { now: number } { return this.environment.clock }

  /** Returns a record as the manager would create it now: idle timeout 30 minutes, absolute timeout 12 hours. */
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
      methods: [],
      lastSeenAt: now,
      idleTimeout: 30 * minute,
      absoluteExpiresAt: now + 12 * hour,
      requestCount: 0,
      remembered: false,
      ip: '192.0.2.1',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
      firstIp: '192.0.2.1',
      firstUserAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
      device: { browser: 'Firefox', version: '144', os: 'Linux', type: 'desktop' },
      deviceName: null,
      data: noData,
      ...fields
    }
  }

  /** Creates a session from a record of `record`, and returns the store's result. */
  async create (fields: Partial<SessionRecord> = {}, options: Partial<CreateOptions> = {}, store = this.store): Promise<CreateResult> {
    return store.create(this.record(fields), { at: this.clock.now, limit: null, replaces: null, adopts: null, ...options })
  }

  /** Creates a session and returns it. Fails if the store did not create it. */
  async created (fields: Partial<SessionRecord> = {}, options: Partial<CreateOptions> = {}): Promise<SessionRecord> {
    const created = await this.create(fields, options)
    ok(created.status === 'created', `expected a session to be created, was ${created.status}`)
    return created.record
  }

  /** Creates sessions one millisecond apart, oldest first. */
  async createMany <Count extends number> (count: Count, fields: (i: number) => Partial<SessionRecord> = () => ({})): Promise<Many<Count>> {
    const records: SessionRecord[] = []
    for (let i = 0; i < count; i++) {
      records.push(await this.created(fields(i)))
      this.clock.now++
    }
    return records as Many<Count>
  }

  /** Returns the live session, or `null`. */
  async live (id: string, store = this.store): Promise<SessionRecord | null> {
    const found = await store.read(id)
    return found === null || hasEnded(found) ? null : found
  }

  /** Returns the ended-session record of a session that must have ended. */
  async ended (id: string): Promise<EndedSession> {
    const found = await this.store.read(id)
    ok(found !== null && hasEnded(found), `expected session ${id} to have ended`)
    return found
  }

  /** Returns the ids of all live sessions of a user, oldest first. */
  async idsOf (userId: string): Promise<string[]> {
    return (await this.store.list({ userId }, { limit: 1000, cursor: null, order: 'oldest' })).items.map(({ id }) => id)
  }

  /** Returns the ids of all live sessions that match, in the order of their pages. */
  async listIds (filter: Filter, page: Pick<PageOptions, 'limit' | 'order'>): Promise<string[]> {
    return idsOfPages(page.limit, cursor => this.store.list(filter, { ...page, cursor }))
  }

  /** Returns the ids of all ended sessions that match, in the order of their pages. */
  async historyIds (filter: Filter, page: Pick<PageOptions, 'limit' | 'order'>): Promise<string[]> {
    return idsOfPages(page.limit, cursor => this.store.history(filter, { ...page, cursor }))
  }

  /** Returns the number of live sessions that match. */
  async count (filter: Filter): Promise<number> {
    let total = 0
    for await (const step of pagesOf(cursor => this.store.count(filter, cursor))) total += step.count
    return total
  }

  /** Returns the activity of one request, now. */
  activity (id: string, fields: Partial<ActivityUpdate> = {}): ActivityUpdate {
    return { id, requestCount: 1, seenAt: this.clock.now, generation: 0, ...fields }
  }

  /** Runs the cleanup until it has ended everything, and returns the ended sessions. */
  async cleanUp (store = this.store): Promise<EndedSession[]> {
    const ended: EndedSession[] = []
    for (let more = true; more;) {
      const step = await store.cleanup(10)
      ended.push(...step.ended)
      more = step.more
    }
    return ended
  }

  /** Ends one session as its user would. */
  async logout (id: string): Promise<EndedSession[]> {
    return [...(await this.store.end({ ids: [id] }, { reason: 'logout', by: null })).ended]
  }

  /** Moves the clock to the timestamp at which a session expires. */
  advanceToExpiry (record: SessionRecord): void {
    this.clock.now = expiresAt(record)
  }
}

/** Collects the ids of all pages. Fails if a page has more than `limit` sessions. */
async function idsOfPages (limit: number, next: (cursor: string | null) => Awaitable<Page<{ readonly id: string }>>): Promise<string[]> {
  const found: string[] = []
  for await (const { items } of pagesOf(next)) {
    ok(items.length <= limit, `expected a page of at most ${limit} sessions, it has ${items.length}`)
    found.push(...items.map(({ id }) => id))
  }
  return found
}

/** Returns a conformance test that runs in an environment of its own. */
export function law (name: string, run: (fixture: LawFixture) => Promise<void>, options: EnvironmentOptions = {}): Law {
  return {
    name,
    async run (createEnvironment) {
      const environment = await createEnvironment()
      try {
        await run(new LawFixture(environment, await environment.open(options)))
      } finally {
        await environment.close()
      }
    }
  }
}
