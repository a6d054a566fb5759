import { SessionError } from '../../errors.ts'
import { dataTooLarge } from '../../model/data.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type {
  CacheOptions, SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, Page, PageOptions,
  StatisticsSlice, Statistics, Store, StoreContext, StoreListener, StoreSubscription, ActivityUpdate, UpdateResult
} from '../../store.ts'
import { RecentEnds } from '../recent-ends.ts'
import type { Connection } from './connection.ts'
import { endOfUser } from './end-user.ts'
import { FunctionCalls } from './function-calls.ts'
import { fromReply, toRequest } from './json.ts'
import { PageQueries } from './pages.ts'
import { ReadBatcher } from './reads.ts'
import { toStoredPatch, toAdoption, toColumns, toEndedSession, toKnown, toRecord, toSlice, toTouchRow } from './rows.ts'
import type { KnownRow } from './rows.ts'
import { prepareSchema } from './schema.ts'
import { Server } from './server.ts'
import { toSqlFilter } from './sql-filter.ts'
import type { Statements } from './statements.ts'
import { PostgresSubscription, subscriptionIntervals } from './subscribe.ts'

type StatisticsReply = readonly [live: number, users: number, guests: number, remembered: number, slices: readonly SliceRow[]]
type SliceRow = Parameters<typeof toSlice>[0]

/** Checked options, with the statements and the functions that connect. */
export interface PostgresOptions {
  readonly statements: Statements
  readonly schema: string
  readonly migrate: boolean
  readonly prepared: boolean
  readonly timeout: number
  readonly cache: CacheOptions | null
  /** `owned`: the store opened it, and closes it. */
  readonly connect: () => Promise<{ readonly connection: Connection, readonly owned: boolean }>
  /** Connection for LISTEN; `null`: none; `undefined`: the data connection. */
  readonly listen: (() => Promise<{ readonly connection: Connection, readonly owned: boolean }>) | null | undefined
}

/** The state of an open store. */
interface Opened {
  readonly connection: Connection
  readonly server: Server
  readonly calls: FunctionCalls
  readonly reads: ReadBatcher
  readonly pages: PageQueries
}

/** Maximum number of sessions that one step of an end by filter ends. */
const maxEnds = 500

/** Stores sessions in PostgreSQL. Each operation is one statement, usually a call of a function in `sql/`. */
export class PostgresStore implements Store {
  readonly name = 'postgres'
  readonly scope = 'network'
  readonly durable = true
  // the rows of a batch are locked for its duration, some milliseconds
  readonly maxBatchSize = 500
  readonly cache?: CacheOptions
  readonly subscribe?: (listener: StoreListener) => Promise<StoreSubscription>
  readonly #options: PostgresOptions
  readonly #recent = new RecentEnds()
  readonly #closing: (() => Promise<void>)[] = []
  #open: Opened | null = null
  #settings: StoreContext = { now: null, history: 0, historyPerUser: 0, warn: () => {} }

  constructor (options: PostgresOptions) {
    this.#options = options
    if (options.cache !== null) this.cache = options.cache
    if (options.listen !== null) this.subscribe = listener => this.#subscribe(listener)
  }

