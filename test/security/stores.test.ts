import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { EndedSession, SessionRecord, Store } from '../../lib/index.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { decodeToken } from '../../lib/token/token.ts'
import { api, cookieOf, gate, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'
import { pgPool, skip as noPostgres, startPostgres } from '../helpers/postgres.ts'
import { clientOf } from '../helpers/redis-stage.ts'
import { binaries, missing, RedisServer } from '../helpers/redis.ts'

type Test = { teardown: (fn: () => unknown) => void }

/** One engine that several processes share: a store for each app, all on the same sessions, and everything that lies in it. */
interface Engine {
  readonly store: () => Store | string
  readonly dump: () => Promise<readonly Buffer[]>
}

const [redis] = binaries()
const engines: Record<string, { readonly skip: string | false, readonly open: (t: Test) => Promise<Engine> }> = {
  SQLite: {
    skip: false,
    async open (t) {
      const dir = mkdtempSync(join(tmpdir(), 'sheet-'))
      t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
      return {
        store: () => `file:${join(dir, 'sessions.db')}`,
        dump: async () => readdirSync(dir).map(name => readFileSync(join(dir, name)))
      }
    }
  },
  Redis: {
    skip: missing(redis),
    async open (t) {
      const server = await new RedisServer(redis).start()
      const client = clientOf(server.socket)
      t.teardown(async () => { client.disconnect(); await server.close() })
      return {
        store: () => redisStore(client),
        async dump () {
          const reads = {
            string: ['GETRANGE', '0', '-1'],
            hash: ['HGETALL'],
            zset: ['ZRANGE', '0', '-1'],
            set: ['SMEMBERS'],
            list: ['LRANGE', '0', '-1']
          } as const
          const all: Buffer[] = []
          for (const key of await client.keysBuffer('*')) {
            const [verb, ...args] = reads[await client.type(key) as keyof typeof reads]
            all.push(key, ...[await client.callBuffer(verb, key, ...args)].flat() as Buffer[])
          }
          return all
        }
      }
    }
  },
  PostgreSQL: {
    skip: noPostgres,
    async open (t) {
      const server = await startPostgres()
      const pool = pgPool(server)
      t.teardown(async () => { await pool.end(); await server.remove() })
      return {
        store: () => postgresStore(pool),
        async dump () {
          const { rows } = await pool.query<{ name: string }>(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
          )
          const all = await Promise.all(rows.map(({ name }) => pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)))
          return all.flatMap(({ rows }) => rows.map(({ row }) => Buffer.from(row)))
        }
      }
    }
  }
}

for (const [name, { skip, open }] of Object.entries(engines)) {
  t.test(`row 3, 50, 51, 52, 53, 54, 55, 58, 83: two apps share one ${name} store, whose content cannot authenticate`, { skip }, async t => {
    const engine = await open(t)
    const [reading, held] = [gate(), gate()]
    const newApp = (): Promise<TestApp> => testApp(t, { store: engine.store(), maxSessions: 5 }, app => {
      app.post('/rotate', async request => { await request.session.rotate(); return {} })
      app.get('/slow', async request => { request.session.set('late', true); reading.open(); await held.opened; return {} })
    })
    const [a, b] = [await newApp(), await newApp()]
    const setClock = (at: number): void => { a.clock.now = b.clock.now = at }
    // a server that listens keeps the process, as everywhere
    await b.app.listen({ port: 0, host: '127.0.0.1' })
    const cookies: string[] = []
    const given = (cookie: string): string => { cookies.push(cookie); return cookie }
    const status = async ({ send }: TestApp, cookie: string): Promise<number> => (await send('/me', { cookie })).statusCode
    const post = ({ send }: TestApp, url: string, cookie: string, payload = {}) => send(url, { cookie, method: 'POST', payload })

    // fifty sign-ins at once, on both nodes
    const logins = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? a : b).signIn('crowd')))
    t.equal(await a.app.sessions.count({ userId: 'crowd' }), 5)
    t.equal((await Promise.all(logins.map(cookie => status(b, cookie)))).filter(code => code === 200).length, 5)

    // an end on one node is one on the other, for its sockets, its slow writers and its next request
    const first = given(await a.signIn())
    const record = (await b.app.sessions.listByUser('ada'))[0] as SessionRecord
    const ended = new Promise<EndedSession>(resolve => { b.app.sessions.onEnd(record, resolve) })
    const slow = b.send('/slow', { cookie: first })
    await reading.opened
    t.equal((await post(a, `${api}/logout`, first)).statusCode, 200)
    t.equal(await status(b, first), 401)
    held.open()
    t.match((await slow).json(), { statusCode: 401, code: 'FST_SESSION_ENDED' })
    t.match(await ended, { id: record.id, reason: 'logout' })
    t.equal(await a.app.sessions.count({ userId: 'ada' }), 0)

    // remembered: six requests on two nodes get one new cookie, the old one after its time ends the session
    const old = given(await a.signIn('eve', { remember: true }))
    setClock(a.clock.now + 3_600_001)
    const answers = await Promise.all([a, b, a, b, a, b].map(app => app.send('/me', { cookie: old })))
    t.strictSame(answers.map(({ statusCode }) => statusCode), Array(6).fill(200))
    const [next = '', ...others] = new Set(answers.map(cookieOf).filter(cookie => cookie !== ''))
    t.strictSame(others, [])
    // shown once its browser had the time to write it down
    setClock(a.clock.now + 60_000)
    t.equal(await status(b, given(next)), 200)
    await b.app.sessions.flush()
    setClock(a.clock.now + 600_000)
    t.match((await a.send('/me', { cookie: old })).json(), { statusCode: 401, reason: 'token-reuse' })
    t.equal(await status(b, next), 401)

    // what lies in the store, with live sessions, guests, rotated and ended ones
    given(cookieOf(await post(a, '/data', '', { cart: ['x'] })))
    const rotated = given(await b.signIn('bob'))
    const live = given(cookieOf(await post(b, '/rotate', rotated)))
    const dump = Buffer.concat([...await engine.dump()])
    t.ok(dump.includes('bob'), 'the dump is one')
    for (const cookie of [...cookies, ...logins]) {
      const [token = '', signature = ''] = cookie.slice(4).split('.')
      const verifier = decodeToken(token)?.verifier ?? Buffer.alloc(0)
      for (const part of [
        token,
        signature,
        verifier,
        verifier.toString('hex'),
        verifier.toString('base64'),
        verifier.toString('base64url')
      ]) { if (dump.includes(part)) t.fail('a part of a cookie lies in the store') }
    }

    // a restart of everything
    await a.app.close()
    await b.app.close()
    const c = await newApp()
    c.clock.now = a.clock.now
    t.equal(await status(c, live), 200, 'who was signed in still is')
    for (const cookie of [first, old, next, rotated]) t.equal(await status(c, cookie), 401, 'who was not is not')
    t.equal((await c.app.sessions.revokeUser('bob')).length, 1)
    t.equal(await status(c, live), 401)
  })
}
