import { turn } from '../async.ts'
import type { Filter } from '../model/filter.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { Page, PageOptions, Store } from '../store.ts'
import type { Activity } from './activity.ts'

/** Sessions as the store has them, with the activity that this node has not written yet. */
export class Lookup {
  readonly #store: Store
  readonly #activity: Activity

  constructor (store: Store, activity: Activity) {
    this.#store = store
    this.#activity = activity
  }

  /** The live session, what is left of it, or `null`. */
  async get (id: string): Promise<SessionRecord | EndedSession | null> {
    const found = await this.#store.read(id)
    return found === null || hasEnded(found) ? found : this.#withActivity(found)
  }

  /** A page of live sessions. */
  async list (filter: Filter, page: Partial<PageOptions>): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.#store.list(filter, toPage(page))
    return { items: items.map(record => this.#withActivity(record)), cursor }
  }

  /** All live sessions of a user, newest first. */
  async listUser (userId: string): Promise<SessionRecord[]> {
    const items: SessionRecord[] = []
    let cursor: string | null = null
    do {
      const page: Page<SessionRecord> = await this.list({ userId }, { limit: 1000, cursor })
      items.push(...page.items)
      cursor = page.cursor
    } while (cursor !== null)
    return items
  }

  /** A page of ended sessions. */
  async history (filter: Filter, page: Partial<PageOptions>): Promise<Page<EndedSession>> {
    return this.#store.history(filter, toPage(page))
  }

  /** How many live sessions match; requests pass between steps. */
  async count (filter: Filter): Promise<number> {
    let total = 0
    let cursor: string | null = null
    do {
      const step: { count: number, cursor: string | null } = await this.#store.count(filter, cursor)
      total += step.count
      cursor = step.cursor
      if (cursor !== null) await turn()
    } while (cursor !== null)
    return total
  }

  #withActivity (record: SessionRecord): SessionRecord {
    const requests = this.#activity.requests(record.id)
    if (requests === 0) return record
    return { ...record, requests: record.requests + requests, lastSeenAt: Math.max(record.lastSeenAt, this.#activity.seenAt(record.id)) }
  }
}

function toPage (page: Partial<PageOptions>): PageOptions {
  return { limit: page.limit ?? 50, cursor: page.cursor ?? null, order: page.order ?? 'newest' }
}
