import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { SessionRecord, Store } from '../../lib/index.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import type { RedisStoreOptions } from '../../lib/stores/redis.ts'
import { hashVerifier, newId, newVerifier, shardOf } from '../../lib/token/token.ts'
import { plainRecord } from './records.ts'

/** A client, for a socket or a port, that tells at once what fails, as docs/how-to/redis.md advises. */
export function clientOf (place: string | number, maxRetriesPerRequest = 0): Redis {
  const client = new Redis(place as string, { maxRetriesPerRequest, retryStrategy: () => 20 })
  client.on('error', () => {})
  return client
}

/** Opens a store on the server's own clock. */
export async function opened (
  client: Parameters<typeof redisStore>[0],
  options: RedisStoreOptions = {},
  warnings: string[] = []
): Promise<Store> {
  const store = redisStore(client, options)
  await store.open({
    now: null,
    history: 86_400_000,
    historyPerUser: 20,
    warn: message => {
      warnings.push(message)
    }
  })
  return store
}

/** A record as the manager would make it now. */
export function recordOf (userId: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now()
  return plainRecord({
    id: newId(shardOf(userId), now),
    userId,
    hash: hashVerifier(newVerifier()),
    rotatedAt: now,
    createdAt: now,
    authenticatedAt: now,
    lastSeenAt: now,
    idleTimeout: 1_800_000,
    absoluteExpiresAt: now + 43_200_000,
    ...fields
  })
}

/** Creates a session, and answers its id. */
export async function created (store: Store, userId = 'ada', fields: Partial<SessionRecord> = {}): Promise<string> {
  const record = recordOf(userId, fields)
  const { status } = await store.create(record, { at: Date.now(), limit: null, replaces: null, adopts: null })
  if (status !== 'created') throw new Error(status)
  return record.id
}

/** What a session is: `live`, why it ended, or `none`. */
export async function stateOf (store: Store, id: string): Promise<string> {
  const found = await store.read(id)
  return found === null ? 'none' : 'reason' in found ? found.reason : 'live'
}

/** Resolves when the client is connected, again or still. */
export async function ready (client: Redis): Promise<void> {
  if (client.status !== 'ready') await once(client, 'ready')
}
