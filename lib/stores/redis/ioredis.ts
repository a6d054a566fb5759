import { started, ignore, WeakCache, listen } from './client.ts'
import type { Emitter, Primary, RedisClient, Subscription, SubscriptionListener } from './client.ts'

/** An `ioredis` or `iovalkey` client: one server, or found through Sentinel. @fastify/redis decorates the app with one. */
export interface IoredisLike extends Emitter {
  readonly status: string
  readonly options: object
  call (command: string, ...args: string[]): Promise<unknown>
  pipeline (): IoredisPipeline
  // `object`, because clients differ in the options that an override accepts
  duplicate (override?: object): IoredisLike
  subscribe (channel: string): Promise<unknown>
  disconnect (): void
}

/** Its `Cluster`. */
export interface IoredisClusterLike extends Emitter {
  readonly isCluster: boolean
  readonly options: object
  call (command: string, ...args: string[]): Promise<unknown>
  pipeline (): IoredisPipeline
  nodes (role?: 'master'): readonly IoredisLike[]
}

export interface IoredisPipeline {
  call (command: string, ...args: string[]): IoredisPipeline
  exec (): Promise<unknown>
}

/** Adapts ioredis and its fork iovalkey, which have the same methods. */
export class IoredisClient implements RedisClient {
  readonly keyPrefix: string
  readonly database: number
  readonly cluster: boolean
  readonly #client: IoredisLike | IoredisClusterLike
  readonly #primaries = new WeakCache<IoredisLike, Primary>(node => new IoredisPrimary(node))

  constructor (client: IoredisLike | IoredisClusterLike) {
    this.#client = client
    this.cluster = 'nodes' in client
    this.keyPrefix = prefixOf(client.options)
    this.database = 'db' in client.options ? Number(client.options.db) : 0
  }

  // names in lower case: iovalkey does not find the keys of others
  command (_key: string, [name = '', ...args]: readonly string[]): Promise<unknown> {
    return this.#client.call(name, ...args)
  }

  async alone (key: string, [name = '', ...args]: readonly string[]): Promise<unknown> {
    if (!this.cluster) return this.command(key, [name, ...args])
    const [[error, reply] = [null, null]] = await this.#client.pipeline().call(name, ...args).exec() as readonly [Error | null, unknown][]
    if (error !== null) throw error
    return reply
  }

  fields (key: string): Promise<unknown> {
    return this.#client.call('hgetall', key)
  }

  async wait (key: string, replicas: number, timeout: number): Promise<number> {
    // a command with the key routes the pipeline, and with it the wait, to the connection that wrote
    const answers = await this.#client.pipeline().call('exists', key).call('wait', String(replicas), String(timeout)).exec()
    const [, [error, confirmed]] = answers as readonly [unknown, readonly [Error | null, unknown]]
    if (error !== null) throw error
    return Number(confirmed)
  }

  async primaries (): Promise<readonly Primary[]> {
    const nodes = 'nodes' in this.#client ? this.#client.nodes('master') : [this.#client]
    return nodes.map(node => this.#primaries.of(node))
  }

  onReconnect (listener: () => void): () => void {
    return listen(this.#client, ['ready', '+node', '-node'], listener)
  }
}

class IoredisPrimary implements Primary {
  readonly #node: IoredisLike

  constructor (node: IoredisLike) {
    this.#node = node
  }

  command ([name = '', ...args]: readonly string[]): Promise<unknown> {
    return this.#node.call(name, ...args)
  }

  async subscribe (channel: string, listener: SubscriptionListener): Promise<Subscription> {
    // a node of a cluster retries nothing by itself, and may be a reader: a subscription is neither. It is renewed here, because the
    // client's own renewal causes an unhandled rejection if the connection is closed meanwhile
    const connection = this.#node.duplicate({
      lazyConnect: false,
      enableOfflineQueue: true,
      autoResubscribe: false,
      readOnly: false,
      maxRetriesPerRequest: null,
      retryStrategy: (times: number) => Math.min(times * 50, 1000)
    })
    connection.on('error', ignore)
    connection.on('message', (_channel, text) => { listener.message(String(text)) })
    const subscription = { async close () { connection.disconnect() } }
    await started(connection.subscribe(channel), subscription)
    listen(connection, ['close'], () => { listener.lost() })
    listen(connection, ['ready'], () => { connection.subscribe(channel).then(() => { listener.lost() }, ignore) })
    return subscription
  }
}

function prefixOf (options: object): string {
  const own = 'keyPrefix' in options ? options.keyPrefix : undefined
  return typeof own === 'string' ? own : ''
}
