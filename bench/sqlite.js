// npm run build && node bench/sqlite.js [sessions] : what docs/how-to/sqlite.md says of size and cost, on one process and one file
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFile } from '../dist/lib/stores/sqlite/driver.js'
import { sqliteStore } from '../dist/lib/stores/sqlite.js'
import { day, newRecord } from './record.js'

const sessions = Number(process.argv[2] ?? 200_000)
const newest = { limit: 50, cursor: null, order: 'newest' }

const dir = mkdtempSync(join(tmpdir(), 'bench-'))
const file = join(dir, 'sessions.db')
const handle = await openFile(file)
const store = sqliteStore(handle)
await store.open({ now: null, history: 30 * day, historyPerUser: 20, warn: console.warn })

const rows = []
const ids = []
const pending = []
measure('create, limit 100', sessions, i => {
  const record = newRecord(`user-${i % (sessions / 10)}`, { idleTimeout: 14 * day, absoluteExpiresAt: Date.now() + 30 * day, remembered: true })
  ids.push(record.id)
  store.create(record, { at: record.createdAt, limit: { max: 100, onExceeded: 'evict-oldest' }, replaces: null, adopts: null })
})
handle.exec('PRAGMA wal_checkpoint(TRUNCATE)')
const bytes = statSync(file).size / sessions
const any = () => ids[Math.floor(Math.random() * ids.length)]
measure('read, any', 100_000, () => store.read(any()))
measure('read, one of 200', 100_000, i => store.read(ids[i % 200]))
const batches = []
measure('touch, in batches of 200', 100, () => {
  const batch = Array.from({ length: 200 }, () => ({ id: any(), requestCount: 1, seenAt: Date.now(), generation: 0 }))
  const started = performance.now()
  store.touch(batch, Date.now())
  batches.push(performance.now() - started)
}, 200)
measure('update', 5000, () => store.update(any(), { deviceName: 'a phone' }))
measure('list, a page of 50', 500, () => store.list({}, newest))
measure('list, one user', 2000, i => store.list({ userId: `user-${i}` }, newest))
measure('list, a search without a hit', 50, () => store.list({ search: 'nobody at all' }, newest))
measure('statistics', 2000, () => store.statistics(0, 0))
measure('end, without the wait for the disk', 500, () => { pending.push(store.end({ ids: [any()] }, { reason: 'logout', by: null })) })
await Promise.all(pending)
console.table(rows)
batches.sort((a, b) => a - b)
console.log(`a batch of 200 touches: p50 ${batches[50].toFixed(1)}, p90 ${batches[90].toFixed(1)}, max ${batches[99].toFixed(1)} ms`)
console.log(`a session: ${bytes.toFixed(0)} bytes`)
await store.close()
handle.close()
rmSync(dir, { recursive: true })

function measure (verb, times, run, each = 1) {
  const cpu = process.cpuUsage()
  const started = performance.now()
  for (let i = 0; i < times; i++) run(i)
  const { user, system } = process.cpuUsage(cpu)
  rows.push({ verb, 'cpu µs': Number(((user + system) / times / each).toFixed(1)), 'wall µs': Number(((performance.now() - started) * 1000 / times / each).toFixed(1)) })
}
