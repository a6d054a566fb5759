import type { Filter } from '../../model/filter.ts'
import type { Page, PageOptions } from '../../store.ts'
import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope } from '../cursor.ts'
import { fromReply } from './json.ts'
import type { Server } from './server.ts'
import { toSqlFilter } from './sql-filter.ts'
import { scanned } from './statements.ts'
import type { Statements } from './statements.ts'

/** Positions before every session, in either order of `(createdAt, id)`. */
const edges = { oldest: ['-9223372036854775808', ''], newest: ['9223372036854775807', ''] } as const

/** A row of a page and its position; without a row, the position where the scan ended. */
type Placed = readonly [at: number, id: string, row?: unknown]

/** Lists and counts, in bounded steps. */
export class PageQueries {
  readonly #server: Server
  readonly #statements: Statements
  readonly #now: () => string | null

  /** @param now the clock to use instead of the server's, if any */
  constructor (server: Server, statements: Statements, now: () => string | null) {
    this.#server = server
    this.#statements = statements
    this.#now = now
  }

  /** Returns a page of live sessions. */
  live (filter: Filter, { order, ...page }: PageOptions): Promise<Page<unknown>> {
    return this.#page({ list: 'live', filter, order }, page, { text: this.#statements.live[order], values: [this.#now()] })
  }

  /** Returns a page of ids of live sessions that match, oldest first. */
  ids (filter: Filter, page: Pick<PageOptions, 'limit' | 'cursor'>): Promise<Page<string>> {
    return this.#page({ list: 'end', filter, order: 'oldest' }, page, { text: this.#statements.ids, values: [this.#now()] })
  }

  /** Returns a page of ended sessions. */
  ended (filter: Filter, { order, ...page }: PageOptions): Promise<Page<unknown>> {
    return this.#page({ list: 'history', filter, order }, page, { text: this.#statements.history[order], values: [] })
  }

  /** Runs one step of a count. */
  async count (filter: Filter, cursor: string | null): Promise<{ readonly count: number, readonly cursor: string | null }> {
    const scope = { list: 'count', filter, order: 'newest' } as const
    const sql = toSqlFilter(filter)
    const [at, id] = decodePosition(scope, cursor) ?? edges.newest
    const [text = ''] = await this.#server.read(this.#statements.count, [sql.filter, sql.net, String(at), id, this.#now()], false)
    const [count, ...edge] = JSON.parse(text) as readonly [number, ...(readonly [number, string] | [])]
    return { count, cursor: edge.length === 0 ? null : encodeCursor(scope, edge) }
  }

  async #page <T>(
    scope: CursorScope,
    { limit, cursor }: Pick<PageOptions, 'limit' | 'cursor'>,
    { text, values }: { readonly text: string, readonly values: readonly (string | null)[] }
  ): Promise<Page<T>> {
    const { filter, net } = toSqlFilter(scope.filter)
    const [at, id] = decodePosition(scope, cursor) ?? edges[scope.order]
    const most = Math.min(limit, scanned.page)
    // unprepared, so that each is planned for its own filter
    const replies = await this.#server.read(text, [filter, net, String(most), String(at), id, ...values], false)
    const found = replies.map(row => fromReply(row) as Placed)
    const rows = found.filter(row => row.length === 3).slice(0, most)
    // the position where the scan ended; or, if there is one row more than the limit, the last row of the page
    const end = found.find(row => row.length === 2) ?? (found.length > most ? rows.at(-1) : undefined)
    return { items: rows.map(([,, item]) => item as T), cursor: end === undefined ? null : encodeCursor(scope, [end[0], end[1]]) }
  }
}
