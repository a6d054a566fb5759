import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import type { Ground, NewGround } from '../../lib/testing/index.ts'

/** Where schedules are run: on one ground for each, or on one for all, under a user of each one's own. */
export interface Place {
  readonly name: string
  ground (): Promise<{ ground: Ground, user: string }>
  store (ground: Ground): Promise<Store>
  /** A schedule is over. */
  leave (ground: Ground): Promise<void>
  close (): Promise<void>
}

/** Memory: a new one for each schedule. */
export function memoryPlace (): Place {
  return {
    name: 'memory',
    async ground () { return { ground: await memoryGround(), user: 'ada' } },
    store: async ground => ground.open(),
    leave: async ground => ground.close(),
    async close () {}
  }
}

/** A server or a file: one for all schedules, because to make one takes longer than to run a schedule. */
export function sharedPlace (name: string, newGround: NewGround): Place {
  const stores: Store[] = []
  let ground: Ground | undefined
  let users = 0
  return {
    name,
    async ground () {
      if (ground === undefined) {
        ground = await newGround()
        for (let node = 0; node < 2; node++) stores.push(await ground.open())
      }
      return { ground, user: `ada-${users++}` }
    },
    async store () { return stores[users++ % 2] as Store },
    async leave () {},
    async close () { await ground?.close() }
  }
}

/** One process: every node has the same store. */
async function memoryGround (): Promise<Ground> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const store = memoryStore()
  await store.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
  return { clock, async open () { return store }, async close () { await store.close() } }
}

/** The place of a store by its name. */
export async function openPlace (name: string): Promise<Place> {
  if (name === 'memory') return memoryPlace()
  throw new Error(`expected --store to be one of memory, was ${name}`)
}
