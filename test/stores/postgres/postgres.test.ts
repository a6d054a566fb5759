import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import fastifyPostgres from '@fastify/postgres'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import postgres from 'postgres'
import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { EndedSession, SessionRecord, Store, StoreContext, StoreListener } from '../../../lib/index.ts'
import { postgresSchema, postgresStore } from '../../../lib/stores/postgres.ts'
import type { PostgresClient, PostgresStoreOptions } from '../../../lib/stores/postgres.ts'
import { connectionOf, openUrl } from '../../../lib/stores/postgres/client.ts'
import type { TestEnvironment } from '../../../lib/testing/index.ts'
import { LawFixture } from '../../../lib/testing/laws/fixture.ts'
import { secret, testApp } from '../../helpers/app.ts'
import { passesConformanceTests } from '../../helpers/laws.ts'
import { pgPool, postgresBins, skip, startPostgres } from '../../helpers/postgres.ts'
import type { PostgresServer } from '../../helpers/postgres.ts'
import { toDevice } from '../../../lib/model/device.ts'
import { toMethods } from '../../../lib/model/record.ts'

type Test = { teardown: (fn: () => unknown) => void }

const day = 86_400_000
const all = { limit: 1000, cursor: null, order: 'newest' } as const
const why = { reason: 'revoked', by: null } as const
const servers = skip === false ? await Promise.all(postgresBins().map(bin => startPostgres(bin))) : []
const [server] = servers as [PostgresServer]
t.teardown(() => Promise.all(servers.map(server => server.remove())))

const context = (options: Partial<StoreContext> = {}): StoreContext => ({
  now: null,
  history: day,
  historyPerUser: 20,
  warn: () => {},
  ...options
})
let schemas = 0

interface Opened {
  readonly fixture: LawFixture
  readonly store: Store
  readonly pool: pg.Pool
  readonly schema: string
  readonly warnings: string[]
}

/** A store on a schema of its own, if nothing else is said, with the clock of the test. */
async function open (t: Test, options: PostgresStoreOptions & { pool?: pg.Pool, context?: Partial<StoreContext> } = {}): Promise<Opened> {
  const { pool = pgPool(server), context: given, ...rest } = options
  const schema = rest.schema ?? `test_${++schemas}`
  const clock = { now: Date.now() }
  const warnings: string[] = []
  const store = postgresStore(pool, { ...rest, schema })
  await store.open(context({ now: () => clock.now, warn: message => { warnings.push(message) }, ...given }))
  t.teardown(async () => { await store.close(); if (options.pool === undefined) await pool.end() })
  return { fixture: new LawFixture({ clock, open: async () => store, close: async () => {} }, store), store, pool, schema, warnings }
}

async function opened (store: Store): Promise<void> { await store.open(context()) }

/** Hears what a store tells. */
function listener (heard: EndedSession[], rest: Partial<StoreListener> = {}): StoreListener {
  return { ended: session => { heard.push(session) }, changed: () => {}, lost: () => {}, ...rest }
}

/** Each app has a schema, emptied for each environment; each store of an environment has a client of its own, like nodes of an app have, that the next environment uses again. */
function environmentsOn (admin: pg.Pool, newClient: () => PostgresClient): () => Promise<TestEnvironment> {
  const clients: PostgresClient[] = []
  return async () => {
    for (const app of ['app', 'other']) {
      await admin.query(
        `DELETE FROM ${app}.session; DELETE FROM ${app}.ended; DELETE FROM ${app}.adopted_credential; DELETE FROM ${app}.statistics_slice; SELECT ${app}.recount()`
      )
    }
    const clock = { now: Date.now() }
    const stores: Store[] = []
    return {
      clock,
      async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
        const client = clients[stores.length] ??= newClient()
        const store = postgresStore(client, { schema: app })
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        stores.push(store)
        return store
      },
      async countEntries () {
        const rows = ['session', 'ended', 'adopted_credential', 'statistics_slice']
          .map(table => `(SELECT count(*) FROM app.${table})`)
          .join('+')
        const {
          rows: [row]
        } = await admin.query<{ n: string }>(
          `SELECT ${rows} + (SELECT abs(sum(live)) + abs(sum(users)) + abs(sum(guests)) + abs(sum(remembered)) FROM app.counter) AS n`
        )
        return Number(row?.n)
      },
      async close () { for (const store of stores) await store.close() }
    }
  }
}

