import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import type { SessionManagerOptions, Store } from '../../lib/index.ts'
import { RecentEvents } from '../../lib/admin/recent-events.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { sqliteStore } from '../../lib/stores/sqlite.ts'
import { drivers, openFile } from '../../lib/stores/sqlite/driver.ts'
import { secret } from '../helpers/app.ts'
import { Network } from '../helpers/network.ts'
import { pgPool, skip as noPostgres, startPostgres } from '../helpers/postgres.ts'
import { binaries, missing, RedisServer } from '../helpers/redis.ts'

type Test = {
  teardown: (fn: () => unknown) => void
  match: (a: string, b: RegExp) => unknown
  notMatch: (a: string, b: RegExp, text: string) => unknown
}

const ada = {
  userId: 'ada.lovelace',
  ip: '198.51.100.77',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
}
const traces = /ada\.lovelace|198\.51\.100\.77|Ada's laptop/

async function open (t: Pick<Test, 'teardown'>, options: SessionManagerOptions): Promise<SessionManager> {
  const sessions = await new SessionManager({ secret, historyPerUser: 50, ...options }).open()
  t.teardown(() => sessions.close())
  return sessions
}

/** Leaves what a user leaves: a live session, ended ones, counts, activity that is not written; and another user. */
async function leaveTraces (sessions: SessionManager): Promise<void> {
  const { session } = await sessions.create({ ...ada, data: { mail: 'ada.lovelace@example.com' } })
  await sessions.rename(session.id, "Ada's laptop")
  await sessions.revoke(session.id, { reason: 'logout' })
  const { token } = await sessions.create(ada)
  await sessions.validate(token, { ip: ada.ip, userAgent: 'curl/8', passive: false })
  const bob = await sessions.create({ userId: 'bob', ip: '203.0.113.9' })
  await sessions.revoke(bob.session.id)
  await sessions.create({ userId: 'bob', ip: '203.0.113.9' })
  await sessions.statistics()
}

async function forgets (t: Test, sessions: SessionManager, dump: () => Promise<string>): Promise<void> {
  await leaveTraces(sessions)
  t.match(await dump(), traces)
  await sessions.forgetUser(ada.userId)
  await sessions.statistics()
  await sessions.flush()
  const left = await dump()
  t.notMatch(left, traces, 'the dump holds neither user id nor address')
  t.match(left, /bob/)
  t.match(left, /203\.0\.113\.9/)
}

t.test('forgetUser leaves nothing of a user in the memory store, and revokes the sessions', async t => {
  const store = memoryStore()
  const sessions = await open(t, { store })
  await forgets(t, sessions, async () => JSON.stringify([
    (await sessions.list()).items, (await sessions.history()).items, await store.statistics(0, Infinity), await sessions.statistics()
  ]))
  t.strictSame(await sessions.listByUser(ada.userId), [])
  t.match((await sessions.statistics()).topUsers, [{ key: 'bob' }])
})

t.test('forgetUser leaves nothing of a user in a file of SQLite', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'forget-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  const handle = await openFile(join(dir, 'sessions.db'), [['libsql', 'default'], ...drivers])
  const sessions = await open(t, { store: sqliteStore(handle) })
  await forgets(t, sessions, async () => {
    const tables = handle.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name?: string }[]
    const names = tables.map(row => Array.isArray(row) ? row[0] as string : row.name as string)
    return JSON.stringify(
      names.map(name => handle.prepare(`SELECT * FROM ${name}`).all()),
      (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
    )
  })
})

const [redis] = binaries()
t.test('forgetUser leaves nothing of a user in Redis', { skip: missing(redis) }, async t => {
  const server = await new RedisServer(redis).start()
  const client = new Redis(server.socket)
  t.teardown(async () => { client.disconnect(); await server.close() })
  const sessions = await open(t, { store: redisStore(client) })
  await forgets(t, sessions, async () => {
    const keys = await client.keys('*')
    await client.save()
    const values = await Promise.all(keys.map(async key => {
      switch (await client.type(key)) {
        case 'hash': return client.hgetall(key)
        case 'zset': return client.zrange(key, '0', '-1')
        default: return client.get(key)
      }
    }))
    return JSON.stringify([keys, values])
  })
})

t.test('forgetUser leaves nothing of a user in PostgreSQL', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  const pool = pgPool(server)
  t.teardown(async () => { await pool.end(); await server.remove() })
  const sessions = await open(t, { store: postgresStore(pool) })
  await forgets(t, sessions, async () => {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    const tables = await Promise.all(rows.map(async ({ name }) => (await pool.query(`SELECT t::text FROM ${name} t`)).rows as unknown[]))
    return JSON.stringify(tables)
  })
})

t.test('an address of several users stays in the statistics when one of them is forgotten', async t => {
  const sessions = await open(t, {})
  await sessions.create({ userId: 'ada.lovelace', ip: '198.51.100.77' })
  await sessions.create({ userId: 'bob', ip: '198.51.100.77' })
  await sessions.forgetUser('ada.lovelace')
  t.match((await sessions.statistics()).topIps, [{ key: '198.51.100.77', users: 2 }])
  t.match((await sessions.statistics()).topUsers, [{ key: 'bob' }])
})

t.test(
  'forgetUser deletes the user from the recent events of the admin feed, on every instance that ends or hears of the sessions',
  async t => {
    const network = new Network()
    const [here, there] = [await open(t, { store: network.node() }), await open(t, { store: network.node() })]
    const feeds = [here, there].map(sessions => {
      const feed = new RecentEvents(sessions)
      sessions.core.eraser.onForget(userId => {
        feed.forgetUser(userId)
      })
      return feed
    })
    await leaveTraces(there)
    await here.forgetUser(ada.userId)
    // the other instance is notified in a turn of its own
    await new Promise(resolve => setImmediate(resolve))
    for (const feed of feeds) {
      t.notMatch(JSON.stringify(feed.items()), traces)
      t.match(JSON.stringify(feed.items()), /bob/)
    }
    await there.statistics()
    t.notMatch(JSON.stringify((await here.statistics()).topUsers), traces, 'the counts of the other instance are not written again')
  }
)

t.test('forgetUser rejects if the store fails, and can be called again', async t => {
  const store: Store = memoryStore()
  const sessions = await open(t, { store })
  await leaveTraces(sessions)
  const { deleteHistory } = store
  store.deleteHistory = () => { throw new Error('disk full') }
  await t.rejects(sessions.forgetUser(ada.userId), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  store.deleteHistory = deleteHistory
  await sessions.forgetUser(ada.userId)
  t.strictSame((await sessions.history({ userId: ada.userId })).items, [])
})

t.test('the privacy page says what forgetUser leaves, and why', async t => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/how-to/privacy.md'), 'utf8')
  for (const word of ['log', 'backup', 'IP addresses of several users', 'other instance']) t.match(page, word)
})
