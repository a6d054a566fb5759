// node bench/checkpoints.js [directory]: what checkpoints of SQLite cost whoever waits, by who makes them. 50,000 sessions are touched in
// batches of 200, on a disk that another process keeps busy; the longest time that the event loop stood still, and the time of all batches.
// Wants `npm run build`, and a directory on a disk (this one, if none is said), not in memory.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { SessionManager } from '../dist/lib/index.js'
import { sqliteStore } from '../dist/lib/stores/sqlite.js'
import { watched } from './turns.js'

const sessions = 50_000
const batch = 200
const busy = `
  const { openSync, writeSync, fsyncSync } = require('node:fs')
  const [file, chunk] = [openSync(process.argv[1], 'w'), Buffer.alloc(8 << 20, 1)]
  for (let i = 0; ; i = (i + 1) % 32) { writeSync(file, chunk, 0, chunk.length, i * chunk.length); fsyncSync(file) }`

const dir = mkdtempSync(`${process.argv[2] ?? '.'}/checkpoints-`)
const other = spawn(process.execPath, ['-e', busy, `${dir}/busy`], { stdio: 'inherit' })
try {
  await measure('made by the process (a database handed in)', new DatabaseSync(`${dir}/process.db`))
  await measure('made by the worker (a path)', `${dir}/worker.db`)
} finally {
  other.kill()
  rmSync(dir, { recursive: true })
}

async function measure (name, source) {
  const store = sqliteStore(source)
  const manager = await new SessionManager({ secret: 'x'.repeat(32), store, maxSessions: Infinity }).open()
  const ids = []
  for (let i = 0; i < sessions; i++) {
    ids.push((await manager.create({ userId: `user ${i}` })).session.id)
    if (i % 20 === 0) await nextTurn()
  }
  ids.sort((a, b) => a < b ? -1 : 1)
  for (let run = 0; run < 3; run++) {
    const { ms, longest } = await watched(async () => {
      for (let i = 0; i < sessions; i += batch) {
        await store.touch(ids.slice(i, i + batch).map(id => ({ id, requestCount: 1, seenAt: Date.now(), generation: 0 })), Date.now())
        await nextTurn()
      }
    })
    console.log(`${name}: longest ${longest.toFixed(1)} ms, all ${ms.toFixed(0)} ms`)
  }
  await manager.close()
}

function nextTurn () { return new Promise(resolve => { setImmediate(resolve) }) }