for (const server of servers) {
  t.test(`sessions in PostgreSQL ${server.version}`, async t => {
    const admin = pgPool(server)
    t.teardown(() => admin.end())
    for (const app of ['app', 'other']) await admin.query(postgresSchema(app))
    await t.test('through pg they keep every law', t => passesConformanceTests(t, environmentsOn(admin, () => {
      const pool = pgPool(server)
      t.teardown(() => pool.end())
      return pool
    })))
    await t.test('through postgres.js they keep every law', t => passesConformanceTests(t, environmentsOn(admin, () => {
      const sql = postgres(server.url, { max: 5, onnotice: () => {} })
      t.teardown(() => sql.end())
      return sql
    })))
  })
}

t.test('whatever an app has of PostgreSQL is recognised by its shape', { skip }, async t => {
  const app = Fastify() as unknown as FastifyInstance & { readonly pg: PostgresClient }
  app.register(fastifyPostgres, { connectionString: server.url })
  await app.ready()
  t.teardown(() => app.close())
  const store = postgresStore(app.pg, { schema: 'shapes' })
  await store.open(context())
  await store.ping()
  t.match(store, { name: 'postgres', scope: 'network', durable: true })
  await store.close()
  t.equal((await app.pg.pool.query('SELECT 1')).rowCount, 1, 'what was handed in stays open')
  for (const wrong of [null, undefined, {}, 5, () => {}, new pg.Client(server.url), { pool: {} }]) {
    t.throws(() => postgresStore(wrong as unknown as PostgresClient), { code: 'FST_SESSION_INVALID_OPTION' })
  }
})

t.test('options that cannot be used are refused', { skip }, async t => {
  const pool = pgPool(server)
  t.teardown(() => pool.end())
  const wrong: PostgresStoreOptions[] = [
    { schema: 'a-b' },
    { schema: '' },
    { schema: 'A' },
    { schema: 'x'.repeat(49) },
    { schema: '"; DROP TABLE x' },
    { timeout: 99 },
    { timeout: NaN },
    { cache: true, listen: false }
  ]
  for (const options of wrong) t.throws(() => postgresStore(pool, options), { code: 'FST_SESSION_INVALID_OPTION' }, JSON.stringify(options))
  t.strictSame(postgresStore(pool, { cache: true }).cache, {})
  t.strictSame(postgresStore(pool, { cache: { max: 5 } }).cache, { max: 5 })
  t.equal(postgresStore(pool).cache, undefined)
  t.equal(postgresStore(pool, { listen: false }).subscribe, undefined)
  await t.rejects(async () => postgresStore(pool).read('x'.repeat(22)), { code: 'FST_SESSION_CLOSED' })
})

t.test('a URL opens whichever client is installed, and closes it', { skip }, async t => {
  const missing = async (name: string): Promise<never> => {
    throw Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' })
  }
  for (const installed of ['pg', 'postgres']) {
    const connection = await openUrl(server.url, { timeout: 5000, load: name => name === installed ? import(name) : missing(name) })
    t.strictSame(await connection.query('SELECT $1::text', [installed], { prepared: true, timeout: 5000 }), [installed])
    await connection.run("DO $$ BEGIN RAISE NOTICE 'nobody has to see this'; END $$")
    await connection.end()
    await t.rejects(connection.query('SELECT 1::text', [], { prepared: false, timeout: 5000 }))
  }
  await t.rejects(openUrl(server.url, { timeout: 5000, load: missing }), { code: 'FST_SESSION_INVALID_OPTION', message: /npm install pg/ })
  await t.rejects(
    openUrl(server.url, {
      timeout: 5000,
      load: async () => {
        throw new Error('broken')
      }
    }),
    { message: 'broken' },
    'a client that is there and does not load is said'
  )
  const manager = new SessionManager({ store: server.url.replace('postgres:', 'postgresql:'), secret })
  await manager.open()
  const { session } = await manager.create({ userId: 'ada' })
  t.match(await manager.get(session.id), { userId: 'ada' })
  await manager.revoke(session.id)
  await manager.close()
})

