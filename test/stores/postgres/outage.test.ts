import { writeFileSync } from 'node:fs'
import pg from 'pg'
import postgres from 'postgres'
import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { EndedSession, Store, StoreContext, StoreListener, StoreSubscription } from '../../../lib/index.ts'
import { postgresStore } from '../../../lib/stores/postgres.ts'
import type { PostgresClient, PostgresStoreOptions } from '../../../lib/stores/postgres.ts'
import { Server } from '../../../lib/stores/postgres/server.ts'
import { PostgresSubscription } from '../../../lib/stores/postgres/subscribe.ts'
import { LawFixture } from '../../../lib/testing/laws/fixture.ts'
import { api, gate, secret, setCookies, testApp } from '../../helpers/app.ts'
import { pgPool, skip, startPostgres } from '../../helpers/postgres.ts'
import type { PostgresServer } from '../../helpers/postgres.ts'

type Test = { teardown: (fn: () => unknown) => void }

const day = 86_400_000
const why = { reason: 'revoked', by: null } as const
const started = skip === false ? await startPostgres() : null
t.teardown(() => started?.remove())
const server = started as PostgresServer

const context = (options: Partial<StoreContext> = {}): StoreContext => ({
  now: null,
  history: day,
  historyPerUser: 20,
  warn: () => {},
  ...options
})
let schemas = 0

async function open (
  t: Test,
  client: PostgresClient,
  options: PostgresStoreOptions = {}
): Promise<{ store: Store; fixture: LawFixture; schema: string }> {
  const schema = options.schema ?? `trouble_${++schemas}`
  const store = postgresStore(client, { ...options, schema })
  await store.open(context())
  t.teardown(() => store.close())
  return {
    store,
    schema,
    fixture: new LawFixture(
      {
        clock: {
          get now () {
            return Date.now()
          },
          set now (_) {}
        },
        open: async () => store,
        close: async () => {}
      },
      store
    )
  }
}

function clientsOf (t: Test): PostgresClient[] {
  const pool = pgPool(server)
  const sql = postgres(server.url, { max: 5, onnotice: () => {}, backoff: () => 0.05 })
  t.teardown(async () => { await Promise.all([pool.end(), sql.end({ timeout: 1 })]) })
  return [pool, sql]
}

async function works (act: () => unknown): Promise<boolean> {
  try {
    await act()
    return true
  } catch {
    return false
  }
}

/** Until it holds. Each look asks a server, or waits for the event loop: no time is guessed. */
async function until (holds: () => unknown): Promise<void> {
  while (await holds() !== true) await new Promise(resolve => { setImmediate(resolve) })
}

t.test('a server that restarts: what was acknowledged is there, the stream says that it was cut, and goes on', { skip }, async t => {
  for (const [i, client] of clientsOf(t).entries()) {
    const { store, fixture } = await open(t, client)
    const heard: EndedSession[] = []
    let lost = 0
    const listener: StoreListener = { ended: session => { heard.push(session) }, changed: () => {}, lost: () => { lost++ } }
    const watch = await store.subscribe?.(listener)
    const [kept, ended] = await fixture.createMany(2)
    await fixture.logout(ended.id)
    await watch?.probe()
    t.equal(heard.length, 1)
    await server.stop(i === 0 ? 'fast' : 'immediate')
    await t.rejects(async () => store.read(kept.id))
    await t.rejects(async () => store.update(kept.id, { seen: true }))
    await t.rejects(async () => watch?.probe())
    await server.start()
    await until(() => works(() => store.ping()))
    t.match(await store.read(kept.id), { userId: 'ada' })
    t.match(await store.read(ended.id), { reason: 'logout' })
    await until(() => lost > 0)
    await until(() => works(() => watch?.probe()))
    await fixture.logout(kept.id)
    await watch?.probe()
    t.equal(heard.at(-1)?.id, kept.id)
    await watch?.close()
  }
})

