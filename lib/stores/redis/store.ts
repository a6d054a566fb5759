import { withTimeout } from '../../async.ts'
import { dataTooLarge } from '../../model/data.ts'
import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type {
  CacheOptions, SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, Page, PageOptions,
  StatisticsSlice, Statistics, Store, StoreContext, StoreListener, StoreSubscription, ActivityUpdate, UpdateResult
} from '../../store.ts'
import type { CursorScope } from '../cursor.ts'
import { countAll, slicesIn, cleanUpShards, toSliceName } from './all-shards.ts'
import { toUpdateArguments, toCreateArguments, toCreateKeys, toStored } from './arguments.ts'
import type { RedisClient, Reply } from './client.ts'
import { connect } from './connect.ts'
import { Ender } from './ender.ts'
import { toEndedSession, toEndedSessions, toSession, toSessionOrEnded } from './fields.ts'
import type { Fields } from './fields.ts'
import { checkDatabase, checkHealth } from './health.ts'
import { nextPage } from './page.ts'
import { scripts } from './script.ts'
import { Server } from './server.ts'
import type { RedisStoreSettings } from './settings.ts'
import { allShards, shardOfSession, shardOfUser, userKeysOf } from './shard.ts'
import { RedisSubscription } from './subscribe.ts'
import { TouchWriter } from './touch-writer.ts'

/** Milliseconds in which the store must open: a client may wait for its server without limit, the start of an app may not. */
const startTimeout = 5000

interface Opened {
  readonly server: Server
  readonly ender: Ender
  readonly touches: TouchWriter
  readonly close: () => void
}

/** Stores sessions in Redis or Valkey. Operations on one session or user are one command; operations over all users query every shard. */
export class RedisStore implements Store {
  readonly name = 'redis'
  readonly scope = 'network'
  readonly durable = true
  // a batch is one command for each of 64 shards: with 200, hardly three sessions would share a command
  readonly maxBatchSize = 2000
  readonly cache?: CacheOptions
  readonly #client: RedisClient | string
  readonly #settings: RedisStoreSettings
  #opened: Opened | null = null
  #cleanupFrom = 0

  constructor (client: RedisClient | string, settings: RedisStoreSettings) {
    this.#client = client
    this.#settings = settings
    if (settings.cache !== null) this.cache = settings.cache
  }

  get #server (): Server { return this.#open().server }
  get #ender (): Ender { return this.#open().ender }

  #open (): Opened {
    if (this.#opened === null) throw new Error('the store is not open')
    return this.#opened
  }

