import { withTimeout } from '../../async.ts'
import { started, ignore, WeakCache, listen, connectTimeout } from './client.ts'
import type { Emitter, Primary, RedisClient, Subscription, SubscriptionListener } from './client.ts'

/** A client of `redis` (node-redis 5 and newer): one server. */
export interface NodeRedisLike extends Emitter {
  readonly isReady: boolean
  sendCommand (args: string[], options: object): Promise<unknown>
  duplicate (): NodeRedisLike
  connect (): Promise<unknown>
  subscribe (channel: string, listener: (message: string) => void): Promise<unknown>
  destroy (): void
}

/** Its pool. */
export interface NodeRedisPoolLike extends Emitter {
  sendCommand (args: string[], options: object): Promise<unknown>
  execute <T>(task: (client: NodeRedisLike) => T): Promise<T>
}

/** Its Sentinel client. */
export interface NodeRedisSentinelLike extends Emitter {
  sendCommand (isReadonly: boolean, args: string[], options: object): Promise<unknown>
  getSentinelNode (): unknown
  duplicate (): NodeRedisSentinelLike
  connect (): Promise<unknown>
  subscribe (channel: string, listener: (message: string) => void): Promise<unknown>
  destroy (): void | Promise<void>
}

/** Its cluster client. */
export interface NodeRedisClusterLike extends Emitter {
  readonly masters: readonly object[]
  sendCommand (firstKey: string, isReadonly: boolean, args: string[], options: object): Promise<unknown>
  nodeClient (node: never): NodeRedisLike | Promise<NodeRedisLike>
}

export type NodeRedis = NodeRedisLike | NodeRedisPoolLike | NodeRedisSentinelLike | NodeRedisClusterLike

/** Returns texts as strings, whatever types the app has set for its own commands. */
const plain = { typeMapping: {} }

/**
 * Options of a read while the server responds. The caller has its own timeout; that of the client, an AbortSignal for each read, costs a
 * third of the read. While the server does not respond, the client's timeout stays, so that a read whose caller has timed out leaves the
 * queue.
 */
const untimed = { ...plain, timeout: 0 }

/** Adapts node-redis, whose four kinds of clients send commands in four ways. */
export class NodeRedisClient implements RedisClient {
  // node-redis adds its own prefix only to keys of typed commands, which this adapter does not send
  readonly keyPrefix = ''
  // it does not connect if the server refuses the database
  readonly database = 0
  readonly cluster: boolean
  readonly #client: NodeRedis
  readonly #send: (key: string, args: string[], options: object) => Promise<unknown>
  readonly #nodes = new WeakCache<object, Primary>(node => this.#toPrimary(node))

  constructor (client: NodeRedis) {
    this.#client = client
    guardErrors(client)
    this.cluster = 'nodeClient' in client
    this.#send = 'nodeClient' in client
      ? (key, args, options) => client.sendCommand(key, false, args, options)
      : 'getSentinelNode' in client
        ? (_key, args, options) => client.sendCommand(false, args, options)
        : (_key, args, options) => client.sendCommand(args, options)
  }

  command (key: string, args: readonly string[]): Promise<unknown> {
    return this.#send(key, [...args], plain)
  }

  alone (key: string, args: readonly string[]): Promise<unknown> {
    return this.command(key, args)
  }

  fields (key: string): Promise<unknown> {
    return this.#send(key, ['HGETALL', key], 'isReady' in this.#client && this.#client.isReady ? untimed : plain)
  }

  async wait (key: string, replicas: number, timeout: number): Promise<number> {
    const args = ['WAIT', String(replicas), String(timeout)]
    // after any command a connection waits for everything written so far; a pool may send the next command over another connection
    if ('execute' in this.#client) {
      return Number(await this.#client.execute(async client => {
        await client.sendCommand(['EXISTS', key], plain)
        return client.sendCommand(args, plain)
      }))
    }
    await this.#send(key, ['EXISTS', key], plain)
    return Number(await this.#send(key, args, plain))
  }

  async primaries (): Promise<readonly Primary[]> {
    const nodes = 'nodeClient' in this.#client ? this.#client.masters : [this.#client]
    return nodes.map(node => this.#nodes.of(node))
  }

  onReconnect (listener: () => void): () => void {
    return listen(this.#client, ['ready', 'node-ready', 'topology-change'], listener)
  }

  #toPrimary (node: object): Primary {
    const client = this.#client
    const target = async (): Promise<NodeRedisLike | NodeRedisSentinelLike> =>
      'nodeClient' in client ? await client.nodeClient(node as never) : 'execute' in client ? await client.execute(each => each) : client
    return {
      command: async args => {
        if (!('nodeClient' in client)) return this.#send('', [...args], plain)
        return (await client.nodeClient(node as never)).sendCommand([...args], plain)
      },
      subscribe: async (channel, listener) => subscribe((await withTimeout(target(), connectTimeout)).duplicate(), channel, listener)
    }
  }
}

const guarded = new WeakSet<object>()

/** Adds an `error` listener: without one, a client ends the process when its server fails. Each failed operation is reported anyway. */
function guardErrors (client: NodeRedis): void {
  if (guarded.has(client)) return
  guarded.add(client)
  client.on('error', ignore)
}

async function subscribe (
  connection: NodeRedisLike | NodeRedisSentinelLike,
  channel: string,
  listener: SubscriptionListener
): Promise<Subscription> {
  connection.on('error', ignore)
  const subscription = { async close () { await connection.destroy() } }
  const subscribing = async (): Promise<unknown> => {
    await connection.connect()
    return connection.subscribe(channel, text => { listener.message(text) })
  }
  await started(subscribing(), subscription)
  listen(connection, ['reconnecting', 'ready', 'end', 'error', 'topology-change'], () => { listener.lost() })
  return subscription
}
