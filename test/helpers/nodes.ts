import { memoryStore } from '../../lib/index.ts'
import type { Store, StoreListener } from '../../lib/index.ts'

/** One store behind several nodes: what one ends, the others are told, as Redis and PostgreSQL do. Each call gives the store of one more node. */
export function sharedStore (): () => Store {
  const shared = memoryStore()
  const listeners = new Set<StoreListener>()
  let opened = false
  return () => {
    let own: StoreListener | null = null
    return new Proxy(shared, {
      get (target, name) {
        if (name === 'scope') return 'network'
        if (name === 'open') return (...args: Parameters<Store['open']>) => { if (!opened) void target.open(...args); opened = true }
        if (name === 'close') return () => {}
        if (name === 'watch') {
          return (listener: StoreListener) => {
            listeners.add(own = listener)
            return { probe: async () => {}, close: () => { listeners.delete(listener) } }
          }
        }
        if (name === 'end') {
          return async (...args: Parameters<Store['end']>) => {
            const ending = await target.end(...args)
            for (const listener of listeners) if (listener !== own) for (const session of ending.ended) listener.ended(session)
            return ending
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) as unknown : value
      }
    })
  }
}
