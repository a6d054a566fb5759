import { Redis } from 'ioredis'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import type { Ground } from '../../lib/testing/index.ts'
import { pgPool, startPostgres } from '../helpers/postgres.ts'
import { RedisServer, binaries } from '../helpers/redis.ts'

/** Where schedules are run: on one ground for each, or on one for all, under a user of each one's own. */
export interface Place {
  readonly name: string
  ground (): Promise<{ ground: Ground, user: string }>
  /** The store of each node. */
  stores (ground: Ground): Promise<readonly Store[]>
  /** A schedule is over. */
  leave (ground: Ground): Promise<void>
  close (): Promise<void>
}

/** Memory: a new one for each schedule. */
export function memoryPlace (): Place {
  return {
    name: 'memory',
    async ground () { return { ground: await memoryGround(), user: 'ada' } },
    stores: async ground => [await ground.open(), await ground.open()],
    leave: async ground => ground.close(),
    async close () {}
  }
}

/** A server or a file: one for all schedules, because to make one takes longer than to run a schedule. */
function sharedPlace (name: string, ground: Ground, stores: readonly Store[], close: () => Promise<void>): Place {
  let users = 0
  return {
    name,
    async ground () { return { ground, user: `ada-${users++}` } },
    async stores () { return stores },
    async leave () {},
    async close () {
      for (const store of stores) await store.close()
      await close()
    }
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
  switch (name) {
    case 'memory': return memoryPlace()
    case 'sqlite': {
      const dir = mkdtempSync(join(tmpdir(), 'explore-'))
      return share(name, () => sqliteStore(join(dir, 'sessions.db')), async () => { rmSync(dir, { recursive: true }) })
    }
    case 'redis': {
      const [binary] = binaries()
      const server = await new RedisServer(binary).start()
      const client = new Redis(server.socket)
      return share(binary?.name ?? name, () => redisStore(client), async () => { client.disconnect(); await server.close() })
    }
    case 'postgres': {
      const server = await startPostgres()
      // one verb happens at a time; a machine that is busy must not make it fail
      const pool = pgPool(server, { max: 1 })
      return share(`PostgreSQL ${server.version}`, () => postgresStore(pool, { timeout: 60_000 }), async () => { await pool.end(); await server.remove() })
    }
    default: throw new Error(`expected --store to be one of memory, sqlite, redis, postgres, was ${name}`)
  }
}

async function share (name: string, make: () => Store, close: () => Promise<void>): Promise<Place> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const stores = [make(), make()]
  for (const store of stores) await store.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
  const ground: Ground = { clock, async open () { throw new Error('both nodes are there') }, async close () {} }
  return sharedPlace(name, ground, stores, close)
}
