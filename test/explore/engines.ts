import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import type { TestEnvironment } from '../../lib/testing/index.ts'
import { Network } from '../helpers/network.ts'
import { pgPool, startPostgres } from '../helpers/postgres.ts'
import { binaries, RedisServer } from '../helpers/redis.ts'
import { Line } from './subscription.ts'

/** Where schedules are run: on one environment for each, or on one for all, under a user of each one's own. */
export interface Place {
  readonly name: string
  environment (): Promise<{ environment: TestEnvironment, user: string }>
  /** The store of each node. */
  stores (environment: TestEnvironment): Promise<readonly Store[]>
  /** Each node's stream, if nodes keep copies. */
  lines (stores: readonly Store[]): Promise<readonly Line[]>
  /** A schedule is over. */
  leave (environment: TestEnvironment): Promise<void>
  close (): Promise<void>
}

/** Memory: a new one for each schedule. */
export function memoryPlace (): Place {
  return {
    name: 'memory',
    async environment () { return { environment: await memoryEnvironment(), user: 'ada' } },
    stores: async environment => [await environment.open(), await environment.open()],
    lines: async () => [],
    leave: async environment => environment.close(),
    async close () {}
  }
}

/** Memory behind a network, of which nodes keep copies: a new one for each schedule. */
export function copiesPlace (): Place {
  return {
    ...memoryPlace(),
    name: 'copies of memory',
    async stores ({ clock }) {
      const network = new Network()
      const stores = [network.node(), network.node()]
      await stores[0]?.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
      return stores
    },
    lines: async stores => stores.map(store => new Line(store))
  }
}

/** A server or a file: one for all schedules, because to make one takes longer than to run a schedule. */
function sharedPlace (
  name: string,
  environment: TestEnvironment,
  stores: readonly Store[],
  { lines, close }: { readonly lines: readonly Line[]; readonly close: () => Promise<void> }
): Place {
  let users = 0
  return {
    name,
    async environment () {
      return { environment, user: `ada-${users++}` }
    },
    async stores () {
      return stores
    },
    async lines () {
      return lines
    },
    async leave () {},
    async close () {
      for (const line of lines) await line.close()
      for (const store of stores) await store.close()
      await close()
    }
  }
}

/** One process: every node has the same store. */
async function memoryEnvironment (): Promise<TestEnvironment> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const store = memoryStore()
  await store.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
  return { clock, async open () { return store }, async close () { await store.close() } }
}

/** The place of a store by its name. */
export async function openPlace (name: string): Promise<Place> {
  const [engine, copies = false] = name.split('-cached').map(part => part === '' ? true : part) as [string, true?]
  switch (engine) {
    case 'memory': return copies ? copiesPlace() : memoryPlace()
    case 'sqlite': {
      const dir = mkdtempSync(join(tmpdir(), 'explore-'))
      return share(name, () => sqliteStore(join(dir, 'sessions.db')), {
        copies: false,
        close: async () => {
          rmSync(dir, { recursive: true })
        }
      })
    }
    case 'redis': {
      const [binary] = binaries()
      const server = await new RedisServer(binary).start()
      const client = new Redis(server.socket)
      return share(binary?.name ?? name, () => redisStore(client), {
        copies,
        close: async () => {
          client.disconnect()
          await server.close()
        }
      })
    }
    case 'postgres': {
      const server = await startPostgres()
      // one verb happens at a time; a machine that is busy must not make it fail
      const pool = pgPool(server, { max: 1 })
      return share(`PostgreSQL ${server.version}`, () => postgresStore(pool, { timeout: 60_000 }), {
        copies,
        close: async () => {
          await pool.end()
          await server.remove()
        }
      })
    }
    default: throw new Error(`expected --store to be one of memory, memory-cached, sqlite, redis, redis-cached, postgres, postgres-cached, was ${name}`)
  }
}

async function share (
  name: string,
  make: () => Store,
  { copies, close }: { readonly copies: boolean; readonly close: () => Promise<void> }
): Promise<Place> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const stores = [make(), make()]
  for (const store of stores) await store.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
  const environment: TestEnvironment = {
    clock,
    async open () {
      throw new Error('both nodes are there')
    },
    async close () {}
  }
  const lines = copies ? stores.map(store => new Line(store)) : []
  for (const line of lines) await line.prove()
  return sharedPlace(copies ? `copies of ${name}` : name, environment, stores, { lines, close })
}