t.test('nodes that start at once make one schema; one that may not make it says what to do', { skip }, async t => {
  const pool = pgPool(server, { max: 20 })
  t.teardown(() => pool.end())
  await t.rejects(opened(postgresStore(pool, { schema: 'made', migrate: false })), {
    code: 'FST_SESSION_INVALID_OPTION',
    message: /postgresSchema\(\)/
  })
  const stores = Array.from({ length: 6 }, () => postgresStore(pool, { schema: 'made' }))
  await Promise.all(stores.map(opened))
  await postgresStore(pool, { schema: 'made', migrate: false }).open(context())
  await pool.query(postgresSchema('by_hand'))
  await pool.query(postgresSchema('by_hand'))
  await postgresStore(pool, { schema: 'by_hand', migrate: false }).open(context())
  const warnings: string[] = []
  await pool.query('INSERT INTO by_hand.version (version) VALUES (999)')
  await postgresStore(pool, { schema: 'by_hand' }).open(context({ warn: message => { warnings.push(message) } }))
  t.match(warnings, [/newer version/, /fsync/])
  await pool.query('CREATE TABLE made.extra (); DROP TABLE made.version; CREATE ROLE nobody_special LOGIN')
  const other = pgPool(server, { connectionString: server.url.replace('sessions@', 'nobody_special@') })
  t.teardown(() => other.end())
  await t.rejects(opened(postgresStore(other, { schema: 'by_hand' })), { code: '42501' }, 'rights that are missing are named by the server')
})

t.test('a database that would break a promise is refused', { skip }, async t => {
  const admin = pgPool(server)
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
  const latin = pgPool(server, { connectionString: server.url.replace(/postgres$/, 'latin') })
  await t.rejects(opened(postgresStore(latin)), { code: 'FST_SESSION_INVALID_OPTION', message: /UTF8/ })
  const serializable = pgPool(server, { options: '-c default_transaction_isolation=serializable' })
  await t.rejects(opened(postgresStore(serializable)), { code: 'FST_SESSION_INVALID_OPTION', message: /read committed/ })
  for (const pool of [admin, latin, serializable]) await pool.end()
})

t.test('a validated request is one statement, by primary key', { skip }, async t => {
  const pool = pgPool(server)
  t.teardown(() => pool.end())
  const asked: string[] = []
  const query = pool.query.bind(pool) as (query: { readonly text: string }) => unknown
  Object.assign(pool, { query: (given: { readonly text: string }) => { asked.push(given.text); return query(given) } })
  const { send, signIn } = await testApp(t, { store: postgresStore(pool, { schema: 'counted' }) })
  const cookie = await signIn()
  // the first request after a pause writes its activity at once
  await send('/me', { cookie })
  asked.length = 0
  for (let i = 0; i < 5; i++) t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal(asked.length, 5)
  t.equal(new Set(asked).size, 1)
  const client = await pool.connect()
  await client.query('SET enable_seqscan = on')
  const { rows } = await client.query(`EXPLAIN ${asked[0]?.replace('$1', "'x'") ?? ''}`)
  client.release()
  t.notMatch(JSON.stringify(rows), /Seq Scan/)
})

