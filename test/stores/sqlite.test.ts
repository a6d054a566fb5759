import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Store } from '../../lib/index.ts'
import { drivers, openFile } from '../../lib/stores/sqlite/handle.ts'
import type { Driver, SqliteHandle } from '../../lib/stores/sqlite/handle.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import type { Ground } from '../../lib/testing/index.ts'
import { keepsTheLaws } from '../helpers/laws.ts'

const day = 86_400_000

/** The drivers of this Node that the tests have. */
const [nodes, ...others] = drivers
const present: Driver[] = [...(process.versions.node.startsWith('20.') ? [] : [nodes as Driver]), ...others.filter(([module]) => module === 'libsql')]

/** One file; each store has a connection of its own, as each process of a machine has. */
function groundOf (driver: Driver): () => Promise<Ground> {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sqlite-'))
    const file = join(dir, 'sessions.db')
    const clock = { now: Date.now() }
    const stores: Store[] = []
    const handles: SqliteHandle[] = []
    const open = async (): Promise<SqliteHandle> => {
      const handle = await openFile(file, [driver])
      handles.push(handle)
      return handle
    }
    return {
      clock,
      async open ({ app = 'app', history = day, historyPerUser = 20 } = {}) {
        const store = sqliteStore(await open(), { prefix: `${app}_` })
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        stores.push(store)
        return store
      },
      async remains () {
        const handle = await open()
        const rows = ['live', 'ended', 'marks', 'slices'].map(table => `SELECT count(*) AS n FROM app_${table}`)
        return [...rows, 'SELECT count(*) AS n FROM app_changes WHERE id <> \'\'', 'SELECT live + users + guests + remembered AS n FROM app_state']
          .map(sql => (handle.prepare(sql).get() as { n: number }).n).reduce((a, b) => a + b)
      },
      async close () {
        for (const store of stores) await store.close()
        for (const handle of handles) handle.close()
        rmSync(dir, { recursive: true, force: true })
      }
    }
  }
}

for (const driver of present) {
  t.test(`sessions in a file keep every law on ${driver[0]}`, t => keepsTheLaws(t, groundOf(driver)))
}