t.test('what a failover brings back is refused, and ended again', { skip }, async t => {
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  const { store, fixture, schema } = await open(t, pool)
  const other = await open(t, pool, { schema })
  const watch = await store.subscribe?.({ ended: () => {}, changed: () => {}, lost: () => {} })
  const records = await fixture.createMany(3)
  await pool.query(`CREATE TABLE ${schema}.before AS TABLE ${schema}.session`)
  await store.end({ ids: [records[0].id] }, { reason: 'revoked', by: 'admin' })
  await store.end({ userId: 'ada', except: records[2].id }, why)
  // the standby that takes over never heard of it
  await pool.query(`DELETE FROM ${schema}.ended; DELETE FROM ${schema}.session; INSERT INTO ${schema}.session TABLE ${schema}.before`)
  t.match(await store.read(records[0].id), { reason: 'revoked', by: 'admin' }, 'refused here at once')
  t.match(await other.store.read(records[0].id), { userId: 'ada', hash: /./ })
  await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ $1', [`^LISTEN "${schema}"`])
  await until(async () => 'reason' in (await other.store.read(records[0].id) ?? {}))
  t.match(await other.store.read(records[0].id), { reason: 'revoked', by: 'admin' })
  await until(async () => 'reason' in (await other.store.read(records[1].id) ?? {}))
  t.match(await other.store.read(records[2].id), { hash: /./ })
  await watch?.close()
})

t.test('connections that are cut in the middle of a load lose nothing that was acknowledged, and let nobody back in', { skip }, async t => {
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  const admin = pgPool(server, { max: 1 })
  t.teardown(() => admin.end())
  const { store, fixture } = await open(t, pool)
  await admin.query('SELECT 1')
  const created = new Set<string>()
  const tried = new Set<string>()
  const ended = new Set<string>()
  let failed = 0
  await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
    for (let i = 0; i < 40; i++) {
      if (worker === 0 && i % 8 === 0) {
        await admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
      }
      try {
        const record = await fixture.created({ userId: `user ${worker}` })
        created.add(record.id)
        if (i % 2 === 0) continue
        tried.add(record.id)
        if ((await fixture.logout(record.id)).length === 1) ended.add(record.id)
      } catch {
        failed++
      }
    }
  }))
  t.ok(created.size > 200, `${created.size} created, ${failed} cut`)
  const live = new Set((await store.list({}, { limit: 1000, cursor: null, order: 'oldest' })).items.map(({ id }) => id))
  t.strictSame([...created].filter(id => !live.has(id) && !tried.has(id)), [], 'nobody was thrown out')
  t.strictSame([...ended].filter(id => live.has(id)), [], 'nobody came back')
  t.equal((await store.statistics(0, 0)).live, live.size, 'counts are what is there')
})

t.test('a server that only reads serves reads; what it cannot do is said', { skip }, async t => {
  const reading = pgPool(server, { options: '-c default_transaction_read_only=on' })
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  t.teardown(() => reading.end())
  const { schema, fixture } = await open(t, pool)
  const record = await fixture.created()
  const { send, signIn, app } = await testApp(t, { store: postgresStore(pool, { schema }) })
  const cookie = await signIn('bob')
  await app.close()
  const reader = await testApp(t, { store: postgresStore(reading, { schema }) })
  t.equal((await reader.send('/me', { cookie })).statusCode, 200)
  t.equal((await reader.send(api, { cookie })).statusCode, 200)
  t.match((await reader.send(`${api}/revoke`, { cookie, method: 'POST', payload: { scope: 'others' } })).json(), { statusCode: 503 })
  const response = await reader.send('/login', { method: 'POST', payload: { userId: 'ada' } })
  t.match(response.json(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.equal(response.headers['retry-after'], '1')
  t.notMatch(response.body, /read-only|transaction|postgres/)
  t.match((await reader.send(`${api}/logout`, { cookie, method: 'POST' })).json(), { code: 'FST_SESSION_REVOCATION_PENDING' })
  t.match(await fixture.live(record.id), { id: record.id })
  t.type(send, 'function')
})

t.test('a server that freezes is answered for in time; when it goes on, so does the app', { skip }, async t => {
  for (const client of clientsOf(t)) {
    const { send, signIn, app } = await testApp(t, {
      store: postgresStore(client, { schema: `trouble_${++schemas}`, timeout: 300 }),
      storeTimeout: 200
    })
    const cookie = await signIn()
    t.equal((await send('/me', { cookie })).statusCode, 200)
    server.freeze()
    const answers = await Promise.all([
      send('/me', { cookie }),
      send('/public', { cookie }),
      send('/who'),
      send('/login', { method: 'POST', payload: { userId: 'bob' } })
    ])
    t.strictSame(answers.map(({ statusCode }) => statusCode), [503, 200, 200, 503])
    t.strictSame(setCookies(answers[0]), [])
    server.thaw()
    await until(async () => (await send('/me', { cookie })).statusCode === 200)
    await app.close()
  }
})

t.test('a beat that does not come back is said, and the connection that listens made anew', { skip }, async t => {
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  const other = pgPool(server)
  t.teardown(() => other.end())
  // it listens where nothing is told: another database
  await pool.query('CREATE DATABASE elsewhere')
  const { store } = await open(t, pool, { timeout: 200, listen: server.url.replace(/postgres$/, 'elsewhere') })
  let lost = 0
  const watch = await store.subscribe?.({ ended: () => {}, changed: () => {}, lost: () => { lost++ } })
  await t.rejects(async () => watch?.probe(), { message: /no heartbeat was received within 200 ms/ })
  t.equal(lost, 1)
  await t.rejects(async () => watch?.probe(), { message: /not subscribed/ })
  await until(async () => {
    const error: unknown = await Promise.resolve(watch?.probe()).catch((error: unknown) => error)
    return error instanceof Error && error.message.includes('no heartbeat was received')
  })
  await watch?.close()
})

t.test('a watch sends beats of its own, as long as it is open, and one that fails ends nothing', async t => {
  const sent: string[] = []
  const third = gate()
  // the watch's own timer keeps no process alive
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(alive) })
  const send = async (payload: string): Promise<void> => {
    sent.push(payload)
    if (sent.length === 3) third.open()
    if (sent.length === 2) throw new Error('away')
    watch.notified(payload)
  }
  const listener: StoreListener = { ended: () => {}, changed: () => {}, lost: () => {} }
  const watch = new PostgresSubscription({ listener, send, timeout: 1000, every: 1, poll: 1000, warn: () => {}, onReturn: () => {} })
  await watch.open(async hearing => {
    hearing.listening()
    return { close: () => {} }
  })
  await third.opened
  await watch.close()
  t.equal(new Set(sent).size, sent.length, 'each is another')
})