  async open (context: StoreContext): Promise<void> {
    const { client, close } = typeof this.#client === 'string' ? await connect(this.#client) : { client: this.#client, close () {} }
    const server = new Server(client, { prefix: this.#settings.prefix, context })
    this.#opened = { server, ender: new Ender(server, this.#settings.wait), touches: new TouchWriter(server), close }
    try {
      await withTimeout(this.ping(), startTimeout)
      await checkDatabase(client)
      await checkHealth(client, context.warn)
      server.measureClocks()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Also checks that the channel can be used, before a script that publishes an end fails. */
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
    const [now] = await this.#server.run(scripts.time, 0)
    return Number(now)
  }

  async create (record: SessionRecord, options: CreateOptions): Promise<CreateResult> {
    const shard = shardOfSession(record.id)
    const { replaces } = options
    const near = replaces !== null && shardOfSession(replaces) === shard ? replaces : null
    const [present, status, ...answer] = await this.#server.runInTime(scripts.create, shard, {
      args: toCreateArguments(record, options, near),
      keys: toCreateKeys(record, options, near)
    })
    const now = Number(present)
    switch (status) {
      case 'adopted': return { status, session: toSessionOrEnded(String(answer[0]), answer[1], now) }
      case 'refused': return { status, live: toRecords(answer[0], now) }
      case 'exists': return { status }
      default: {
        const ended = toEndedSessions(answer[0])
        this.#server.recent.add(ended)
        if (replaces !== null && near === null) {
          const replaced = await this.#ender.endIds([replaces], { reason: 'replaced', by: null })
          ended.push(...replaced.ended)
        }
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
    this.#server.suspectRollback()
    return ended
  }

  async touch (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
    return this.#open().touches.write(batch, at)
  }

  async update (id: string, change: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
    const shard = shardOfSession(id)
    const script = change.authenticate === undefined && change.shorten === undefined ? scripts.update : scripts.updateDeadline
    const [now, status, fields] = await this.#server.runInTime(script, shard, {
      args: toUpdateArguments(id, change, expect),
      keys: [`s:${id}`]
    })
    if (status === 'too-large') throw dataTooLarge(Number(fields), change)
    const session = toSessionOrEnded(id, fields, Number(now)) ?? await this.#left(shard, id)
    if (session === null || hasEnded(session)) return { status: 'gone', ended: session }
    return { status: status === 'done' ? 'done' : 'conflict', record: session }
  }

  async end (selector: EndSelector, why: EndCause): Promise<EndResult> {
    if ('ids' in selector) return { ended: (await this.#ender.endIds(selector.ids, why)).ended, cursor: null }
    if ('filter' in selector) return this.#endMatching(selector, why)
    return this.#ender.endUser(selector, why)
  }

  async list (filter: Filter, page: PageOptions): Promise<Page<SessionRecord>> {
    return this.#page({ list: 'live', filter, order: page.order }, page)
  }

  async history (filter: Filter, page: PageOptions): Promise<Page<EndedSession>> {
    return this.#page({ list: 'history', filter, order: page.order }, page)
  }

  async deleteHistory (userId: string): Promise<void> {
    this.#server.recent.forgetUser(userId)
    await this.#server.run(scripts.deleteHistory, shardOfUser(userId), [userId], userKeysOf(userId))
  }

  async count (filter: Filter, cursor: string | null): Promise<{ count: number, cursor: string | null }> {
    if (Object.keys(filter).length === 0) return countAll(this.#server, cursor)
    const page = await this.#page({ list: 'count', filter, order: 'newest' }, { limit: Infinity, cursor, order: 'newest' })
    return { count: page.items.length, cursor: page.cursor }
  }

  async cleanup (max: number): Promise<{ ended: readonly EndedSession[], more: boolean }> {
    const { ended, more, next } = await cleanUpShards(this.#server, this.#cleanupFrom, max)
    this.#cleanupFrom = next
    return { ended: [...this.#ender.takeUnreported(), ...toEndedSessions(ended)], more }
  }

  async saveStatistics (slice: StatisticsSlice): Promise<void> {
    await this.#server.run(scripts.saveStatistics, 0, [toSliceName(slice), String(slice.start), String(slice.until), slice.value])
  }

  async statistics (from: number, to: number): Promise<Statistics> {
    const [slices, counts] = await Promise.all([slicesIn(this.#server, from, to), this.#server.runAll(scripts.statistics, allShards)])
    const sum = (place: number): number => counts.reduce((total, answer) => total + Number(answer[place]), 0)
    return { live: sum(1), users: sum(2), guests: sum(3), remembered: sum(4), slices }
  }

  async subscribe (listener: StoreListener): Promise<StoreSubscription> {
    return new RedisSubscription(this.#server.client, { channel: this.#server.channel, listener, warn: this.#server.warn }).open()
  }

  async #left (shard: number, id: string): Promise<EndedSession | null> {
    const left = await this.#server.endedOf(shard, id)
    return left === null ? null : toEndedSession(left)
  }

  async #page <T extends SessionRecord | EndedSession>(scope: CursorScope, page: PageOptions): Promise<Page<T>> {
    return nextPage<T>({
      places: (shards, index, args) => this.#server.runAll(scripts.page, shards, args, [index]),
      // not in the script: a thousand hashes would block the server for all other clients meanwhile
      session: async (id, now) => {
        const shard = shardOfSession(id)
        return scope.list === 'history'
          ? this.#left(shard, id)
          : toSession(id, await this.#server.fieldsOf(shard, id).catch(unlessWrongType), now)
      }
    }, scope, page)
  }

  /** Runs one step of an end by filter. Changed sessions are read again: only those that match at their end may end. */
  async #endMatching ({ filter, limit, cursor }: Extract<EndSelector, { readonly filter: Filter }>, why: EndCause): Promise<EndResult> {
    const page = await this.#page<SessionRecord>({ list: 'end', filter, order: 'oldest' }, { limit, cursor, order: 'oldest' })
    const matches = compileFilter(filter)
    const ended: EndedSession[] = []
    for (let left: readonly SessionRecord[] = page.items; left.length > 0;) {
      const answer = await this.#ender.endIds(left.map(({ id }) => id), why, new Map(left.map(record => [record.id, record])))
      ended.push(...answer.ended)
      const again = await Promise.all(answer.changed.map(id => this.read(id)))
      left = again.filter(isLive).filter(matches)
    }
    return { ended, cursor: page.cursor }
  }
}

/** Returns the live sessions of a reply: pairs of an id and its fields. */
function toRecords (answer: Reply | undefined, now: number): SessionRecord[] {
  return (answer as readonly (readonly [string, Reply])[]).map(([id, fields]) => toSessionOrEnded(id, fields, now)).filter(isLive)
}

function isLive (session: SessionRecord | EndedSession | null): session is SessionRecord {
  return session !== null && !hasEnded(session)
}

/** Returns no fields for a key that is not a hash: it is no session. */
function unlessWrongType (error: unknown): Fields {
  if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return new Map()
  throw error
}