t.test('requests that come at once share statements, and each gets its own session', { skip }, async t => {
  const { fixture, store, pool } = await open(t)
  const live = await Promise.all(Array.from({ length: 40 }, (_, i) => fixture.created({ userId: `user ${i}` })))
  const [gone] = live.splice(0, 1) as [SessionRecord]
  await fixture.logout(gone.id)
  let asked = 0
  const query = pool.query.bind(pool) as (query: object) => unknown
  Object.assign(pool, { query: (given: object) => { asked++; return query(given) } })
  // more than one statement holds, one id several times, what has ended, what never was
  const wanted = Array.from({ length: 250 }, (_, i) =>
    i % 50 === 49 ? 'A'.repeat(22) : i % 50 === 48 ? gone.id : (live[i % live.length] as SessionRecord).id
  )
  const found = await Promise.all(wanted.map(async id => store.read(id)))
  t.equal(asked, 2)
  t.strictSame(found.map(session => session?.id), wanted.map(id => id === 'A'.repeat(22) ? undefined : id))
  t.match(found[48], { reason: 'logout' })
  await pool.query(`ALTER SCHEMA test_${schemas} RENAME TO elsewhere`)
  const failed = await Promise.allSettled([...live, gone].map(async ({ id }) => store.read(id)))
  t.ok(failed.every(({ status }) => status === 'rejected'), 'what fails fails for all of them')
  await pool.query(`ALTER SCHEMA elsewhere RENAME TO test_${schemas}`)
})

t.test('with copies a validated request is no statement, until another node ends its session', { skip }, async t => {
  const pool = pgPool(server)
  t.teardown(() => pool.end())
  const here = await testApp(t, { store: postgresStore(pool, { schema: 'copies', cache: { maxStale: 60_000 } }) })
  const there = await testApp(t, { store: postgresStore(pool, { schema: 'copies' }) })
  const cookie = await here.signIn()
  await here.send('/me', { cookie })
  await here.app.sessions.flush()
  let asked = 0
  const query = pool.query.bind(pool) as (query: object) => unknown
  Object.assign(pool, { query: (given: object) => { asked++; return query(given) } })
  for (let i = 0; i < 5; i++) t.equal((await here.send('/me', { cookie })).statusCode, 200)
  t.equal(asked, 0)
  const told = new Promise(resolve => { here.app.sessions.onRemoteEnd(resolve) })
  await there.app.sessions.revokeUser('ada')
  await told
  t.match((await here.send('/me', { cookie })).json(), { statusCode: 401, reason: 'revoked' })
})

t.test('a role needs no more rights than the guide grants it', { skip }, async t => {
  const admin = pgPool(server)
  await admin.query(`${postgresSchema('granted')};
    CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA granted TO app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA granted TO app; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA granted TO app;
    CREATE ROLE owner LOGIN; CREATE SCHEMA owned AUTHORIZATION owner`)
  t.teardown(() => admin.end())
  for (const [role, schema, migrate] of [['app', 'granted', false], ['owner', 'owned', true]] as const) {
    const pool = pgPool(server, { connectionString: server.url.replace('sessions@', `${role}@`) })
    t.teardown(() => pool.end())
    const { fixture, store } = await open(t, { pool, schema, migrate })
    const [a, b] = await fixture.createMany(2, () => ({ absoluteExpiresAt: fixture.clock.now + 60_000 }))
    await store.touch([fixture.activity(a.id)], fixture.clock.now)
    t.match(await store.update(a.id, { set: { a: '1' } }), { status: 'done' })
    await store.saveStatistics({ node: 'n', start: 0, interval: 300_000, value: '{}', until: 0.5 })
    const { rows } = await pool.query<{ ended: unknown[] }>(`SELECT ${schema}.end_sessions($1) AS ended`, [
      { ids: [a.id], reason: 'revoked', by: 'dba', history: 2_592_000_000, historyPerUser: 20 }
    ])
    t.equal(rows[0]?.ended.length, 1)
    fixture.clock.now += day
    t.strictSame((await fixture.cleanUp()).map(({ id }) => id), [b.id])
    await pool.query(`SELECT ${schema}.recount(); SELECT * FROM ${schema}.live_session`)
    t.match(await store.statistics(0, 1), { live: 0, slices: [] })
  }
})