  async open (context: StoreContext): Promise<void> {
    const { connect, prepared, timeout } = this.#options
    this.#settings = context
    const { connection, owned } = await connect()
    if (owned) this.#closing.push(() => connection.end())
    const server = new Server(connection, { prepared, timeout, warn: context.warn, onReturn: () => { void this.#reassert() } })
    const calls = new FunctionCalls(server, { statements: this.#options.statements, giveUp: context.giveUp ?? null })
    try {
      await server.open()
      await prepareSchema(server, { ...this.#options, warn: context.warn })
      await calls.measure()
    } catch (error) {
      await this.close()
      throw error
    }
    const { statements } = this.#options
    this.#open = {
      connection,
      server,
      calls,
      reads: new ReadBatcher(server, statements),
      pages: new PageQueries(server, statements, () => this.#now()?.toString() ?? null)
    }
  }

  async ping (): Promise<void> { await this.#server.read(this.#options.statements.clock, []) }

  async close (): Promise<void> {
    for (const close of this.#closing.splice(0)) await close()
  }

  async now (): Promise<number> {
    return this.#now() ?? this.#calls.measure()
  }

  async create (record: SessionRecord, { at, limit, replaces, adopts }: CreateOptions): Promise<CreateResult> {
    const [status, first, second] = await this.#calls.call('create', {
      ...this.#endArguments(), record: toColumns(record, at), limit, replaces, adopts: toAdoption(adopts, at)
    }) as readonly [CreateResult['status'], unknown, readonly unknown[]]
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
    // a session that a failover restored is refused until it is ended again
    return found === null || hasEnded(found) ? found : this.#recent.get(id) ?? found
  }

  async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
    return await this.#calls.call('touch', { now: this.#now(), batch: batch.map(touch => toTouchRow(touch, at)) }) as readonly string[]
  }

  async update (id: string, change: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
    const [status, row] = await this.#calls.call('update', {
      ...this.#endArguments(),
      id,
      expect: expect?.generation,
      change: toStoredPatch(change)
    }) as readonly [UpdateResult['status'] | 'too-large', unknown]
    if (status === 'too-large') throw dataTooLarge(Number(row), change)
    if (status !== 'gone') return { status, record: toRecord(row) }
    const left = this.#known(row)
    return { status, ended: left !== null && hasEnded(left) ? left : null }
  }

  async end (selector: EndSelector, why: EndCause): Promise<EndResult> {
    if ('ids' in selector) return { ended: await this.#end({ ids: selector.ids }, why), cursor: null }
    if ('userId' in selector) return endOfUser(selector, which => this.#end(which, why))
    const { filter, limit, cursor } = selector
    const page = await this.#pages.ids(filter, { limit: Math.min(limit, maxEnds), cursor })
    // sessions that no longer match stay live
    return { ended: await this.#end({ ids: page.items, matching: toSqlFilter(filter) }, why), cursor: page.cursor }
  }

  async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
    const { items, cursor } = await this.#pages.live(filter, page)
    return { items: items.map(toRecord), cursor }
  }

  async history (filter: Filter, page: PageOptions): Promise<Page<EndedSession>> {
    const { items, cursor } = await this.#pages.ended(filter, page)
    return { items: items.map(toEndedSession), cursor }
  }

  async deleteHistory (userId: string): Promise<void> {
    this.#recent.forgetUser(userId)
    await this.#server.write(this.#options.statements.deleteHistory, [userId])
  }

  count (filter: Filter, cursor: string | null): Promise<{ readonly count: number, readonly cursor: string | null }> {
    return this.#pages.count(filter, cursor)
  }

  async cleanup (max: number): Promise<{ readonly ended: readonly EndedSession[], readonly more: boolean }> {
    const [ended, more] = await this.#calls.call('cleanup', { ...this.#endArguments(), max }) as readonly [readonly unknown[], boolean]
    return { ended: ended.map(toEndedSession), more }
  }

  async saveStatistics (slice: StatisticsSlice): Promise<void> {
    await this.#calls.call('saveStatistics', {
      node: slice.node, start_at: slice.start, interval_ms: slice.interval, value: slice.value, until: Math.round(slice.until)
    })
  }

  async statistics (from: number, to: number): Promise<Statistics> {
    const range = toRequest({ from: Math.ceil(from), to: Math.ceil(to) })
    const [text = ''] = await this.#server.read(this.#options.statements.statistics, [range])
    const [live, users, guests, remembered, slices] = fromReply(text) as StatisticsReply
    return { live, users, guests, remembered, slices: slices.map(toSlice) }
  }

  get #calls (): FunctionCalls { return this.#opened().calls }
  get #server (): Server { return this.#opened().server }
  get #pages (): PageQueries { return this.#opened().pages }
  #opened (): Opened {
    if (this.#open === null) throw new SessionError('FST_SESSION_CLOSED')
    return this.#open
  }

  /** Returns the arguments of each function that ends sessions. */
  #endArguments (): { readonly now: number | undefined, readonly history: number, readonly historyPerUser: number } {
    const { history, historyPerUser } = this.#settings
    return { now: this.#now(), history: Math.round(history), historyPerUser }
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

  async #end (which: object, { reason, by }: EndCause): Promise<EndedSession[]> {
    return this.#ended(await this.#calls.call('end', { ...this.#endArguments(), ...which, reason, by }))
  }

  async #subscribe (listener: StoreListener): Promise<StoreSubscription> {
    const { server, connection } = this.#opened()
    const { listen, schema, statements, timeout } = this.#options
    const elsewhere = await listen?.()
    if (elsewhere?.owned === true) this.#closing.unshift(() => elsewhere.connection.end())
    const subscription = new PostgresSubscription({
      ...subscriptionIntervals,
      listener,
      send: payload => server.write(statements.notify, [payload]),
      timeout,
      warn: this.#settings.warn,
      onReturn: () => { void this.#reassert() }
    })
    return subscription.open(listener => (elsewhere?.connection ?? connection).listen(schema, listener, timeout))
  }

  /** Ends again, without events, the sessions that this node ended recently: the server may have lost their ends. */
  async #reassert (): Promise<void> {
    for (const { ids, why } of this.#recent.groups()) {
      // a server that fails again gets them when it returns
      await this.#calls.call('end', { ...this.#endArguments(), ids, ...why }, { unbounded: true }).catch(() => {})
    }
  }
}
/** Returns whether a text has the form of an id; other texts have no session. */
function isId (text: string): boolean { return /^[\w-]{22}$/.test(text) }
