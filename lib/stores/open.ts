import { fileURLToPath } from 'node:url'
import { invalidOption } from '../options.ts'
import type { Store } from '../store.ts'
import { memoryStore } from './memory.ts'

/**
 * Returns the store that an option names: an instance unchanged; `memory` and URLs opened. Throws `FST_SESSION_INVALID_OPTION` for anything
 * else.
 */
export async function openStore (store: Store | string): Promise<Store> {
  if (store === 'memory') return memoryStore()
  if (typeof store === 'string' && store.startsWith('file:')) return (await import('./sqlite.ts')).sqliteStore(toPath(store))
  if (typeof store === 'string' && /^(?:redis|valkey)s?:/.test(store)) return (await import('./redis.ts')).redisStore(store)
  if (typeof store === 'string' && /^postgres(?:ql)?:/.test(store)) return (await import('./postgres.ts')).postgresStore(store)
  if (typeof store === 'string' || typeof (store as Partial<Store> | null)?.create !== 'function') {
    throw invalidOption('store', "a store, 'memory', or a URL: 'file:…', 'redis://…', 'postgres://…'")
  }
  return store
}

/** Returns the path of a URL: `file:///var/lib/sessions.db` is absolute, `file:sessions.db` relative to the working directory. */
function toPath (url: string): string {
  return url.startsWith('file:/') ? fileURLToPath(url) : url.slice('file:'.length)
}
