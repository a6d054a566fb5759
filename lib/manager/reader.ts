import { pagesOf } from '../async.ts'
import type { Filter } from '../model/filter.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { Page, PageOptions, Store } from '../store.ts'
import type { ActivityBuffer } from './activity.ts'
import type { ManagerCore } from './core.ts'

/** Reads sessions, with the activity that this instance has not written yet. Every method rejects with the store's errors. */
export class SessionReader {
  readonly #store: Store
  readonly #activity: ActivityBuffer

  constructor ({ store, activity }: ManagerCore) {
    this.#store = store
    this.#activity = activity
  }

  /** Returns the live session, its ended-session record, or `null`. */
  async get (id: string): Promise<SessionRecord | EndedSession | null> {
    const found = await this.#store.read(id)
    return found === null || hasEnded(found) ? found : this.#withActivity(found)
  }

  /** Returns a page of live sessions. */
  async list (filter: Filter, page: Partial<PageOptions>): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.#store.list(filter, toPage(page))
    return { items: items.map(record => this.#withActivity(record)), cursor }
  }

  /** Returns all live sessions of a user, newest first. */
  async listByUser (userId: string): Promise<SessionRecord[]> {
    const items: SessionRecord[] = []
    for await (const page of pagesOf(cursor => this.list({ userId }, { limit: 1000, cursor }))) items.push(...page.items)
    return items
  }

  /** Returns a page of ended sessions. */
  async history (filter: Filter, page: Partial<PageOptions>): Promise<Page<EndedSession>> {
    return this.#store.history(filter, toPage(page))
  }

  /** Returns how many live sessions match. Requests are served between two steps. */
  async count (filter: Filter): Promise<number> {
    let total = 0
    for await (const step of pagesOf(cursor => this.#store.count(filter, cursor))) total += step.count
    return total
  }

  #withActivity (record: SessionRecord): SessionRecord {
    const requests = this.#activity.requests(record.id)
    if (requests === 0) return record
    const lastSeenAt = Math.max(record.lastSeenAt, this.#activity.seenAt(record.id))
    return { ...record, requestCount: record.requestCount + requests, lastSeenAt }
  }
}

function toPage (page: Partial<PageOptions>): PageOptions {
  return { limit: page.limit ?? 50, cursor: page.cursor ?? null, order: page.order ?? 'newest' }
}
