import { yieldToEventLoop } from '../../async.ts'
import { invalidOption } from '../../options.ts'
import { ignore } from './client.ts'
import type { RedisClient } from './client.ts'
import { detectClient } from './detect-client.ts'

/** A client that the store opened, and how to close it. */
export interface Connected {
  readonly client: RedisClient
  readonly close: () => void
}

/** Imports a package by its name. */
export type Load = (name: string) => Promise<unknown>

/** Fails fast: the store's timeout rejects a waiting call, and no command is sent twice or long after its call. */
const retry = (times: number): number => Math.min(times * 50, 500)

const packages = ['ioredis', 'iovalkey', 'redis'] as const

/**
 * Opens a client for a URL with the first package that the app has installed. Throws `FST_SESSION_INVALID_OPTION` without such a package.
 */
export async function connect (url: string, load: Load = name => import(name)): Promise<Connected> {
  const address = url.replace(/^valkey/, 'redis')
  const { pathname } = new URL(address)
  if (!/^\/?\d*$/.test(pathname)) {
    throw invalidOption('store', 'a URL that ends with the number of a database, or without a path: redis://host:6379/2')
  }
  const names = url.startsWith('valkey') ? ['iovalkey', 'ioredis', 'redis'] as const : packages
  for (const name of names) {
    const loaded = await load(name).catch(ifMissing)
    if (loaded === null) continue
    return name === 'redis' ? openNodeRedis(loaded as NodeRedisPackage, address) : openIoredis(loaded as IoredisPackage, address)
  }
  throw invalidOption('store', `an instance, or a URL with one of these packages installed: ${packages.join(', ')}`)
}

interface IoredisPackage {
  readonly Redis: new (url: string, options: object) => {
    on (event: 'error', listener: (error: unknown) => void): unknown
    connect (): Promise<unknown>
    ping (): Promise<unknown>
    disconnect (): void
  }
}

interface NodeRedisPackage {
  createClient (options: object): OwnNodeRedis
}

interface OwnNodeRedis {
  on (event: 'error', listener: () => void): unknown
  connect (): Promise<unknown>
  destroy (): void
  sendCommand (args: string[], options?: object): Promise<unknown>
}

async function openIoredis ({ Redis }: IoredisPackage, url: string): Promise<Connected> {
  const client = new Redis(url, {
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    connectTimeout: 5000,
    retryStrategy: retry,
    // after a failover behind one address the connection leads to a replica; the command is not sent again
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    lazyConnect: true
  })
  // commands reject only with the number of retries, and a failed SELECT only emits this event: the client continues with database 0
  const failed = new Promise<never>((_resolve, reject) => { client.on('error', reject) })
  try {
    // the ping comes after AUTH and SELECT, so that their failures are known when it resolves
    await Promise.race([client.connect().then(() => client.ping()), failed])
    await Promise.race([failed, yieldToEventLoop()])
  } catch (error) {
    client.disconnect()
    throw error
  }
  return { client: detectClient(client), close () { client.disconnect() } }
}

async function openNodeRedis (redis: NodeRedisPackage, url: string): Promise<Connected> {
  let connected = false
  const reconnectStrategy = (times: number, cause: Error): number | Error => connected ? retry(times) : cause
  const client = redis.createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: 5000, reconnectStrategy } })
  client.on('error', ignore)
  await client.connect()
  connected = true
  reconnectOnReadonly(client)
  return { client: detectClient(client), close () { client.destroy() } }
}

/** Connects again when the server rejects a write because it is a replica. The command is not sent again. */
function reconnectOnReadonly (client: OwnNodeRedis): void {
  const send = client.sendCommand.bind(client)
  let reconnecting: Promise<unknown> | null = null
  client.sendCommand = async (args, options) => {
    try {
      return await send(args, options)
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('READONLY')) {
        reconnecting ??= reconnect(client).catch(ignore).finally(() => { reconnecting = null })
      }
      throw error
    }
  }
}

async function reconnect (client: OwnNodeRedis): Promise<void> {
  client.destroy()
  await client.connect()
}

function ifMissing (error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return null
  throw error
}
