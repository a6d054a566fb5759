import { writeFileSync } from 'node:fs'
import pg from 'pg'
import postgres from 'postgres'
import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { StoreContext } from '../../../lib/index.ts'
import { postgresStore } from '../../../lib/stores/postgres.ts'
import type { PostgresClient } from '../../../lib/stores/postgres.ts'
import { connectionOf } from '../../../lib/stores/postgres/client.ts'
import { PostgresSubscription } from '../../../lib/stores/postgres/subscribe.ts'
import { secret } from '../../helpers/app.ts'
import { pgPool, skip, startPostgres, startStandby } from '../../helpers/postgres.ts'
import type { PostgresServer } from '../../helpers/postgres.ts'
import { silentProxy } from '../../helpers/silent-proxy.ts'
import type { ProxiedConnection, SilentProxy } from '../../helpers/silent-proxy.ts'

const started = skip === false ? await startPostgres() : null
t.teardown(() => started?.remove())
const server = started as PostgresServer
const context = (warn: StoreContext['warn'] = () => {}): StoreContext => ({ now: null, history: 0, historyPerUser: 20, warn })
const quiet = { ended: () => {}, changed: () => {}, lost: () => {} }

/** Until it holds. Each look asks a server, or waits for the event loop: no time is guessed. */
async function until (holds: () => unknown): Promise<void> {
  while (await holds() !== true) await new Promise(resolve => { setImmediate(resolve) })
}

t.test('a pool whose password stands in a field, or comes from a function, listens', { skip }, async t => {
  const guarded = await startPostgres()
  t.teardown(() => guarded.remove())
  const admin = pgPool(guarded, { max: 1 })
  await admin.query("SET password_encryption = 'scram-sha-256'; ALTER ROLE sessions PASSWORD 'open, sesame'")
  writeFileSync(`${guarded.data}/pg_hba.conf`, 'host all all 127.0.0.1/32 scram-sha-256\n')
  await admin.query('SELECT pg_reload_conf()')
  await admin.end()
  const place = { host: '127.0.0.1', port: guarded.port, user: 'sessions', database: 'postgres', max: 2 }
  for (const password of ['open, sesame', async () => 'open, sesame']) {
    const pool = new pg.Pool({ ...place, password })
    const manager = await new SessionManager({ secret, store: postgresStore(pool) }).open()
    await manager.close()
    await pool.end()
  }
  const sql = postgres({ ...place, password: 'open, sesame', onnotice: () => {} })
  const manager = await new SessionManager({ secret, store: postgresStore(sql) }).open()
  await manager.close()
  await sql.end()
  const url = `postgres://sessions:${encodeURIComponent('open, sesame')}@127.0.0.1:${guarded.port}/postgres`
  await (await new SessionManager({ secret, store: url }).open()).close()
})

t.test('on a standby the store warns and reads; it listens, on one connection, once the standby is the primary', { skip }, async t => {
  for (const driver of ['pg', 'postgres.js']) {
    const primary = await startPostgres()
    t.teardown(() => primary.remove())
    const first = pgPool(primary)
    const manager = await new SessionManager({ secret, store: postgresStore(first) }).open()
    const { session } = await manager.create({ userId: 'ada' })
    await manager.close()
    await first.end()
    const standby = await startStandby(primary)
    t.teardown(() => standby.remove())
    const admin = pgPool(standby, { max: 1 })
    const client: PostgresClient = driver === 'pg' ? pgPool(standby) : postgres(standby.url, { max: 5, onnotice: () => {} })
    t.teardown(async () => { await Promise.all([admin.end(), client.end()]) })
    const warnings: string[] = []
    const store = postgresStore(client)
    await store.open(context(message => { warnings.push(message) }))
    t.match(warnings[0], /connected to a standby/)
    const ask = async (text: string): Promise<number> => {
      const { rows } = await admin.query({ text, rowMode: 'array' }) as unknown as { rows: [[number]] }
      return rows[0][0]
    }
    const listeners = (): Promise<number> => ask("SELECT count(*)::int FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'")
    const tries = (): Promise<number> => ask('SELECT sessions::int FROM pg_stat_database WHERE datname = current_database()')
    let lost = 0
    const subscription = await store.subscribe?.({ ...quiet, lost: () => { lost++ } })
    t.match(await store.read(session.id), { userId: 'ada' })
    await t.rejects(async () => subscription?.probe(), { message: 'not subscribed' })
    // it tries again, and no try leaves a connection behind
    const before = await tries()
    await until(async () => await tries() >= before + 3)
    t.ok(await listeners() <= 1, 'at most the one that is trying')
    await admin.query('SELECT pg_promote()')
    await until(async () => Promise.resolve(subscription?.probe()).then(() => true, () => false))
    t.equal(await listeners(), 1)
    t.ok(lost > 0, 'what was not heard is looked up')
    await subscription?.close()
    await until(async () => await listeners() === 0)
    await store.close()
  }
})