t.test('a watch tries to listen until it can, and one that is closed meanwhile stays closed', { skip }, async t => {
  const pool = pgPool(server)
  const { held, gateway } = heldPool()
  t.teardown(async () => { await pool.end(); await held.end() })
  const { store, schema } = await open(t, pool, { listen: held })
  const cut = async (): Promise<void> => {
    await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ $1', [`^LISTEN "${schema}"`])
  }
  const listening = async (): Promise<boolean> =>
    (await pool.query('SELECT FROM pg_stat_activity WHERE query ~ $1', [`^LISTEN "${schema}"`])).rowCount === 1
  const watching = async (): Promise<StoreSubscription> =>
    (await store.subscribe?.({ ended: () => {}, changed: () => {}, lost: () => {} })) as StoreSubscription

  const first = await watching()
  let refused = 0
  gateway.onConnect = async () => { if (refused++ < 2) throw new Error('not yet') }
  await cut()
  await until(() => works(() => first.probe()))
  t.equal(refused, 3)
  await first.close()

  for (const outcome of ['connects', 'fails']) {
    const watch = await watching()
    const asked = gate()
    const go = gate()
    gateway.onConnect = async () => {
      asked.open()
      await go.opened
      if (outcome === 'fails') throw new Error('never')
    }
    await cut()
    await asked.opened
    await watch.close()
    gateway.onConnect = null
    go.open()
    await until(async () => !await listening())
    await t.rejects(async () => watch.probe(), { message: /not subscribed/ })
  }
})

t.test('an end that happens while no connection listens reaches onEnd once one listens again', { skip }, async t => {
  const pool = pgPool(server)
  const { held, gateway } = heldPool()
  const schema = 'gap'
  const managers = await Promise.all(
    [pool, held].map(listen => new SessionManager({ secret, store: postgresStore(pool, { schema, listen }) }).open())
  )
  t.teardown(async () => {
    for (const manager of managers) await manager.close()
    await pool.end()
    await held.end()
  })
  const [a, b] = managers as [SessionManager, SessionManager]
  const { session } = await a.create({ userId: 'ada' })
  const cut = gate()
  const go = gate()
  const heard = new Promise<EndedSession>(resolve => { b.onEnd(session, resolve) })
  // the first look, and the look when the connection breaks, find the session live
  await b.get(session.id)
  gateway.onConnect = async () => { cut.open(); await go.opened }
  await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ $1', [`^LISTEN "${schema}"`])
  await cut.opened
  await b.get(session.id)
  await a.revoke(session.id, { by: 'admin' })
  await a.get(session.id)
  go.open()
  t.match(await heard, { id: session.id, by: 'admin' })
})

