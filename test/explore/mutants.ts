import type { Filter } from '../../lib/model/filter.ts'
import { hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import type {
  SessionPatch,
  CreateResult,
  CreateOptions,
  EndResult,
  EndSelector,
  EndCause,
  Precondition,
  Page,
  PageOptions,
  Store,
  ActivityUpdate,
  UpdateResult
} from '../../lib/store.ts'
import { PassingStore } from './delegating-store.ts'
import type { Plant } from './simulation.ts'

/** A bug, put in on purpose: how a store breaks one law. */
export interface PlantedBug {
  readonly name: string
  /** What the model must say of it. */
  readonly shows: string
  /** Who brings it to light. */
  readonly cast: readonly string[]
  /** It is one of nodes that keep copies. */
  readonly copies?: true
  readonly plant: Plant
}

/** What a bad store keeps beside the good one, seen by all nodes. */
class OverlaidStore extends PassingStore {
  /** Sessions that it made by itself. */
  readonly made: Map<string, SessionRecord>
  /** What it has changed of sessions that live. */
  readonly changed: Map<string, Partial<SessionRecord>>
  readonly ended: EndedSession[]
  /** What was read last, as a process would remember it. */
  readonly lastRead: Map<string, SessionRecord>
  readonly reasons: Map<string, EndCause>

  constructor (inner: Store, shared: Map<string, unknown>) {
    super(inner)
    this.made = kept(shared, 'made', () => new Map<string, SessionRecord>())
    this.changed = kept(shared, 'changed', () => new Map<string, Partial<SessionRecord>>())
    this.ended = kept(shared, 'ended', () => [])
    this.lastRead = kept(shared, 'lastRead', () => new Map<string, SessionRecord>())
    this.reasons = kept(shared, 'reasons', () => new Map<string, EndCause>())
  }

  override async read (id: string): Promise<SessionRecord | EndedSession | null> {
    const found = this.made.get(id) ?? await this.inner.read(id)
    if (found === null || hasEnded(found)) return found
    const record = { ...found, ...this.changed.get(id) }
    this.lastRead.set(id, record)
    return record
  }

  override async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.inner.list(filter, page)
    const made = page.cursor === null ? [...this.made.values()].filter(({ userId }) => userId === filter.userId) : []
    return { items: [...items.map(item => ({ ...item, ...this.changed.get(item.id) })), ...made], cursor }
  }

  /** The live session, as this bad store has it. */
  async live (id: string): Promise<SessionRecord | null> {
    const found = await this.read(id)
    return found === null || hasEnded(found) ? null : found
  }
}

