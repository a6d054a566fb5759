import { refuse } from '../settings.ts'
import type { Store } from '../store.ts'
import { memoryStore } from './memory.ts'

/** The store that an option names: an instance as it is; `memory` opened. Throws `FST_SESSION_INVALID_OPTION` for anything else. */
export async function openStore (store: Store | string): Promise<Store> {
  if (store === 'memory') return memoryStore()
  if (typeof store === 'string' || typeof (store as Partial<Store> | null)?.create !== 'function') throw refuse('store', "a store, or 'memory'")
  return store
}