t.test('a pool that is used up is answered for in time, and what waits is bounded', { skip }, async t => {
  const pool = pgPool(server, { max: 2 })
  t.teardown(() => pool.end())
  const { send, signIn } = await testApp(t, { store: postgresStore(pool, { schema: `trouble_${++schemas}` }), storeTimeout: 100 })
  const cookie = await signIn()
  await send('/me', { cookie })
  const taken = await Promise.all([pool.connect(), pool.connect()])
  t.equal((await send('/me', { cookie })).statusCode, 503)
  for (const client of taken) client.release()
  await until(async () => (await send('/me', { cookie })).statusCode === 200)

  const waiting: ((rows: string[]) => void)[] = []
  const silent = {
    query: () =>
      new Promise<string[]>(resolve => {
        waiting.push(resolve)
      }),
    run: async () => {},
    listen: async () => ({ renew: () => {}, close: () => {} }),
    end: async () => {}
  }
  const bounded = new Server(silent, { prepared: true, timeout: 1000, warn: () => {}, onReturn: () => {} })
  const asked = Array.from({ length: 1000 }, () => bounded.write('SELECT 1', []))
  await t.rejects(bounded.write('SELECT 1', []), { message: /1000 statements are waiting/ })
  for (const answer of waiting) answer([])
  await Promise.all(asked)
})

t.test('a lock that somebody holds fails a verb after a while, and blocks no other', { skip }, async t => {
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  const { store, fixture, schema } = await open(t, pool)
  const [mine, other] = await fixture.createMany(2, i => ({ userId: `user ${i}`, absoluteExpiresAt: Date.now() + 60_000 }))
  const holder = await pool.connect()
  await holder.query(
    `BEGIN; SELECT FROM ${schema}.session WHERE user_id = 'user 0' FOR UPDATE; SELECT ${schema}.lock_names(ARRAY['user 0'])`
  )
  const refused = t.rejects(async () => store.end({ userId: 'user 0' }, why), { code: '55P03' })
  t.match(await store.read(mine.id), { id: mine.id })
  t.match(await store.update(other.id, { deviceName: 'x' }), { status: 'done' })
  await refused
  await holder.query('COMMIT')
  holder.release()
  t.equal((await store.end({ userId: 'user 0' }, why)).ended.length, 1)
})

t.test('a cleanup waits for no lock', { skip }, async t => {
  const [pool] = clientsOf(t) as unknown as [pg.Pool]
  const { store, fixture, schema } = await open(t, pool)
  await fixture.createMany(6, i => ({ userId: `user ${i}` }))
  await pool.query(`UPDATE ${schema}.session SET absolute_expires_at = 5, cleanup_at = 5`)
  const holder = await pool.connect()
  await holder.query(
    `BEGIN; SELECT FROM ${schema}.session WHERE user_id = 'user 0' FOR UPDATE; SELECT ${schema}.lock_names(ARRAY['user 1'])`
  )
  t.strictSame((await fixture.cleanUp()).map(({ userId }) => userId).sort(), ['user 2', 'user 3', 'user 4', 'user 5'])
  await holder.query(`SELECT pg_advisory_xact_lock(hashtextextended('${schema} cleanup', 0))`)
  t.strictSame(await store.cleanup(10), { ended: [], more: false }, 'another node cleans up')
  await holder.query('COMMIT')
  holder.release()
  t.equal((await fixture.cleanUp()).length, 2)
  t.match(await store.statistics(0, 0), { live: 0, users: 0 })
})

t.test('a standby is warned of', { skip }, async t => {
  const standby = await startPostgres()
  t.teardown(() => standby.remove())
  const pool = pgPool(standby)
  t.teardown(() => pool.end())
  await postgresStore(pool).open(context())
  await standby.stop()
  writeFileSync(`${standby.data}/standby.signal`, '')
  await standby.start()
  const warnings: string[] = []
  const store = postgresStore(pool)
  await store.open(context({ warn: message => { warnings.push(message) } }))
  t.match(warnings, [/standby/, /fsync/])
  t.equal((await store.count({}, null)).count, 0)
})

/** A pool whose new connections wait for `gateway.onConnect`, if there is one. */
function heldPool (): { held: pg.Pool, gateway: { onConnect: (() => Promise<void>) | null } } {
  const gateway: { onConnect: (() => Promise<void>) | null } = { onConnect: null }
  class HeldClient extends pg.Client {
    override async connect (): Promise<pg.Client> {
      await gateway.onConnect?.()
      return super.connect()
    }
  }
  return { held: pgPool(server, { Client: HeldClient }), gateway }
}
