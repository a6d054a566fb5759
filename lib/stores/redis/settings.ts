import { refuse, toMilliseconds } from '../../options.ts'
import type { Duration } from '../../options.ts'
import type { CacheOptions } from '../../store.ts'

/** Options of `redisStore`. */
export interface RedisStoreOptions {
  /** What every key and the channel begin with; apps with different ones do not see each other. No braces. Default `fsm:`. */
  readonly prefix?: string
  /**
   * An end is done when so many replicas have it, too (`WAIT`), and fails if they do not within `timeout` (default 100 ms, at least 1): it is then done on the
   * primary, and tried again by the manager. Default: the primary is enough.
   */
  readonly wait?: { readonly replicas: number, readonly timeout?: Duration }
  /** Validations are answered from copies in this process, which the server keeps true. Default off. */
  readonly cache?: boolean | CacheOptions
}

/** Options, checked. */
export interface RedisStoreSettings {
  readonly prefix: string
  readonly wait: { readonly replicas: number, readonly timeout: number } | null
  readonly cache: CacheOptions | null
}

/** Checks options and fills in defaults. Throws `FST_SESSION_INVALID_OPTION`. */
export function toRedisSettings ({ prefix = 'fsm:', wait, cache = false }: RedisStoreOptions): RedisStoreSettings {
  // a brace would take the part that decides about the slot to another place
  if (typeof prefix !== 'string' || !/^[^{}\0]{1,64}$/.test(prefix)) throw refuse('prefix', '1 to 64 characters without braces')
  if (wait !== undefined && !(Number.isSafeInteger(wait.replicas) && wait.replicas >= 1)) throw refuse('wait.replicas', '1 or more')
  return {
    prefix,
    wait: wait === undefined ? null : { replicas: wait.replicas, timeout: toMilliseconds(wait.timeout ?? 100, 'wait.timeout', { min: 1 }) },
    cache: toCache(cache)
  }
}

function toCache (cache: boolean | CacheOptions): CacheOptions | null {
  if (typeof cache === 'boolean') return cache ? {} : null
  const { max = 1, maxStale = 100 } = cache
  if (!(Number.isSafeInteger(max) && max >= 1)) throw refuse('cache.max', '1 or more')
  if (!(Number.isFinite(maxStale) && maxStale >= 100)) throw refuse('cache.maxStale', '100 milliseconds or more')
  return cache
}
