import type pg from 'pg'
import postgres from 'postgres'
import t from 'tap'
import { postgresSchema, postgresStore } from '../../lib/stores/postgres.ts'
import type { PostgresClient } from '../../lib/stores/postgres.ts'
import type { Store } from '../../lib/index.ts'
import type { Ground } from '../../lib/testing/index.ts'
import { keepsTheLaws } from '../helpers/laws.ts'
import { pgPool, postgresBins, skip, startPostgres } from '../helpers/postgres.ts'

/** Each app has a schema, emptied for each ground; each store has a client of its own, like nodes of an app have. */
function groundsOn (admin: pg.Pool, newClient: () => { readonly client: PostgresClient, end (): Promise<void> }): () => Promise<Ground> {
  return async () => {
    for (const app of ['app', 'other']) {
      await admin.query(`DELETE FROM ${app}.session; DELETE FROM ${app}.ended; DELETE FROM ${app}.mark; DELETE FROM ${app}.slice; SELECT ${app}.recount()`)
    }
    const clock = { now: Date.now() }
    const closers: (() => Promise<unknown>)[] = []
    return {
      clock,
      async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
        const { client, end } = newClient()
        const store: Store = postgresStore(client, { schema: app })
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        closers.push(async () => { await store.close(); await end() })
        return store
      },
      async remains () {
        const rows = ['session', 'ended', 'mark', 'slice'].map(table => `(SELECT count(*) FROM app.${table})`).join('+')
        const { rows: [row] } = await admin.query<{ n: string }>(`SELECT ${rows} + (SELECT abs(sum(live)) + abs(sum(users)) + abs(sum(guests)) + abs(sum(remembered)) FROM app.counter) AS n`)
        return Number(row?.n)
      },
      async close () { for (const close of closers) await close() }
    }
  }
}

for (const bin of postgresBins()) {
  t.test(`sessions in PostgreSQL of ${bin}`, { skip }, async t => {
    const server = await startPostgres(bin)
    t.teardown(() => server.remove())
    const admin = pgPool(server)
    t.teardown(() => admin.end())
    for (const app of ['app', 'other']) await admin.query(postgresSchema(app))
    await t.test('through pg they keep every law', t => keepsTheLaws(t, groundsOn(admin, () => {
      const pool = pgPool(server)
      return { client: pool, end: () => pool.end() }
    })))
    await t.test('through postgres.js they keep every law', t => keepsTheLaws(t, groundsOn(admin, () => {
      const sql = postgres(server.url, { max: 5, onnotice: () => {} })
      return { client: sql, end: () => sql.end() }
    })))
  })
}
