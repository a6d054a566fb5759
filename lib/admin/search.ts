import { turn } from '../async.ts'
import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { Filter } from '../model/filter.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { Page, PageOptions } from '../store.ts'
import { deriveKeys } from '../token/keys.ts'
import { Seal } from '../token/message-signer.ts'
import { canonicalQuery, refuseFilter } from './query.ts'
import type { Query } from './query.ts'

/** How often one page may ask the store: where little matches, a page is short rather than slow. */
const stepsPerPage = 10

/** Sees all sessions by one filter language, live and ended ones alike. Its cursors are good for the filter and order they came with, and for nothing else. */
export class Oversight {
  readonly #manager: SessionManager
  readonly #seal: Seal

  constructor (manager: SessionManager) {
    this.#manager = manager
    const { secrets, name } = manager.settings
    this.#seal = new Seal(deriveKeys(secrets, 'cursor', name))
  }

  /**
   * A page by `(createdAt, id)` for live sessions, by `(endedAt, id)` for ended ones; with `at`, what is still live comes first. Throws
   * `FST_SESSION_INVALID_CURSOR`, and `FST_SESSION_INVALID_FILTER` for what the way addresses are kept cannot answer.
   */
  async list (query: Query, page: PageOptions): Promise<Page<SessionRecord | EndedSession>> {
    this.check(query)
    const context = `${page.order} ${canonicalQuery(query)}`
    const parts = partsOf(query)
    let [part, cursor] = this.#read(page.cursor, context)
    const items: (SessionRecord | EndedSession)[] = []
    for (let step = 0; step < stepsPerPage && items.length < page.limit; step++) {
      const { state, filter } = parts[part] as Part
      const rest = { limit: page.limit - items.length, cursor, order: page.order }
      const found: Page<SessionRecord | EndedSession> = state === 'live' ? await this.#manager.list(filter, rest) : await this.#manager.history(filter, rest)
      items.push(...found.items)
      cursor = found.cursor
      if (cursor === null && ++part === parts.length) return { items, cursor: null }
      if (items.length < page.limit) await turn()
    }
    return { items, cursor: this.#seal.seal(JSON.stringify([part, cursor]), context) }
  }

  /** How many match. */
  async count (query: Query): Promise<number> {
    this.check(query)
    let total = 0
    for (const { state, filter } of partsOf(query)) total += state === 'live' ? await this.#manager.count(filter) : await this.#countEnded(filter)
    return total
  }

  /** Throws `FST_SESSION_INVALID_FILTER` where addresses are kept in a form that the filter cannot be compared with. */
  check ({ filter }: Query): void {
    const { ip } = this.#manager.settings
    if (filter.ip === undefined || ip === 'full') return
    if (ip !== 'truncate') throw refuseFilter(`expected no \`ip\`, since addresses are ${ip === 'none' ? 'not kept' : 'kept as hashes'}`)
    const [address = '', bits = '128'] = filter.ip.split('/')
    if (Number(bits) > (address.includes(':') ? 48 : 24)) throw refuseFilter('expected `ip` to be a network of /24 or wider (IPv6: /48), since only networks are kept')
  }

  async #countEnded (filter: Filter): Promise<number> {
    let total = 0
    let cursor: string | null = null
    do {
      const page: Page<EndedSession> = await this.#manager.history(filter, { limit: 1000, cursor })
      total += page.items.length
      cursor = page.cursor
      if (cursor !== null) await turn()
    } while (cursor !== null)
    return total
  }

  /** Which part of the list comes next, and where in it. */
  #read (sealed: string | null, context: string): [part: number, cursor: string | null] {
    if (sealed === null) return [0, null]
    const value = this.#seal.open(sealed, context)
    if (value === null) throw new SessionError('FST_SESSION_INVALID_CURSOR')
    return JSON.parse(value) as [number, string | null]
  }
}

/** One kind of sessions of a query. */
export interface Part { readonly state: 'live' | 'ended', readonly filter: Filter }

/** What a query asks the store for. A past moment has two parts: what lives since then, and what ended after it. */
export function partsOf ({ filter, state, at }: Query): Part[] {
  if (at === null) return [{ state, filter }]
  const then = { ...filter, createdBefore: Math.min(filter.createdBefore ?? Infinity, at + 1) }
  return [{ state: 'live', filter: then }, { state: 'ended', filter: { ...then, endedAfter: at + 1 } }]
}