const blind = skip !== false ? skip : parseInt(server.version) < 15 && 'PostgreSQL 15 is needed, which tells at once what was read'

t.test(
  'a verb reads no whole table, not even one so small that it would be quick: its plan is kept while the table grows',
  { skip: blind },
  async t => {
    const { fixture, store, pool, schema } = await open(t, { pool: pgPool(server, { max: 1 }) })
    const scans = async (): Promise<unknown> => {
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      const { rows } = await client.query(
        `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = '${schema}' AND relname IN ('session', 'ended', 'adopted_credential') ORDER BY 1`
      )
      await client.end()
      return rows
    }
    await pool.query('SELECT pg_stat_force_next_flush()')
    const before = await scans()
    const [first, second] = [await fixture.created({ userId: 'ada' }), await fixture.created({ userId: 'ada' })]
    await store.create(fixture.record({ userId: 'ada' }), {
      at: fixture.clock.now,
      limit: { max: 2, onExceeded: 'evict-oldest' },
      replaces: first.id,
      adopts: { key: 'k', until: fixture.clock.now + day }
    })
    await store.read(first.id)
    await store.touch([fixture.activity(second.id)], fixture.clock.now)
    await store.update(second.id, { deviceName: 'a phone' })
    await store.end({ ids: [second.id] }, why)
    await store.end({ userId: 'ada' }, why)
    await store.cleanup(100)
    await pool.query('SELECT pg_stat_force_next_flush()')
    t.strictSame(await scans(), before)
    await pool.end()
  }
)

t.test('a touch changes no index, and finds room on its page', { skip }, async t => {
  const { fixture, pool, schema } = await open(t)
  const records = await fixture.createMany(30, i => ({ userId: `user ${i}` }))
  const client = await pool.connect()
  t.teardown(() => { client.release() })
  for (const { id } of records.slice(0, 8)) {
    await client.query('BEGIN')
    await client.query(`SELECT ${schema}.touch_sessions($1)`, [
      JSON.stringify({
        now: fixture.clock.now,
        batch: [
          [id, 1, 0, 0, { ip: '2001:db8::1' }],
          [records[20].id, 1, 0, 0]
        ]
      })
    ])
    const { rows } = await client.query<{ updated: string; hot: string }>(
      'SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot FROM pg_stat_xact_user_tables WHERE schemaname = $1 AND relname = $2',
      [schema, 'session']
    )
    await client.query('COMMIT')
    t.ok(Number(rows[0]?.updated) >= 2)
    t.equal(rows[0]?.hot, rows[0]?.updated)
  }
})

t.test('text that PostgreSQL cannot store is returned unchanged, and found', { skip }, async t => {
  const { fixture, store } = await open(t)
  const odd = [
    'nul\0 in it',
    'half \ud800 pair',
    '\udfff',
    '\uffff',
    '\uffff0000',
    '\uffffzz',
    '"\\ \n \u2028 \'; DROP TABLE session; --',
    '💜'.repeat(100)
  ]
  for (const text of odd) {
    const data = Object.assign(Object.create(null) as Record<string, string>, { [text]: JSON.stringify(text), raw: text })
    const record = fixture.record({
      deviceName: text,
      userAgent: text,
      firstUserAgent: text,
      methods: toMethods(text),
      device: toDevice(text),
      ip: text,
      data
    })
    const created = await store.create(record, {
      at: fixture.clock.now,
      limit: { max: 1000, onExceeded: 'evict-oldest' },
      replaces: text,
      adopts: { key: text, until: fixture.clock.now + day }
    })
    t.strictSame(created, { status: 'created', record, ended: [] })
    t.strictSame(await store.read(record.id), record)
    t.strictSame((await store.list({ search: text }, all)).items.map(({ id }) => id), [record.id])
    t.equal((await store.count({ userId: text, browser: text, os: text }, null)).count, 0)
    t.equal(await store.read(text), null)
    t.strictSame(await store.touch([fixture.activity(text), fixture.activity(record.id, { userAgent: text })], fixture.clock.now), [text])
    t.match(await store.update(record.id, { unset: [text], deviceName: text }), {
      status: 'done',
      record: { deviceName: text, data: { raw: text } }
    })
    t.strictSame((await store.end({ ids: [text] }, why)).ended, [])
    t.match((await store.end({ ids: [record.id] }, { reason: 'revoked', by: text })).ended, [{ by: text, deviceName: text }])
    t.match(await store.read(record.id), { by: text, device: toDevice(text) })
  }
})

