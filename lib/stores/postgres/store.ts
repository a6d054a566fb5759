import { SessionError } from '../../errors.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { CacheOptions, Change, Created, CreateOptions, Ending, EndSelector, EndWhy, Expect, Page, PageOptions, Slice, Statistics, Store, StoreContext, StoreListener, StoreWatch, Touch, Updated } from '../../store.ts'
import { RecentEnds } from '../recent-ends.ts'
import type { Connection } from './connection.ts'
import { fromReply, toRequest } from './json.ts'
import { Pages } from './pages.ts'
import { Reads } from './reads.ts'
import { encodeKeys, toAdoption, toColumns, toEndedSession, toKnown, toRecord, toSlice, toTouchRow } from './rows.ts'
import type { KnownRow } from './rows.ts'
import { prepareSchema } from './schema.ts'
import { Server } from './server.ts'
import { toWanted } from './sql-filter.ts'
import type { Statements } from './statements.ts'
import { PostgresWatch } from './subscribe.ts'

/** What the store works with, checked. */
export interface StoreParts {
  readonly statements: Statements
  readonly schema: string
  readonly migrate: boolean
  readonly prepared: boolean
  readonly timeout: number
  readonly cache: CacheOptions | null
  /** `owned`: opened by us, and closed by us. */
  readonly connect: () => Promise<{ readonly connection: Connection, readonly owned: boolean }>
  /** Where to listen; `null`: nowhere; `undefined`: where data goes. */
  readonly listen: (() => Promise<{ readonly connection: Connection, readonly owned: boolean }>) | null | undefined
}

/** What there is from `open` on. */
interface Opened {
  readonly server: Server
  readonly reads: Reads
  readonly pages: Pages
}

/** One step of an end by filter ends at most so many sessions. */
const endStep = 500

/** Sessions in PostgreSQL: each verb is one statement, most of them a function of ours; see the SQL beside. */
export class PostgresStore implements Store {
  readonly name = 'postgres'
  readonly scope = 'network'
  readonly durable = true
  // their rows are locked for as long as that takes, some milliseconds
  readonly batch = 500
  readonly cache?: CacheOptions
  readonly watch?: (listener: StoreListener) => Promise<StoreWatch>
  readonly #parts: StoreParts
  readonly #recent = new RecentEnds()
  readonly #closing: (() => Promise<void>)[] = []
  #open: Opened | null = null
  #settings = { now: null as (() => number) | null, history: 0, perUser: 0 }

  constructor (parts: StoreParts) {
    this.#parts = parts
    if (parts.cache !== null) this.cache = parts.cache
    if (parts.listen !== null) this.watch = listener => this.#watch(listener)
  }

