// One store, in a process of its own: node bench/million/store.js redis 1000000. Tells its rows over IPC.
import { SessionManager, memoryStore } from '../../dist/lib/index.js'
import { startEngine } from '../engines.js'
import { stayOnCore } from '../cores.js'
import { repeated, watched } from '../turns.js'
import { fill } from './fill.js'
import { deeds, filters, lookAt } from './questions.js'

const [, , name, sessions] = process.argv
const total = Number(sessions)
/** After a count that took longer, in milliseconds, no other is asked: all that go through all sessions take as long. */
const longest = 5000
const stores = {
  memory: [null, async () => memoryStore({ max: 3 * total })],
  sqlite: [
    'file',
    async engine => {
      const { openFile } = await import('../../dist/lib/stores/sqlite/driver.js')
      engine.handle = await openFile(engine.path)
      return (await import('../../dist/lib/stores/sqlite.js')).sqliteStore(engine.handle)
    }
  ],
  redis: [
    'redis',
    async ({ path }) => (await import('../../dist/lib/stores/redis.js')).redisStore(new (await import('ioredis')).Redis(path))
  ],
  postgres: ['postgres', async ({ pool }) => (await import('../../dist/lib/stores/postgres.js')).postgresStore(pool)]
}

const [needs, open] = stores[name]
const engine = needs === null ? {} : await startEngine(needs)
if (engine.missing === undefined) {
  stayOnCore('server')
  process.send(await measure(await open(engine)))
} else {
  process.send({ missing: engine.missing })
}
await engine.stop?.()
process.disconnect()
process.exit()

async function measure (store) {
  engine.pool?.on('error', () => {})
  const manager = await new SessionManager({
    secret: 'a secret of the benchmark, long enough',
    store,
    storeTimeout: '60s',
    cleanupInterval: '1d',
    warn: () => {}
  }).open()
  const filling = await watched(() => fill(store, total, engine))
  log(`filled in ${Math.round(filling.ms / 1000)} s`)
  const now = Date.now()
  const { items: [{ id }] } = await manager.list({}, { limit: 1 })
  const lists = []
  let patient = true
  for (const [filter, input] of Object.entries(filters(now, id))) {
    const { page, count } = lookAt(manager, input)
    const [first, server] = await observed(() => repeated(page))
    const row = { filter, items: first.value.items.length, pageMs: first.ms, pageTurn: first.longest, server }
    lists.push(row)
    log(`${filter}: page ${first.ms.toFixed(1)} ms, turn ${first.longest.toFixed(1)} (${first.busiest.toFixed(1)} of work)`)
    if (!patient) continue
    const [all, counting] = await observed(() => repeated(count))
    Object.assign(row, {
      matches: all.value,
      countMs: all.ms,
      countTurn: all.longest,
      ...(server !== undefined && { server: Math.max(server, counting) })
    })
    patient = all.ms < longest
    log(`${filter}: count ${all.ms.toFixed(1)} ms, turn ${all.longest.toFixed(1)} (${all.busiest.toFixed(1)} of work)`)
  }
  const rows = []
  for (const [what, { again, run, count }] of Object.entries(await deeds(manager, { total, now }))) {
    const rss = process.memoryUsage.rss()
    const [{ value, ms, longest, busiest, peak }, server] = await observed(() => again ? repeated(run) : watched(run))
    const moved = count(value)
    rows.push({
      what,
      sessions: moved,
      ms,
      turn: longest,
      perSecond: moved > 1000 ? (moved / ms) * 1000 : undefined,
      server,
      ...(again ? {} : { rss: rss / 2 ** 20, peak: peak / 2 ** 20 })
    })
    log(`${what}: ${ms.toFixed(1)} ms, turn ${longest.toFixed(1)} (${busiest.toFixed(1)} of work), ${moved ?? ''}`)
  }
  await manager.close()
  return { name, version: await version(), fillSeconds: filling.ms / 1000, lists, rows }
}

/** With the longest command of a Redis meanwhile: others wait so long for it. */
async function observed (run) {
  if (engine.client === undefined) return [await run(), undefined]
  await engine.client.sendCommand(['CONFIG', 'SET', 'slowlog-log-slower-than', '200', 'slowlog-max-len', '100000'])
  await engine.client.sendCommand(['SLOWLOG', 'RESET'])
  const value = await run()
  const slow = await engine.client.sendCommand(['SLOWLOG', 'GET', '-1'])
  return [value, slow.reduce((most, [,, us]) => Math.max(most, us / 1000), 0)]
}

async function version () {
  if (engine.client !== undefined) return `Redis ${/redis_version:(\S+)/.exec(await engine.client.info('server'))[1]}`
  if (engine.pool !== undefined) { return `PostgreSQL ${(await engine.pool.query('SHOW server_version')).rows[0].server_version.split(' ')[0]}` }
  return name === 'sqlite' ? `SQLite ${Object.values(engine.handle.prepare('SELECT sqlite_version()').get())[0]}` : 'Memory'
}

function log (text) { process.stderr.write(`${name}: ${text}\n`) }