t.test('rows that somebody else wrote are read as far as they go, and break nothing', { skip }, async t => {
  const { fixture, store, pool, schema } = await open(t)
  const [a, b] = await fixture.createMany(2)
  await pool.query(
    `UPDATE ${schema}.session SET data = '{"cart": {"items": [1]}, "text": "2"}', hash = '', generation = -7, device = '|||', methods = '', request_count = -1, ip = 'nowhere', ip_changed = true WHERE id = $1`,
    [a.id]
  )
  await t.rejects(pool.query(`UPDATE ${schema}.session SET data = '[]'`), { code: '23514' })
  const found = await store.read(a.id) as SessionRecord
  t.strictSame({ ...found.data }, { cart: '{"items":[1]}', text: '2' })
  t.strictSame((await store.list({ ip: '0.0.0.0/0' }, all)).items.map(({ id }) => id), [b.id])
  t.strictSame((await store.list({ ip: 'fe80::1%eth0' }, all)).items, [])
  const { send, signIn } = await testApp(t, { store: postgresStore(pool, { schema }) })
  const cookie = await signIn('bob')
  await pool.query(`UPDATE ${schema}.session SET hash = 'x', data = '{"a": null, "b": "no json"}' WHERE user_id = 'bob'`)
  t.equal((await send('/me', { cookie })).statusCode, 401)
})

t.test('bounds of a filter may be any text', { skip }, async t => {
  const { fixture, store } = await open(t)
  await fixture.createMany(3)
  const { now } = fixture.clock
  t.equal(
    (await store.count({ createdAfter: -Infinity, createdBefore: Infinity, maxRequests: 1e300, lastSeenAfter: now - 3.5 }, null)).count,
    3
  )
  t.equal((await store.count({ createdAfter: now - 2.5, minRequests: -0.5, expiresBefore: 1e300 }, null)).count, 2)
  t.equal((await store.count({ minRequests: Number.MAX_VALUE }, null)).count, 0)
  t.strictSame((await store.list({}, { limit: Infinity, cursor: null, order: 'oldest' })).items.length, 3)
  await fixture.created({ userId: 'much' }, { limit: { max: Number.MAX_SAFE_INTEGER, onExceeded: 'reject' } })
  const later = await store.update((await fixture.created()).id, {
    shorten: { absoluteTimeout: 1000.4 },
    authenticate: { methods: [], idleTimeout: 1000.6, absoluteTimeout: 5000.5 }
  })
  t.match(later, { status: 'done', record: { idleTimeout: 1001, absoluteExpiresAt: now + 1000 } })
})

