import type { Store } from '../store.ts'
import { detectClient } from './redis/detect-client.ts'
import type { AnyRedis } from './redis/detect-client.ts'
import { toRedisSettings } from './redis/settings.ts'
import type { RedisStoreOptions } from './redis/settings.ts'
import { RedisStore } from './redis/store.ts'

export type { AnyRedis } from './redis/detect-client.ts'
export type { RedisStoreOptions } from './redis/settings.ts'

/**
 * Creates a store in Redis 6.0 or newer, or Valkey: one server, Sentinel, or a cluster.
 *
 * @param client a client of `ioredis`, `iovalkey` or `redis` that the app made, and closes; or a URL (`redis:`, `rediss:`, `valkey:`,
 *   `valkeys:`), for which one of these packages is opened, and closed with the manager
 */
export function redisStore (client: AnyRedis | string, options: RedisStoreOptions = {}): Store {
  const settings = toRedisSettings(options)
  return new RedisStore(typeof client === 'string' ? client : detectClient(client), settings)
}
