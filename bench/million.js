// node bench/million.js [--sessions 1000000] [--store memory,sqlite,redis,postgres] [--json]   (after npm run build)
// What an admin does, on a store with many sessions: each filter, numbers, export, revoke by filter; and how long the event loop waits meanwhile.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { SessionManager, memoryStore } from '../dist/lib/index.js'
import { startEngine } from './engines.js'

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000000' }, store: { type: 'string', default: 'memory,sqlite,redis,postgres' }, json: { type: 'boolean', default: false } } })
const total = Number(values.sessions)
const agents = ['Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1']

const stores = {
  memory: [null, async () => memoryStore({ max: 2 * total })],
  sqlite: ['file', async ({ path }) => (await import('../dist/lib/stores/sqlite.js')).sqliteStore(path)],
  redis: ['redis', async ({ path }) => (await import('../dist/lib/stores/redis.js')).redisStore(new (await import('ioredis')).Redis(path))],
  postgres: ['postgres', async ({ pool }) => (await import('../dist/lib/stores/postgres.js')).postgresStore(pool)]
}

const rows = []
for (const name of values.store.split(',')) {
  const [needs, open] = stores[name]
  const engine = needs === null ? null : await startEngine(needs)
  if (engine?.missing !== undefined) {
    console.error(`${name}: ${engine.missing}`)
    continue
  }
  engine?.pool?.on('error', () => {})
  const manager = await new SessionManager({ secret: 'a secret of the benchmark, long enough', store: await open(engine ?? {}), storeTimeout: '30s', warn: () => {} }).open()
  await fill(manager)
  const middle = Date.now()
  const asked = {
    'list, newest 50': () => manager.list({}, { limit: 50 }),
    'list of a user': () => manager.listUser('user 77'),
    'list, remembered': () => manager.list({ remembered: true }, { limit: 50 }),
    'list, guests': () => manager.list({ guest: true }, { limit: 50 }),
    'list by address': () => manager.list({ ip: '10.0.77.7' }, { limit: 50 }),
    'list by network': () => manager.list({ ip: '10.0.0.0/16' }, { limit: 50 }),
    'list by browser': () => manager.list({ browser: 'firefox' }, { limit: 50 }),
    'list by system': () => manager.list({ system: 'ios' }, { limit: 50 }),
    'list, created before now': () => manager.list({ createdBefore: middle }, { limit: 50 }),
    'list, seen after now': () => manager.list({ seenAfter: middle + 3_600_000 }, { limit: 50 }),
    'list, 5 requests or more': () => manager.list({ requestsMin: 5 }, { limit: 50 }),
    'list, search': () => manager.list({ search: 'user 770' }, { limit: 50 }),
    'count of all': () => manager.count(),
    'count by browser': () => manager.count({ browser: 'firefox' }),
    'statistics, 24h': () => manager.statistics('24h'),
    export: async () => { let count = 0; for await (const row of manager.export()) count += row.id.length / 22; return count },
    'revoke by network (1/16)': async () => { let cursor = null; do { ({ cursor } = await manager.revokeWhere({ ip: '10.0.0.0/12' }, { limit: 500, cursor })) } while (cursor !== null) }
  }
  for (const [what, run] of Object.entries(asked)) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const start = performance.now()
    await run()
    const ms = performance.now() - start
    delay.disable()
    rows.push({ store: name, sessions: total, what, ms: round(ms), delayP99: round(delay.percentile(99) / 1e6 || 0), delayMax: round(delay.max / 1e6) })
    console.error(`${name}: ${what} ${round(ms)} ms`)
  }
  await manager.close()
  await engine?.stop()
}
if (values.json) console.log(JSON.stringify({ rows }, null, 2))
else console.table(rows)
process.exit()

/** Ten sessions a user, every hundredth a guest, from addresses in 10.0.0.0/8. */
async function fill (manager) {
  const started = performance.now()
  let batch = []
  for (let i = 0; i < total; i++) {
    const guest = i % 100 === 99
    batch.push(manager.create({ userId: guest ? null : `user ${i % (total / 10)}`, remember: i % 3 === 0, ip: `10.${(i >> 12) % 256}.${(i >> 4) % 256}.${i % 256}`, agent: agents[i % agents.length] }))
    if (batch.length === 256) {
      await Promise.all(batch)
      batch = []
    }
  }
  await Promise.all(batch)
  console.error(`filled in ${round((performance.now() - started) / 1000)} s`)
}

function round (value) { return Math.round(value * 10) / 10 }
