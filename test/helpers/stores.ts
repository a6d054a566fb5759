import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { gate } from './app.ts'

/** A memory store whose verbs go through `change`, which returns what happens instead; `null`: nothing. */
function changed (change: (verb: keyof Store, run: () => unknown) => (() => unknown) | null): Store {
  return new Proxy(memoryStore(), {
    get (target, verb: keyof Store): unknown {
      const value: unknown = Reflect.get(target, verb)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const run = (): unknown => Reflect.apply(value, target, args) as unknown
        return (change(verb, run) ?? run)()
      }
    }
  })
}

/** A memory store that cannot read while it is down. */
export function failingStore (isDown: () => boolean): Store {
  return changed(verb => verb === 'read' && isDown() ? () => { throw new Error('down') } : null)
}

/** A memory store whose `create` waits for `go`. */
export function slowStore (): { readonly store: Store, readonly entered: Promise<void>, go: () => void } {
  const entered = gate()
  const held = gate()
  const store = changed((verb, run) => verb !== 'create' ? null : async () => { entered.open(); await held.opened; return run() })
  return { store, entered: entered.opened, go: held.open }
}