  async open (context: StoreContext): Promise<void> {
    const { connect, prepared, timeout } = this.#parts
    this.#settings = { now: context.now, history: context.history, perUser: context.historyPerUser }
    const { connection, owned } = await connect()
    if (owned) this.#closing.push(() => connection.end())
    const server = new Server(connection, { prepared, timeout, warn: context.warn, onReturn: () => { void this.#reassert() } })
    await prepareSchema(server, { ...this.#parts, warn: context.warn })
    const { statements } = this.#parts
    this.#open = { server, reads: new Reads(server, statements), pages: new Pages(server, statements, () => this.#now()?.toString() ?? null) }
  }

  async ping (): Promise<void> { await this.#asked.read(this.#parts.statements.clock, []) }

  async close (): Promise<void> {
    for (const close of this.#closing.splice(0)) await close()
  }

  async now (): Promise<number> {
    return this.#now() ?? Number((await this.#asked.read(this.#parts.statements.clock, []))[0])
  }

  async create (record: SessionRecord, { at, limit, replaces, adopts }: CreateOptions): Promise<Created> {
    const [status, first, second] = await this.#call('create', {
      ...this.#terms(), record: toColumns(record, at), limit, replaces, adopts: toAdoption(adopts, at)
    }) as readonly [Created['status'], unknown, readonly unknown[]]
    switch (status) {
      case 'created': return { status, record: toRecord(first), ended: this.#ended(second) }
      case 'refused': return { status, live: (first as readonly unknown[]).map(toRecord) }
      case 'adopted': return { status, session: this.#known(first) }
      default: return { status }
    }
  }

  async read (id: string): Promise<SessionRecord | EndedSession | null> {
    if (!isId(id)) return null
    const found = this.#known(fromReply(await this.#opened().reads.read(id)))
    // what a failover brought back is refused until it is ended again
    return found === null || hasEnded(found) ? found : this.#recent.get(id) ?? found
  }

  async touch (batch: readonly Touch[], at: number): Promise<readonly string[]> {
    return await this.#call('touch', { now: this.#now(), batch: batch.map(touch => toTouchRow(touch, at)) }) as readonly string[]
  }

  async update (id: string, change: Change, expect?: Expect): Promise<Updated> {
    const set = change.set === undefined ? {} : { set: encodeKeys(change.set) }
    const [status, row] = await this.#call('update', { ...this.#terms(), id, expect: expect?.generation, change: { ...change, ...set } }) as readonly [Updated['status'], unknown]
    if (status !== 'gone') return { status, record: toRecord(row) }
    const left = this.#known(row)
    return { status, ended: left !== null && hasEnded(left) ? left : null }
  }

  async end (selector: EndSelector, why: EndWhy): Promise<Ending> {
    if (!('filter' in selector)) {
      const which = 'ids' in selector ? { ids: selector.ids } : { user: selector.userId, except: selector.except }
      return { ended: await this.#end(which, why), cursor: null }
    }
    const { filter, limit, cursor } = selector
    const page = await this.#pages.ids(filter, { limit: Math.min(limit, endStep), cursor })
    // what no longer matches when it is its turn stays
    return { ended: await this.#end({ ids: page.items, wanted: toWanted(filter) }, why), cursor: page.cursor }
  }

  async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.#pages.live(filter, page)
    return { items: items.map(toRecord), cursor }
  }

  async history (filter: Filter, page: PageOptions): Promise<Page<EndedSession>> {
    const { items, cursor } = await this.#pages.ended(filter, page)
    return { items: items.map(toEndedSession), cursor }
  }

  count (filter: Filter, cursor: string | null): Promise<{ readonly count: number, readonly cursor: string | null }> { return this.#pages.count(filter, cursor) }

  async sweep (max: number): Promise<{ readonly ended: readonly EndedSession[], readonly more: boolean }> {
    const [ended, more] = await this.#call('sweep', { ...this.#terms(), max }) as readonly [readonly unknown[], boolean]
    return { ended: ended.map(toEndedSession), more }
  }

  async observe (slice: Slice): Promise<void> { await this.#call('observe', { ...slice, until: Math.round(slice.until) }) }

  async statistics (from: number, to: number): Promise<Statistics> {
    const [text = ''] = await this.#asked.read(this.#parts.statements.statistics, [toRequest({ from: Math.ceil(from), to: Math.ceil(to) })])
    const [live, users, guests, remembered, slices] = fromReply(text) as readonly [number, number, number, number, readonly Parameters<typeof toSlice>[0][]]
    return { live, users, guests, remembered, slices: slices.map(toSlice) }
  }

  get #asked (): Server { return this.#opened().server }
  get #pages (): Pages { return this.#opened().pages }

  #opened (): Opened {
    if (this.#open === null) throw new SessionError('FST_SESSION_CLOSED')
    return this.#open
  }

  /** Calls one of our functions. */
  async #call (name: 'create' | 'update' | 'touch' | 'end' | 'sweep' | 'observe', request: object): Promise<unknown> {
    const [text = ''] = await this.#asked.write(this.#parts.statements[name], [toRequest(request)])
    return fromReply(text)
  }

  /** What each function that ends sessions is told. */
  #terms (): { readonly now: number | undefined, readonly history: number, readonly perUser: number } {
    const { history, perUser } = this.#settings
    return { now: this.#now(), history: Math.round(history), perUser }
  }

  #now (): number | undefined {
    const { now } = this.#settings
    return now === null ? undefined : Math.floor(now())
  }

  #known (row: unknown): SessionRecord | EndedSession | null { return toKnown(row as KnownRow, this.#now()) }

  #ended (rows: unknown): EndedSession[] {
    const ended = (rows as readonly unknown[]).map(toEndedSession)
    this.#recent.add(ended)
    return ended
  }

  async #end (which: object, { reason, by }: EndWhy): Promise<EndedSession[]> {
    return this.#ended(await this.#call('end', { ...this.#terms(), ...which, reason, by }))
  }

  async #watch (listener: StoreListener): Promise<StoreWatch> {
    const { server } = this.#opened()
    const { listen, schema, statements, timeout } = this.#parts
    const elsewhere = await listen?.()
    if (elsewhere?.owned === true) this.#closing.unshift(() => elsewhere.connection.end())
    const watch = new PostgresWatch({
      listener,
      send: payload => server.write(statements.notify, [payload]),
      timeout,
      every: 30_000,
      onReturn: () => { void this.#reassert() }
    })
    return watch.open(hearing => elsewhere === undefined ? server.listen(schema, hearing) : elsewhere.connection.listen(schema, hearing))
  }

  /** Ends again, in silence, what this node ended of late: the server was away, and may have lost it. */
  async #reassert (): Promise<void> {
    for (const { ids, why } of this.#recent.groups()) {
      // a server that is away again is told when it returns
      await this.#call('end', { ...this.#terms(), ids, ...why }).catch(() => {})
    }
  }
}

/** What the store makes ids of; anything else has no session. */
function isId (text: string): boolean { return /^[\w-]{22}$/.test(text) }
