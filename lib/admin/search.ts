import { pagesOf } from '../async.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { Filter } from '../model/filter.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { Page, PageOptions } from '../store.ts'
import { deriveKeys } from '../token/keys.ts'
import { MessageSigner } from '../token/message-signer.ts'
import { canonicalQuery, invalidFilter } from './query.ts'
import type { Query } from './query.ts'
import { SignedCursor } from './signed-cursor.ts'

/**
 * Searches live and ended sessions with one filter language. A cursor is valid only for the filter and order that it was returned for.
 */
export class SessionSearch {
  readonly #manager: SessionManager
  readonly #cursor: SignedCursor

  constructor (manager: SessionManager) {
    this.#manager = manager
    const { secrets, name } = manager.settings
    this.#cursor = new SignedCursor(new MessageSigner(deriveKeys(secrets, 'cursor', name)))
  }

  /**
   * Returns a page by `(createdAt, id)` of live sessions, by `(endedAt, id)` of ended ones; with `at`, sessions that are still live come
   * first. Throws `FST_SESSION_INVALID_CURSOR`, and `FST_SESSION_INVALID_FILTER` for a filter that stored IP addresses cannot be compared
   * with.
   */
  async list (query: Query, page: PageOptions): Promise<Page<SessionRecord | EndedSession>> {
    this.check(query)
    const { limit, order } = page
    const items: (SessionRecord | EndedSession)[] = []
    const from = { cursor: page.cursor, context: `${order} ${canonicalQuery(query)}` }
    const cursor = await this.#cursor.advance(queryParts(query), from, async (part, cursor) => {
      const found = await this.#page(part, { limit: limit - items.length, cursor, order })
      items.push(...found.items)
      return { cursor: found.cursor, enough: items.length === limit }
    })
    return { items, cursor }
  }

  /** Returns the number of matches. */
  async count (query: Query): Promise<number> {
    this.check(query)
    let total = 0
    for (const { state, filter } of queryParts(query)) {
      total += state === 'live' ? await this.#manager.count(filter) : await this.#countEnded(filter)
    }
    return total
  }

  /** Throws `FST_SESSION_INVALID_FILTER` where IP addresses are stored in a form that the filter cannot be compared with. */
  check ({ filter }: Query): void {
    const { ip } = this.#manager.settings
    if (filter.ip === undefined || ip === 'full') return
    if (ip !== 'truncate') {
      throw invalidFilter(`expected no \`ip\`, since IP addresses are ${ip === 'none' ? 'not stored' : 'stored as hashes'}`)
    }
    const [address = '', bits = '128'] = filter.ip.split('/')
    if (Number(bits) > (address.includes(':') ? 48 : 24)) {
      throw invalidFilter('expected `ip` to be a network of /24 or wider (IPv6: /48), since only networks are stored')
    }
  }

  async #page ({ state, filter }: QueryPart, page: PageOptions): Promise<Page<SessionRecord | EndedSession>> {
    return state === 'live' ? this.#manager.list(filter, page) : this.#manager.history(filter, page)
  }

  async #countEnded (filter: Filter): Promise<number> {
    let total = 0
    for await (const page of pagesOf(cursor => this.#manager.history(filter, { limit: 1000, cursor }))) total += page.items.length
    return total
  }
}

/** One kind of session that a query selects. */
export interface QueryPart {
  readonly state: 'live' | 'ended'
  readonly filter: Filter
}

/** Returns the filters for the store. A past time has two parts: the sessions that are live since then, and those that ended after it. */
export function queryParts ({ filter, state, at }: Query): QueryPart[] {
  if (at === null) return [{ state, filter }]
  const then = { ...filter, createdBefore: Math.min(filter.createdBefore ?? Infinity, at + 1) }
  return [{ state: 'live', filter: then }, { state: 'ended', filter: { ...then, endedAfter: at + 1 } }]
}
