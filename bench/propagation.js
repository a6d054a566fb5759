// node bench/propagation.js [--rounds 1000] [--json]   (after npm run build)
// Node A signs a session out while node B answers requests of it as fast as it can: how long after A's call has resolved does B accept its last one?
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { SessionManager } from '../dist/lib/index.js'
import { startEngine } from './engines.js'

const secret = 'a secret of the benchmark, long enough'
const now = () => performance.timeOrigin + performance.now()

/** By name: what engine it needs, and how to open it there. Answers the store, and what closes its client. */
const stores = {
  SQLite: ['file', async path => [(await import('../dist/lib/stores/sqlite.js')).sqliteStore(path), () => {}]],
  Redis: ['redis', path => redis(path)],
  'Redis, cached': ['redis', path => redis(path, { cache: true })],
  PostgreSQL: ['postgres', path => postgres(path)],
  'PostgreSQL, cached': ['postgres', path => postgres(path, { cache: true })]
}

async function redis (path, options) {
  const { Redis } = await import('ioredis')
  const client = new Redis(path)
  return [(await import('../dist/lib/stores/redis.js')).redisStore(client, options), () => client.quit()]
}

async function postgres (host, options) {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ host, user: 'sessions', database: 'postgres', max: 5 })
  // a server that stops ends idle connections
  pool.on('error', () => {})
  return [(await import('../dist/lib/stores/postgres.js')).postgresStore(pool, options), () => pool.end()]
}

if (process.send !== undefined) await nodeB()
else await nodeA()

/** Validates a session until it is refused, again and again. */
async function nodeB () {
  const { decodeToken, hashVerifier } = await import('../dist/lib/token/token.js')
  const [store] = await stores[process.argv[2]][1](process.argv[3])
  const manager = await new SessionManager({ secret, store, warn: () => {} }).open()
  const visit = { ip: '192.0.2.1', userAgent: 'a browser', passive: false }
  process.on('message', async token => {
    const { id, generation, verifier } = decodeToken(token)
    const presented = { id, generation, hash: hashVerifier(verifier), token }
    let [accepted, last] = [0, 0]
    for (;;) {
      const validation = await manager.validate(presented, visit)
      if ('reason' in validation) break
      last = now()
      if (++accepted === 20) process.send('running')
      // messages of the store must be heard between requests, as between those of a server
      await new Promise(resolve => { setImmediate(resolve) })
    }
    process.send({ last, accepted })
  })
  process.send('ready')
}

async function nodeA () {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1000' }, json: { type: 'boolean', default: false } } })
  const rows = []
  for (const [name, [needs, open]] of Object.entries(stores)) {
    const engine = await startEngine(needs)
    if (engine.missing !== undefined) {
      console.error(`${name}: ${engine.missing}`)
      continue
    }
    engine.pool?.on('error', () => {})
    const path = engine.path ?? engine.pool.options.host
    const [store, close] = await open(path)
    const manager = await new SessionManager({ secret, store, warn: () => {} }).open()
    const b = fork(new URL(import.meta.url), [name, path])
    const hear = async () => (await once(b, 'message'))[0]
    await hear()
    const [delays, calls] = [[], []]
    for (let i = 0; i < Number(values.rounds); i++) {
      const { session, token } = await manager.create({ userId: `user ${i}` })
      b.send(token)
      await hear()
      await new Promise(resolve => { setTimeout(resolve, Math.random() * 3) })
      const told = hear()
      const started = now()
      await manager.revoke(session.id)
      const ended = now()
      const { last } = await told
      calls.push(ended - started)
      delays.push(Math.max(0, last - ended))
    }
    b.kill()
    await once(b, 'exit')
    await manager.close()
    await close()
    await engine.stop()
    rows.push({ store: name, rounds: delays.length, after: delays.filter(delay => delay > 0).length, ...spread(delays), endP50: spread(calls).p50 })
  }
  if (values.json) console.log(JSON.stringify({ rows }, null, 2))
  else console.table(rows)
  process.exit()
}

function spread (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share => Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2))
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