t.test('what matches nothing stays cheap: pages and counts go in steps', { skip }, async t => {
  const { fixture, store, pool, schema } = await open(t)
  const [first] = await fixture.createMany(1, () => ({ deviceName: 'the needle' }))
  await pool.query(
    `INSERT INTO ${schema}.session (created_at, last_seen_at, idle_timeout, absolute_expires_at, cleanup_at, request_count, rotated_at, generation, remembered, ip_changed, user_agent_changed, id, user_id, hash, methods)
    SELECT $1::bigint + i / 3, $1, 3600000, $1::bigint + 3600000, $1::bigint + 3600000, 0, $1, 0, false, false, false, lpad(i::text, 22, '0'), 'user ' || i % 1000, repeat('h', 43), '' FROM generate_series(1, 22000) i`,
    [fixture.clock.now]
  )
  await pool.query(`SELECT ${schema}.recount(); ANALYZE ${schema}.session`)
  t.match(await store.statistics(0, 1), { live: 22_001, users: 1001, guests: 0, remembered: 0 })
  const found: string[] = []
  let steps = 0
  for (let cursor: string | null | undefined; cursor !== null; steps++) {
    const page = await store.list({ search: 'needle' }, { limit: 10, cursor: cursor ?? null, order: 'newest' })
    found.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  }
  t.strictSame(found, [first.id])
  t.equal(steps, 5)
  let count = 0
  for (let cursor: string | null | undefined; cursor !== null;) {
    const step: { count: number, cursor: string | null } = await store.count({ guest: false }, cursor ?? null)
    count += step.count
    cursor = step.cursor
  }
  t.equal(count, 22_001)
  t.equal((await store.list({ userId: 'user 7' }, all)).items.length, 22, 'a user is found at once')
  t.equal((await store.list({ createdAfter: fixture.clock.now + 7000 }, all)).items.length, 1000, 'so is an hour')
  t.equal((await store.end({ filter: {}, limit: 10_000, cursor: null }, why)).ended.length, 500, 'an end goes in smaller ones')
})

t.test('a page of one user, or of a time, reads an index', { skip }, async t => {
  const { fixture, store, pool, schema } = await open(t)
  await pool.query(
    `INSERT INTO ${schema}.ended SELECT i, i, i, 0, false, lpad(i::text, 22, '0'), 'user ' || i % 500, 'idle-timeout' FROM generate_series(1, 3000) i; ANALYZE ${schema}.ended`
  )
  t.equal((await store.history({ userId: 'user 7' }, all)).items.length, 6)
  t.equal((await store.history({ endedAfter: 100, endedBefore: 200 }, { ...all, order: 'oldest' })).items.length, 100)
  fixture.clock.now += 2 * day
  t.equal((await store.cleanup(10)).more, true, 'history is purged a thousand at a time')
  await fixture.cleanUp()
  t.strictSame((await store.history({}, all)).items, [])
})

t.test('many ends, and long names, are told in messages that fit', { skip }, async t => {
  const { fixture, store, schema } = await open(t, { context: { historyPerUser: 500 } })
  const node = await open(t, { schema })
  const heard: EndedSession[] = []
  const watch = await node.store.subscribe?.(listener(heard))
  await fixture.createMany(120, i => ({ deviceName: 'é'.repeat(i === 60 ? 9000 : 100) }))
  const { ended } = await store.end({ userId: 'ada' }, why)
  await watch?.probe()
  t.equal(ended.length, 120)
  t.strictSame(heard.map(({ id }) => id).sort(), ended.map(({ id }) => id).sort())
  t.equal(ended.find(({ deviceName: name }) => name?.length === 9000)?.reason, 'revoked')
  t.equal(heard.filter(({ deviceName: name }) => name === null).length, 1)
  await watch?.close()
})

t.test('a message that is none of ours is not understood, and the stream not trusted', { skip }, async t => {
  const { store, pool, schema } = await open(t)
  let lost = 0
  const watch = await store.subscribe?.(listener([], { lost: () => { lost++ } }))
  for (const payload of ['', 'x', '{}', '["what"]', 'null']) await pool.query('SELECT pg_notify($1, $2)', [schema, payload])
  await watch?.probe()
  t.equal(lost, 5)
  await watch?.close()
  await t.rejects(async () => watch?.probe())
})

