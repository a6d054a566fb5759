import { checkNames, invalidOption, namesOf } from '../options.ts'
import type { CacheOptions } from '../store.ts'

const names = namesOf<CacheOptions>({ max: true, maxBytes: true, maxStale: true })
const leastBytes = 1024 * 1024

/** Checks a store's option `cache`; `null`: no cache. Throws `FST_SESSION_INVALID_OPTION`. */
export function toCacheOptions (cache: boolean | CacheOptions): CacheOptions | null {
  if (typeof cache === 'boolean') return cache ? {} : null
  checkNames(cache, 'cache', names)
  const { max = 1, maxBytes = leastBytes, maxStale = 100 } = cache
  if (!(Number.isSafeInteger(max) && max >= 1)) throw invalidOption('cache.max', 'a number of sessions, 1 or more')
  if (!(Number.isSafeInteger(maxBytes) && maxBytes >= leastBytes)) {
    throw invalidOption('cache.maxBytes', `a number of bytes, ${leastBytes} (1 MiB) or more`)
  }
  if (!(Number.isFinite(maxStale) && maxStale >= 100)) throw invalidOption('cache.maxStale', '100 milliseconds or more')
  return cache
}
