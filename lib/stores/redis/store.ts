import { randomBytes } from 'node:crypto'
import { inTime } from '../../async.ts'
import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { CacheOptions, Change, Created, CreateOptions, Ending, EndSelector, EndWhy, Expect, Page, PageOptions, Slice, Statistics, Store, StoreContext, StoreListener, StoreWatch, Touch, Updated } from '../../store.ts'
import type { CursorScope } from '../cursor.ts'
import { countAll, slicesIn, sweepShards, toSliceName } from './all-shards.ts'
import { toChangeArguments, toCreateArguments, toStored, toTouchArguments } from './arguments.ts'
import type { RedisClient, Reply } from './client.ts'
import { connect } from './connect.ts'
import { toFound, toLeft, toSession } from './fields.ts'
import type { Fields } from './fields.ts'
import { checkHealth } from './health.ts'
import { nextPage } from './page.ts'
import { scripts } from './script.ts'
import { Server } from './server.ts'
import type { RedisStoreSettings } from './settings.ts'
import { allShards, byShard, shardOfSession, shardOfUser } from './shard.ts'
import { RedisWatch } from './subscribe.ts'

/** A client may wait for its server for ever; the start of an app may not. Milliseconds. */
const patience = 5000

/** Sessions in Redis or Valkey. Verbs on one session or one user are one command; what spans users asks every shard. */
export class RedisStore implements Store {
  readonly name = 'redis'
  readonly scope = 'network'
  readonly durable = true
  // a command for each of 64 shards: with 200, hardly three sessions would share one
  readonly batch = 2000
  readonly cache?: CacheOptions
  readonly #client: RedisClient | string
  readonly #settings: RedisStoreSettings
  readonly #node = randomBytes(6).toString('base64url')
  /** Ended, but not yet on as many replicas as the app asks for; by shard. */
  readonly #unconfirmed = new Map<number, EndedSession[]>()
  #opened: { readonly server: Server, readonly close: () => void } | null = null
  #batch = 0
  #sweepFrom = 0

  constructor (client: RedisClient | string, settings: RedisStoreSettings) {
    this.#client = client
    this.#settings = settings
    if (settings.cache !== null) this.cache = settings.cache
  }

  get #server (): Server {
    if (this.#opened === null) throw new Error('the store is not open')
    return this.#opened.server
  }