t.test('where a pooler lies between, LISTEN goes its own way', { skip }, async t => {
  const other = pgPool(server)
  t.teardown(() => other.end())
  for (const listen of [server.url, other]) {
    const { fixture, store } = await open(t, { listen, prepared: false })
    const heard: EndedSession[] = []
    const watch = await store.subscribe?.(listener(heard))
    const { id } = await fixture.created()
    await fixture.logout(id)
    await watch?.probe()
    t.equal(heard.length, 1)
    await watch?.close()
  }
})

t.test('a pooler that loses prepared statements is noticed, said once, and worked without', { skip }, async t => {
  const pool = pgPool(server, { max: 1 })
  t.teardown(() => pool.end())
  const { fixture, store, warnings } = await open(t, { pool })
  const { id } = await fixture.created()
  for (let i = 0; i < 2; i++) {
    await pool.query('DEALLOCATE ALL')
    t.match(await store.read(id), { id })
    t.match(await store.update(id, { deviceName: 'x' }), { status: 'done' })
  }
  t.equal(warnings.filter(message => message.includes('prepared: false')).length, 1)
})

t.test('the server\'s clock is the clock', { skip }, async t => {
  const { store, pool, fixture, schema } = await open(t, { context: { now: null } })
  const { rows: [row] } = await pool.query<{ now: string }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now')
  t.ok((await store.now?.() ?? 0) >= Math.floor(Number(row?.now)))
  fixture.clock.now -= 3_600_000
  const created = await fixture.created({ confirmedAt: fixture.clock.now })
  t.ok(created.createdAt >= Number(row?.now) - 1, 'a node whose clock is an hour late makes sessions of now')
  t.match(await fixture.live(created.id), { id: created.id })
  t.strictSame(await store.touch([fixture.activity(created.id)], fixture.clock.now), [])
  t.equal((await store.count({ createdAfter: created.createdAt }, null)).count, 1)
  t.equal((await store.list({}, all)).items.length, 1)
  await pool.query(`UPDATE ${schema}.session SET absolute_expires_at = 5, cleanup_at = 5`)
  t.match(await fixture.ended(created.id), { reason: 'absolute-timeout' })
  t.match(await store.cleanup(5), { ended: [{ id: created.id }], more: false })
})

t.test('fifty parallel logins of two processes at limit 5 leave five', { skip }, async t => {
  const { store, fixture } = await open(t, { schema: 'processes' })
  const workers = [0, 1].map(() => fork(join(import.meta.dirname, '../../helpers/postgres-child.ts'), [server.url, 'processes']))
  t.teardown(() => { for (const worker of workers) worker.kill() })
  await Promise.all(workers.map(worker => once(worker, 'message')))
  for (let run = 0; run < 20; run++) {
    const told = await Promise.all(workers.map(async worker => {
      const answer = once(worker, 'message')
      worker.send({ userId: `user ${run}`, logins: 25 })
      return (await answer)[0] as { created: number, ended: string[] }
    }))
    t.equal(told.reduce((sum, { created }) => sum + created, 0), 50)
    const ended = told.flatMap(({ ended }) => ended)
    t.equal(new Set(ended).size, 45)
    t.equal(ended.length, 45)
    t.equal((await fixture.idsOf(`user ${run}`)).length, 5)
  }
  t.match(await store.statistics(0, 1), { live: 100, users: 20 })
})

t.test('a statement that takes too long is cancelled', { skip }, async t => {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const connection = connectionOf(sql)
  await connection.query('SELECT 1::text', [], { prepared: true, timeout: 5000 })
  await t.rejects(connection.query('SELECT pg_sleep(30)::text', [], { prepared: false, timeout: 100 }), {
    message: /no response within 100 ms/
  })
  t.strictSame(
    await connection.query('SELECT $1::text', ['after'], { prepared: true, timeout: 5000 }),
    ['after'],
    'the connection is free again'
  )
})
