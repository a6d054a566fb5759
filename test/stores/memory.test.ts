import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import type { Ground } from '../../lib/testing/index.ts'
import { keepsTheLaws } from '../helpers/laws.ts'

/** One process: each app has one store in it. */
async function newGround (): Promise<Ground> {
  const clock = { now: Date.now() }
  const stores = new Map<string, Store>()
  return {
    clock,
    async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
      let store = stores.get(app)
      if (store === undefined) {
        store = memoryStore()
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        stores.set(app, store)
      }
      return store
    },
    async close () { for (const store of stores.values()) await store.close() }
  }
}

t.test('sessions of this process keep every law', t => keepsTheLaws(t, newGround))
