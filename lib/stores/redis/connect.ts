import { refuse } from '../../options.ts'
import { ignore } from './client.ts'
import type { RedisClient } from './client.ts'
import { recognise } from './detect-client.ts'

/** A client of ours, and how it is closed. */
export interface Connected {
  readonly client: RedisClient
  readonly close: () => void
}

/** Imports a package by its name. */
export type Load = (name: string) => Promise<unknown>

/** Fails fast: whoever waits is answered by the store's timeout, and nothing is sent twice or long after it was asked for. */
const retry = (times: number): number => Math.min(times * 50, 500)

const packages = ['ioredis', 'iovalkey', 'redis'] as const

/**
 * Opens a client for a URL with the first package that the app has installed. Throws `FST_SESSION_INVALID_OPTION` if there is none.
 */
export async function connect (url: string, load: Load = name => import(name)): Promise<Connected> {
  const address = url.replace(/^valkey/, 'redis')
  const names = url.startsWith('valkey') ? ['iovalkey', 'ioredis', 'redis'] as const : packages
  for (const name of names) {
    const loaded = await load(name).catch(ifMissing)
    if (loaded === null) continue
    return name === 'redis' ? openNodeRedis(loaded as NodeRedisPackage, address) : openIoredis(loaded as IoredisPackage, address)
  }
  throw refuse('store', `an instance, or a URL with one of these packages installed: ${packages.join(', ')}`)
}

interface IoredisPackage {
  readonly Redis: new (url: string, options: object) => { on (event: 'error', listener: () => void): unknown, disconnect (): void }
}

interface NodeRedisPackage {
  createClient (options: object): { on (event: 'error', listener: () => void): unknown, connect (): Promise<unknown>, destroy (): void }
}

function openIoredis ({ Redis }: IoredisPackage, url: string): Connected {
  const client = new Redis(url, { maxRetriesPerRequest: 0, enableAutoPipelining: true, connectTimeout: 5000, retryStrategy: retry })
  client.on('error', ignore)
  return { client: recognise(client), close () { client.disconnect() } }
}

async function openNodeRedis (redis: NodeRedisPackage, url: string): Promise<Connected> {
  let connected = false
  const reconnectStrategy = (times: number, cause: Error): number | Error => connected ? retry(times) : cause
  const client = redis.createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: 5000, reconnectStrategy } })
  client.on('error', ignore)
  await client.connect()
  connected = true
  return { client: recognise(client), close () { client.destroy() } }
}

function ifMissing (error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return null
  throw error
}
