import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import { postgresStore } from '../../../lib/stores/postgres.ts'
import { secret } from '../../helpers/app.ts'
import { pgPool, skip, startPostgres } from '../../helpers/postgres.ts'
import type { PostgresServer } from '../../helpers/postgres.ts'

const started = skip === false ? await startPostgres() : null
t.teardown(() => started?.remove())
const server = started as PostgresServer

t.test('a write that was given up while it waited for a connection is not done later', { skip }, async t => {
  const slow = pgPool(server, { max: 1 })
  const quick = pgPool(server)
  const options = { secret, maxSessions: 1, warn: () => {} }
  const here = await new SessionManager({ ...options, storeTimeout: 200, store: postgresStore(slow) }).open()
  const there = await new SessionManager({ ...options, storeTimeout: 20_000, store: postgresStore(quick) }).open()
  t.teardown(async () => {
    await Promise.all([here.close(), there.close()])
    await Promise.all([slow.end(), quick.end()])
  })
  const unavailable = { code: 'FST_SESSION_STORE_UNAVAILABLE' }
  for (const act of [() => here.create({ userId: 'ada' }), () => here.revokeUser('ada')]) {
    const taken = await slow.connect()
    await t.rejects(async () => { await act() }, unavailable)
    const { session } = await there.create({ userId: 'ada' })
    taken.release()
    // the pool sends in the order of the calls: what was given up has run when this has
    await slow.query('SELECT 1')
    t.strictSame((await there.listByUser('ada')).map(({ id }) => id), [session.id], 'the session that was made afterwards lives')
  }
})

t.test('a write that is in time is done, although the clock of the server has leapt', { skip }, async t => {
  const pool = pgPool(server)
  const schema = 'leapt'
  const manager = await new SessionManager({ secret, storeTimeout: 20_000, store: postgresStore(pool, { schema }) }).open()
  t.teardown(async () => {
    await manager.close()
    await pool.end()
  })
  for (const hours of [3, -3]) {
    const clock = `SELECT floor(extract(epoch FROM clock_timestamp() + interval '${hours} hours') * 1000)::bigint`
    await pool.query(`CREATE OR REPLACE FUNCTION ${schema}.clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$ ${clock} $$`)
    const { session } = await manager.create({ userId: `user ${hours}` })
    t.equal((await manager.revokeUser(`user ${hours}`)).length, 1)
    t.ok(Math.abs(session.createdAt - Date.now() - hours * 3_600_000) < 600_000)
  }
})
