import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { secret } from '../helpers/app.ts'
import { pgPool, skip, startPostgres } from '../helpers/postgres.ts'

type Test = { teardown: (fn: () => unknown) => void }

const stores: readonly (readonly [name: string, open: (t: Test) => Promise<Store>, skip: string | false])[] = [
  ['memory', async () => memoryStore(), false],
  ['SQLite', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'sessions-many-'))
    t.teardown(() => { rmSync(dir, { recursive: true }) })
    return sqliteStore(join(dir, 'sessions.db'))
  }, false],
  ['PostgreSQL', async t => {
    const server = await startPostgres()
    const pool = pgPool(server)
    t.teardown(async () => {
      await pool.end()
      await server.remove()
    })
    return postgresStore(pool)
  }, skip]
]

for (const [name, open, skip] of stores) {
  t.test(`a user with very many sessions is revoked in steps in ${name}, and other requests run between them`, { skip }, async t => {
    const options = { secret, maxSessions: Infinity, storeTimeout: 20_000, warn: () => {} }
    const manager = await new SessionManager({ ...options, store: await open(t) }).open()
    t.teardown(() => manager.close())
    const count = 600
    for (let i = 0; i < count; i += 100) {
      await Promise.all(Array.from({ length: 100 }, () => manager.create({ userId: 'ada' })))
    }
    const kept = await manager.create({ userId: 'ada' })
    const bob = await manager.create({ userId: 'bob' })
    let steps = 0
    const stop = manager.onStoreOperation(operation => { if (operation === 'end') steps++ })
    let turns = 0
    let running = true
    const turn = (): void => {
      turns++
      if (running) setImmediate(turn)
    }
    setImmediate(turn)
    const revoking = manager.revokeUser('ada', { except: kept.session.id })
    const later = await manager.create({ userId: 'ada' })
    const ended = await revoking
    running = false
    stop()
    t.equal(new Set(ended.map(({ id }) => id)).size, ended.length)
    t.ok(steps > 1 && turns > 0, `${steps} steps, ${turns} turns`)
    const left = (await manager.listByUser('ada')).map(({ id }) => id)
    t.ok(left.includes(kept.session.id))
    t.strictSame(left.filter(id => id !== kept.session.id && id !== later.session.id), [])
    t.equal(ended.length + left.length, count + 2)
    t.match(await manager.get(bob.session.id), { userId: 'bob' })
  })
}
