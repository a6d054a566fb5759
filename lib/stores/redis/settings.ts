import { checkNames, invalidOption, namesOf, toMilliseconds } from '../../options.ts'
import type { Duration } from '../../options.ts'
import type { CacheOptions } from '../../store.ts'
import { toCacheOptions } from '../cache-options.ts'

/** Options of `redisStore`. */
export interface RedisStoreOptions {
  /** Prefix of every key and of the channel. Apps with different prefixes are isolated. No braces. Default `fsm:`. */
  readonly prefix?: string
  /**
   * Number of replicas that must confirm an end (`WAIT`). If they do not within `timeout` (default 100 ms, at least 1), the end is done on
   * the primary only, rejects, and the manager retries it. Default: the primary is enough.
   */
  readonly wait?: { readonly replicas: number, readonly timeout?: Duration }
  /** Validates sessions from a cache in this process, which notifications from the server keep current. Default off. */
  readonly cache?: boolean | CacheOptions
}

const names = namesOf<RedisStoreOptions>({ prefix: true, wait: true, cache: true })
const waitNames = namesOf<NonNullable<RedisStoreOptions['wait']>>({ replicas: true, timeout: true })

/** Options, checked. */
export interface RedisStoreSettings {
  readonly prefix: string
  readonly wait: { readonly replicas: number, readonly timeout: number } | null
  readonly cache: CacheOptions | null
}

/** Checks options and fills in defaults. Throws `FST_SESSION_INVALID_OPTION`. */
export function toRedisSettings (options: RedisStoreOptions): RedisStoreSettings {
  checkNames(options, '', names)
  const { prefix = 'fsm:', wait, cache = false } = options
  if (wait !== undefined) checkNames(wait, 'wait', waitNames)
  // a brace would change the part of the key that selects the slot
  if (typeof prefix !== 'string' || !/^[^{}\0]{1,64}$/.test(prefix)) throw invalidOption('prefix', '1 to 64 characters without braces')
  if (wait !== undefined && !(Number.isSafeInteger(wait.replicas) && wait.replicas >= 1)) throw invalidOption('wait.replicas', '1 or more')
  return {
    prefix,
    wait: wait === undefined ? null : { replicas: wait.replicas, timeout: toMilliseconds(wait.timeout ?? 100, 'wait.timeout', { min: 1 }) },
    cache: toCacheOptions(cache)
  }
}
