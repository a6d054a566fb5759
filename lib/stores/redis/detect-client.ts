import { invalidOption } from '../../options.ts'
import type { RedisClient } from './client.ts'
import { IoredisClient } from './ioredis.ts'
import type { IoredisClusterLike, IoredisLike } from './ioredis.ts'
import { NodeRedisClient } from './node-redis.ts'
import type { NodeRedis } from './node-redis.ts'

/** A client that the app made and closes: of `ioredis`, `iovalkey` or `redis`, for one server, Sentinel or a cluster. */
export type AnyRedis = IoredisLike | IoredisClusterLike | NodeRedis

/** Returns an adapter for a client, which it detects by its methods. Throws `FST_SESSION_INVALID_OPTION` for anything else. */
export function detectClient (client: unknown): RedisClient {
  const has = (method: string): boolean => typeof (client as Record<string, unknown> | null)?.[method] === 'function'
  if (has('call') && has('pipeline')) refuseReplicas(client as IoredisLike | IoredisClusterLike)
  if (has('call') && has('pipeline')) return new IoredisClient(client as IoredisLike | IoredisClusterLike)
  if (has('sendCommand') && has('connect')) return new NodeRedisClient(client as NodeRedis)
  throw invalidOption('redisStore(client)', 'a URL, or a client of ioredis, iovalkey or redis')
}

/** Throws if a cluster client reads from replicas: they may still have a session whose end was acknowledged. */
function refuseReplicas ({ options }: IoredisLike | IoredisClusterLike): void {
  const scaleReads = 'scaleReads' in options ? options.scaleReads : 'master'
  if (scaleReads !== 'master') throw invalidOption('redisStore(client)', 'a `Cluster` with `scaleReads: \'master\'`: replicas may lag')
}