  async open (context: StoreContext): Promise<void> {
    const { client, close } = typeof this.#client === 'string' ? await connect(this.#client) : { client: this.#client, close () {} }
    this.#opened = { server: new Server(client, { prefix: this.#settings.prefix, context }), close }
    try {
      await inTime(this.ping(), patience)
      await checkHealth(client, context.warn)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Also finds out whether the channel may be used, before a script that tells of an end fails. */
  async ping (): Promise<void> {
    const { client, channel } = this.#server
    await client.command(this.#server.baseOf(0), ['publish', channel, 'b'])
    await this.now()
  }

  close (): void {
    this.#server.close()
    this.#opened?.close()
    this.#opened = null
  }

  async now (): Promise<number> {
    const [now] = await this.#server.run(scripts.statistics, 0)
    return Number(now)
  }

  async create (record: SessionRecord, options: CreateOptions): Promise<Created> {
    const shard = shardOfSession(record.id)
    const { replaces } = options
    const near = replaces !== null && shardOfSession(replaces) === shard ? replaces : null
    const [present, status, ...answer] = await this.#server.runInTime(scripts.create, shard, toCreateArguments(record, options, near))
    const now = Number(present)
    switch (status) {
      case 'adopted': return { status, session: toFound(String(answer[0]), answer[1], now) }
      case 'refused': return { status, live: toRecords(answer[0], now) }
      case 'exists': return { status }
      default: {
        const ended = toEndedSessions(answer[0])
        this.#server.recent.add(ended)
        if (replaces !== null && near === null) ended.push(...(await this.#endIds([replaces], { reason: 'replaced', by: null })).ended)
        return { status: 'created', record: toStored(record, now - options.at), ended }
      }
    }
  }

  async read (id: string): Promise<SessionRecord | EndedSession | null> {
    const shard = shardOfSession(id)
    const fields = await this.#server.fieldsOf(shard, id)
    const session = fields.size === 0 ? await this.#left(shard, id) : toSession(id, fields, this.#server.now(shard))
    if (session === null || hasEnded(session)) return session
    const ended = this.#server.recent.get(id)
    if (ended === undefined) return session
    this.#server.doubt()
    return ended
  }

  async touch (batch: readonly Touch[], at: number): Promise<readonly string[]> {
    const number = String(++this.#batch)
    const answers = await Promise.all(Array.from(byShard(batch, ({ id }) => id), async ([shard, touches]) => {
      const [, ...gone] = await this.#server.runInTime(scripts.touch, shard, [String(at), this.#node, number, ...touches.flatMap(toTouchArguments)])
      return gone.map(String)
    }))
    return answers.flat()
  }

  async update (id: string, change: Change, expect?: Expect): Promise<Updated> {
    const [now, status, fields] = await this.#server.runInTime(scripts.update, shardOfSession(id), toChangeArguments(id, change, expect))
    const session = toFound(id, fields, Number(now))
    if (session === null || hasEnded(session)) return { status: 'gone', ended: session }
    return { status: status === 'done' ? 'done' : 'conflict', record: session }
  }

  async end (selector: EndSelector, why: EndWhy): Promise<Ending> {
    if ('ids' in selector) return { ended: (await this.#endIds(selector.ids, why)).ended, cursor: null }
    if ('filter' in selector) return this.#endMatching(selector, why)
    const shard = shardOfUser(selector.userId)
    const [, answer] = await this.#server.run(scripts.endUser, shard, [why.reason, why.by ?? '', selector.userId, selector.except ?? ''])
    return { ended: await this.#confirmed(shard, toEndedSessions(answer)), cursor: null }
  }

  async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
    return this.#page({ list: 'live', filter, order: page.order }, page)
  }

  async history (filter: Filter, page: PageOptions): Promise<Page<EndedSession>> {
    return this.#page({ list: 'history', filter, order: page.order }, page)
  }

  async count (filter: Filter, cursor: string | null): Promise<{ count: number, cursor: string | null }> {
    if (Object.keys(filter).length === 0) return countAll(this.#server, cursor)
    const page = await this.#page({ list: 'count', filter, order: 'newest' }, { limit: Infinity, cursor, order: 'newest' })
    return { count: page.items.length, cursor: page.cursor }
  }

  async sweep (max: number): Promise<{ ended: readonly EndedSession[], more: boolean }> {
    const { ended, more, next } = await sweepShards(this.#server, this.#sweepFrom, max)
    this.#sweepFrom = next
    return { ended: toEndedSessions(ended), more }
  }

  async observe (slice: Slice): Promise<void> {
    await this.#server.run(scripts.observe, 0, [toSliceName(slice), String(slice.at), String(slice.until), slice.value])
  }

  async statistics (from: number, to: number): Promise<Statistics> {
    const [slices, counts] = await Promise.all([slicesIn(this.#server, from, to), this.#server.runAll(scripts.statistics, allShards)])
    const sum = (place: number): number => counts.reduce((total, answer) => total + Number(answer[place]), 0)
    return { live: sum(1), users: sum(2), guests: sum(3), remembered: sum(4), slices }
  }

  async watch (listener: StoreListener): Promise<StoreWatch> {
    return new RedisWatch(this.#server.client, this.#server.channel, listener).open()
  }

  async #left (shard: number, id: string): Promise<EndedSession | null> {
    const left = await this.#server.leftOf(shard, id)
    return left === null ? null : toLeft(left)
  }

  async #page <T extends SessionRecord | EndedSession>(scope: CursorScope, page: PageOptions): Promise<Page<T>> {
    return nextPage<T>({
      places: (shards, args) => this.#server.runAll(scripts.page, shards, args),
      // not in the script: a thousand hashes would keep the server from everybody else for as long as they take
      session: async (id, now) => {
        const shard = shardOfSession(id)
        return scope.list === 'history' ? this.#left(shard, id) : toSession(id, await this.#server.fieldsOf(shard, id).catch(unlessOdd), now)
      }
    }, scope, page)
  }

  async #endIds (ids: readonly string[], why: EndWhy, seen?: ReadonlyMap<string, SessionRecord>): Promise<{ ended: EndedSession[], changed: string[] }> {
    const answers = await Promise.all(Array.from(byShard(ids, id => id), async ([shard, group]) => {
      const args = group.flatMap(id => {
        const record = seen?.get(id)
        return record === undefined ? [id, '', ''] : [id, String(record.lastSeenAt), String(record.requests)]
      })
      const [, ended, changed] = await this.#server.run(scripts.end, shard, [why.reason, why.by ?? '', ...args])
      return { ended: await this.#confirmed(shard, toEndedSessions(ended)), changed: changed as readonly string[] }
    }))
    return { ended: answers.flatMap(({ ended }) => ended), changed: answers.flatMap(({ changed }) => changed) }
  }

  /** One step of an end by filter. What changed since it was looked at is looked at again: only what matches at its end may end. */
  async #endMatching ({ filter, limit, cursor }: Extract<EndSelector, { readonly filter: Filter }>, why: EndWhy): Promise<Ending> {
    const page = await this.#page<SessionRecord>({ list: 'end', filter, order: 'oldest' }, { limit, cursor, order: 'oldest' })
    const matches = compileFilter(filter)
    const ended: EndedSession[] = []
    for (let left: readonly SessionRecord[] = page.items; left.length > 0;) {
      const answer = await this.#endIds(left.map(({ id }) => id), why, new Map(left.map(record => [record.id, record])))
      ended.push(...answer.ended)
      const again = await Promise.all(answer.changed.map(id => this.read(id)))
      left = again.filter(isLive).filter(matches)
    }
    return { ended, cursor: page.cursor }
  }

  /** Waits for replicas, if the app wants that. What is not confirmed is told by the next end that is. */
  async #confirmed (shard: number, ended: EndedSession[]): Promise<EndedSession[]> {
    this.#server.recent.add(ended)
    const { wait } = this.#settings
    if (wait === null) return ended
    const waiting = [...this.#unconfirmed.get(shard) ?? [], ...ended]
    if (waiting.length === 0) return ended
    this.#unconfirmed.set(shard, waiting)
    const replicas = await this.#server.client.wait(this.#server.baseOf(shard), wait.replicas, wait.timeout)
    if (replicas < wait.replicas) throw new Error(`${replicas} of ${wait.replicas} replicas confirmed an end within ${wait.timeout} ms`)
    this.#unconfirmed.delete(shard)
    return waiting
  }
}

/** Live sessions of an answer: pairs of an id and its fields. */
function toRecords (answer: Reply | undefined, now: number): SessionRecord[] {
  return (answer as readonly (readonly [string, Reply])[]).map(([id, fields]) => toFound(id, fields, now)).filter(isLive)
}

function isLive (session: SessionRecord | EndedSession | null): session is SessionRecord {
  return session !== null && !hasEnded(session)
}

function toEndedSessions (answer: Reply | undefined): EndedSession[] {
  return (answer as readonly string[]).map(toLeft)
}

/** A key that is no hash is nobody's session. */
function unlessOdd (error: unknown): Fields {
  if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return new Map()
  throw error
}