/** Everything that a store can get wrong, one at a time. */
export const plants: readonly PlantedBug[] = [
  bug(
    'an expired session is read until its cleanup',
    'law 1: an expired session is there',
    ['validate', 'time', 'cleanup'],
    class extends OverlaidStore {
      override async read (id: string): Promise<SessionRecord | EndedSession | null> {
        const found = await super.read(id)
        const last = this.lastRead.get(id)
        return found !== null && hasEnded(found) && found.reason === 'idle-timeout' && last !== undefined ? last : found
      }
    }
  ),
  bug(
    'a touch makes a session that is gone',
    'law 2: an ended session lives',
    ['validate', 'flush', 'logout'],
    class extends OverlaidStore {
      override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
        for (const id of await this.inner.touch(batch, at)) {
          const last = this.lastRead.get(id)
          if (last !== undefined) this.made.set(id, last)
        }
        return []
      }
    }
  ),
  bug(
    'a late flush writes back the whole session it read before',
    'law 2: an ended session lives',
    ['flush', 'revoke', 'cleanup'],
    class extends OverlaidStore {
      override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
        for (const touch of batch) {
          const record = await this.live(touch.id)
          await this.inner.touch([touch], at)
          if (record !== null && (await this.live(touch.id)) === null) this.made.set(record.id, record)
        }
        return []
      }
    }
  ),
  bug(
    'a change of an ended session makes it anew',
    'law 2: an ended session lives',
    ['update', 'logout'],
    class extends OverlaidStore {
      override async update (id: string, change: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
        const before = await this.live(id)
        const updated = await this.inner.update(id, change, expect)
        if (updated.status !== 'gone' || before === null) return updated
        const record = { ...before, data: { ...before.data, ...change.set } }
        this.made.set(id, record)
        return { status: 'done', record }
      }
    }
  ),
  bug(
    'a credential is adopted by whoever asks',
    'law 2: a credential was adopted twice',
    ['adopt', 'update'],
    class extends PassingStore {
      override create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
        return this.inner.create(record, { ...options, adopts: null })
      }
    }
  ),
  bug(
    'the limit is looked at first, and kept later',
    'law 3: 3 sessions live, 2 may',
    ['evict', 'validate'],
    class extends PassingStore {
      override async create (record: SessionRecord, options: CreateOptions): Promise<CreateResult> {
        const { items } = await this.inner.list({ userId: record.userId ?? '' }, { limit: 100, cursor: null, order: 'oldest' })
        const others = items.filter(({ id }) => id !== options.replaces)
        const over = options.limit === null ? [] : others.slice(0, Math.max(0, others.length - options.limit.max + 1))
        const { ended } = await this.inner.end({ ids: over.map(({ id }) => id) }, { reason: 'evicted', by: null })
        const created = await this.inner.create(record, { ...options, limit: null })
        return created.status === 'created' ? { ...created, ended: [...ended, ...created.ended] } : created
      }
    }
  ),
  bug(
    'a rotation does not compare the generation',
    'law 3: two rotations went out from generation 0',
    ['validate', 'rotate'],
    class extends PassingStore {
      override update (id: string, change: SessionPatch): ReturnType<Store['update']> {
        return this.inner.update(id, change)
      }
    }
  ),
  bug(
    'a rotation forgets the verifier before',
    "law 3: a request of the session's own browser is superseded",
    ['validate', 'validate-old'],
    class extends PassingStore {
      override update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
        return this.inner.update(
          id,
          change.rotate === undefined ? change : { ...change, rotate: { ...change.rotate, keep: false } },
          expect
        )
      }
    }
  ),
  bug(
    'data is written whole',
    'law 5: what was kept is lost',
    ['update', 'validate'],
    class extends PassingStore {
      override async update (id: string, change: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
        if (change.set === undefined) return this.inner.update(id, change, expect)
        const record = await this.inner.read(id)
        const data = { ...(record !== null && !hasEnded(record) ? record.data : {}), ...change.set }
        return this.inner.update(id, { ...change, set: data, unset: ['k0', 'k1', 'k2', 'k3'].filter(key => !(key in data)) }, expect)
      }
    }
  ),
  bug(
    'activity moves a session back',
    'law 6: lastSeenAt moved back',
    ['flush', 'extend'],
    class extends OverlaidStore {
      override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
        const gone = await this.inner.touch(batch, at)
        for (const touch of batch) {
          const record = await this.inner.read(touch.id)
          if (record !== null && !hasEnded(record) && touch.seenAt > 0) this.changed.set(touch.id, { lastSeenAt: touch.seenAt })
        }
        return gone
      }
    }
  ),
  bug(
    'activity is read, added to and written',
    'law 6: 4 requests were let in, 3 are counted',
    ['flush', 'validate'],
    class extends PassingStore {
      override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
        const before = new Map<string, number>()
        for (const { id } of batch) {
          const found = await this.inner.read(id)
          if (found !== null) before.set(id, found.requestCount)
        }
        const kept: ActivityUpdate[] = []
        for (const touch of batch) {
          const found = await this.inner.read(touch.id)
          // whoever wrote in between is overwritten
          kept.push({
            ...touch,
            requestCount: Math.max(0, touch.requestCount - ((found?.requestCount ?? 0) - (before.get(touch.id) ?? 0)))
          })
        }
        return this.inner.touch(kept, at)
      }
    }
  ),
  bug(
    'activity is written twice',
    'law 6: 2 requests are counted, 1 were let in',
    ['flush', 'validate'],
    class extends PassingStore {
      override async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
        await this.inner.touch(batch, at)
        return this.inner.touch(batch, at)
      }
    }
  ),
  bug(
    'more idle time passes the absolute deadline',
    'law 6: the absolute deadline grew',
    ['extend', 'validate'],
    class extends OverlaidStore {
      override async update (id: string, change: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
        const updated = await this.inner.update(id, change, expect)
        if (updated.status !== 'done' || change.seen !== true) return updated
        const absoluteExpiresAt = Math.max(updated.record.absoluteExpiresAt, updated.record.lastSeenAt + updated.record.idleTimeout)
        this.changed.set(id, { absoluteExpiresAt })
        return { status: 'done', record: { ...updated.record, absoluteExpiresAt } }
      }
    }
  ),
  bug(
    'an end is told again by whoever asks for it',
    'law 7: an end is told twice',
    ['logout', 'revoke'],
    class extends OverlaidStore {
      override async end (selector: EndSelector, why: EndCause): Promise<EndResult> {
        const ending = await this.inner.end(selector, why)
        const again = 'ids' in selector ? this.ended.filter(({ id }) => selector.ids.includes(id)) : []
        this.ended.push(...ending.ended)
        return { ...ending, ended: [...ending.ended, ...again] }
      }
    }
  ),
  bug(
    'an eviction is not told',
    'law 7: no event tells of an end',
    ['evict', 'validate'],
    class extends PassingStore {
      override async create (record: SessionRecord, options: CreateOptions): Promise<CreateResult> {
        const created = await this.inner.create(record, options)
        return created.status === 'created' ? { ...created, ended: created.ended.filter(({ reason }) => reason !== 'evicted') } : created
      }
    }
  ),
  bug(
    'a replaced session lives on',
    'law 7: a replaced session was not said to have ended',
    ['login', 'validate'],
    class extends PassingStore {
      override create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
        return this.inner.create(record, { ...options, replaces: null })
      }
    }
  ),
  bug(
    'an expiry is told by every node that cleans up',
    'law 7: an end is told twice',
    ['cleanup', 'time'],
    class extends OverlaidStore {
      override async cleanup (max: number): Promise<{ ended: readonly EndedSession[]; more: boolean }> {
        const from = this.ended.length
        const { ended, more } = await this.inner.cleanup(max)
        this.ended.push(...ended)
        return { ended: this.ended.slice(from), more }
      }
    }
  ),
  bug(
    'the last reason given is the reason',
    'law 7: a session that ended as',
    ['logout', 'revoke', 'validate'],
    class extends OverlaidStore {
      override async end (selector: EndSelector, why: EndCause): Promise<EndResult> {
        const ending = await this.inner.end(selector, why)
        if ('ids' in selector) for (const id of selector.ids) this.reasons.set(id, why)
        return ending
      }

      override async read (id: string): Promise<SessionRecord | EndedSession | null> {
        const found = await this.inner.read(id)
        return found !== null && hasEnded(found) ? { ...found, ...this.reasons.get(id) } : found
      }
    }
  ),
  bug(
    'a cursor is a number of items to leave out',
    'law 8: pages skip a session that lives',
    ['page', 'logout'],
    class extends PassingStore {
      override async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
        const from = Number(page.cursor ?? 0)
        const { items } = await this.inner.list(filter, { limit: 100, cursor: null, order: page.order })
        return {
          items: items.slice(from, from + page.limit),
          cursor: items.length > from + page.limit ? String(from + page.limit) : null
        }
      }
    }
  )
]

function bug (
  name: string,
  shows: string,
  cast: readonly string[],
  Bad: new (inner: Store, shared: Map<string, unknown>) => Store
): PlantedBug {
  return { name, shows, cast, plant: (store, shared) => new Bad(store, shared) }
}

function kept <T> (shared: Map<string, unknown>, key: string, make: () => T): T {
  const value = shared.get(key) as T | undefined ?? make()
  shared.set(key, value)
  return value
}
