// npm run build && DATABASE_URL=postgres://… node bench/postgres.js [sessions] : what docs/how-to/postgres.md says of size and cost.
// Makes a schema of its own in that database, and takes it away.
import pg from 'pg'
import postgres from 'postgres'
import { postgresStore } from '../dist/lib/stores/postgres.js'
import { day, newRecord } from './record.js'

const sessions = Number(process.argv[2] ?? 100_000)
const url = process.env.DATABASE_URL
const schema = 'fastify_sessions_bench'
const newest = { limit: 50, cursor: null, order: 'newest' }
const context = { now: null, history: 30 * day, historyPerUser: 20, warn: console.warn }

const pool = new pg.Pool({ connectionString: url, max: 10 })
const sql = postgres(url, { max: 10, onnotice: () => {} })
const store = postgresStore(pool, { schema })
await store.open(context)

const rows = []
const ids = []
await measure('sign-in, limit 100, 20 at once', sessions, async i => {
  const record = newRecord(`user-${i % (sessions / 10)}`, { ip: `203.0.${i % 250}.${i % 199}` })
  await store.create(record, { at: record.createdAt, limit: { max: 100, onExceeded: 'evict-oldest' }, replaces: null, adopts: null })
  ids.push(record.id)
}, 20)
await pool.query(`VACUUM ANALYZE ${schema}.session`)
const bytes = await sizeOf('session') / sessions
const any = () => ids[Math.floor(Math.random() * ids.length)]
for (const [name, client] of [['pg', pool], ['postgres.js', sql]]) {
  const each = postgresStore(client, { schema })
  await each.open(context)
  await measure(`read through ${name}, 1 at once`, 5000, () => each.read(any()), 1)
  await measure(`read through ${name}, 32 at once`, 30_000, () => each.read(any()), 32)
}
const before = await updates()
await measure('activity, a batch of 200', 200, () => store.touch(Array.from({ length: 200 }, () => ({ id: any(), requestCount: 1, seenAt: Date.now(), generation: 0 })), Date.now()), 1)
const { all, hot } = await updates()
await measure('change of data', 1000, () => store.update(any(), { set: { cart: '[1]' } }), 1)
await measure('a page of 50', 200, () => store.list({}, newest), 1)
await measure('a page of one user', 1000, i => store.list({ userId: `user-${i}` }, newest), 1)
await measure('a step of a search without a hit', 20, () => store.list({ search: 'nobody at all' }, newest), 1)
await measure('a step of a count', 20, () => store.count({}, null), 1)
await measure('counts', 200, () => store.statistics(0, 0), 1)
await measure('end of 200', Math.min(50, sessions / 400), i => store.end({ ids: ids.slice(i * 200, i * 200 + 200) }, { reason: 'revoked', by: null }), 1)
await pool.query(`VACUUM ANALYZE ${schema}.ended`)
const ended = Number((await pool.query(`SELECT count(*) AS n FROM ${schema}.ended`)).rows[0].n)
console.table(rows)
console.log(`bytes a session ${Math.round(bytes)}, an ended session ${Math.round(await sizeOf('ended') / ended)}; HOT updates ${((hot - before.hot) / (all - before.all) * 100).toFixed(1)} %`)
await pool.query(`DROP SCHEMA ${schema} CASCADE`)
await pool.end()
await sql.end()

/** Runs so many, some at once, and notes how long each took and what it cost this process. */
async function measure (verb, count, act, atOnce) {
  const took = []
  const cpu = process.cpuUsage()
  const started = performance.now()
  let next = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) {
      const began = performance.now()
      await act(next++)
      took.push(performance.now() - began)
    }
  }))
  const elapsed = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  took.sort((a, b) => a - b)
  rows.push({ verb, 'per second': Math.round(count / elapsed * 1000), 'p50 ms': round(took[Math.floor(count / 2)]), 'p99 ms': round(took[Math.floor(count * 0.99)]), 'CPU µs here': round((user + system) / count) })
}

function round (value) { return Math.round(value * 100) / 100 }

/** Bytes of a table with its indexes. */
async function sizeOf (table) {
  return Number((await pool.query('SELECT pg_total_relation_size($1::regclass) AS n', [`${schema}.${table}`])).rows[0].n)
}

/** How many rows were updated, and how many without touching an index. Statistics come after at most a second. */
async function updates () {
  await new Promise(resolve => { setTimeout(resolve, 1500) })
  const { rows: [row] } = await pool.query('SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2', [schema, 'session'])
  return { all: Number(row?.all ?? 0), hot: Number(row?.hot ?? 0) }
}