/** A proxy before the server, and a client of each driver through it. */
async function behindProxy (
  t: { teardown: (fn: () => unknown) => void }, driver: 'pg' | 'postgres.js'
): Promise<{ proxy: SilentProxy, client: PostgresClient }> {
  const proxy = await silentProxy(server.port)
  t.teardown(() => proxy.close())
  const url = server.url.replace(`:${server.port}`, `:${proxy.port}`)
  const client = driver === 'pg' ? new pg.Pool({ connectionString: url, max: 2 }) : postgres(url, { max: 2, onnotice: () => {} })
  t.teardown(() => 'unsafe' in client ? client.end({ timeout: 0 }) : client.end())
  return { proxy, client }
}

function silenceListeners (proxy: SilentProxy): void {
  for (const connection of proxy.connections) connection.silent ||= connection.sent.includes('LISTEN')
}

t.test('a subscription that falls silent is found by its heartbeats, warned of, closed and replaced', { skip }, async t => {
  for (const driver of ['pg', 'postgres.js'] as const) {
    const { proxy, client } = await behindProxy(t, driver)
    const connection = connectionOf(client)
    const warnings: string[] = []
    const changed: string[] = []
    let lost = 0
    const notify = "SELECT pg_notify('quiet', $1)::text"
    const send = (payload: string): Promise<unknown> => connection.query(notify, [payload], { prepared: false, timeout: 5000 })
    const subscription = await new PostgresSubscription({
      listener: { ended: () => {}, changed: id => { changed.push(id) }, lost: () => { lost++ } },
      send,
      timeout: 500,
      every: 100,
      poll: 10,
      warn: message => { warnings.push(message) },
      onReturn: () => {}
    }).open(listener => connection.listen('quiet', listener, 5000))
    await subscription.probe()
    silenceListeners(proxy)
    await until(() => warnings.length > 0)
    t.match(warnings[0], /Notifications of other nodes do not arrive/)
    const before = lost
    await until(async () => Promise.resolve(subscription.probe()).then(() => true, () => false))
    t.ok(lost > before, 'what was missed is looked up')
    await send(JSON.stringify(['changed', 'one']))
    await subscription.probe()
    t.strictSame(changed, ['one'])
    await until(() => ![...proxy.connections].some(({ silent }) => silent))
    await subscription.close()
  }
})

t.test('a server that accepts a connection but does not answer LISTEN fails the start, and is tried again later on', { skip }, async t => {
  for (const driver of ['pg', 'postgres.js'] as const) {
    const { proxy, client } = await behindProxy(t, driver)
    const store = postgresStore(client, { schema: `mute_${driver.replace('.', '_')}`, timeout: 1000 })
    await store.open(context())
    const mute = (connection: ProxiedConnection): void => { connection.silent ||= connection.sent.includes('LISTEN') }
    proxy.onSent = mute
    await t.rejects(async () => store.subscribe?.(quiet), { message: 'no response within 1000 ms' })
    await until(() => ![...proxy.connections].some(({ silent }) => silent))
    proxy.onSent = null
    let lost = 0
    const subscription = await store.subscribe?.({ ...quiet, lost: () => { lost++ } })
    let tries = 0
    proxy.onSent = connection => {
      if (connection.silent || !connection.sent.includes('LISTEN')) return
      mute(connection)
      if (++tries === 2) proxy.onSent = null
    }
    const admin = pgPool(server, { max: 1 })
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'")
    await admin.end()
    await until(() => tries === 2)
    await until(async () => Promise.resolve(subscription?.probe()).then(() => true, () => false))
    t.ok(lost > 0)
    await subscription?.close()
    await store.close()
  }
})
