import pg from 'pg'
import postgres from 'postgres'
import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { EndedSession } from '../../../lib/index.ts'
import { postgresStore } from '../../../lib/stores/postgres.ts'
import type { PostgresClient, PostgresStoreOptions } from '../../../lib/stores/postgres.ts'
import { gate, secret } from '../../helpers/app.ts'
import { skip, startPgBouncer } from '../../helpers/pgbouncer.ts'
import { startPostgres } from '../../helpers/postgres.ts'
import type { PostgresServer } from '../../helpers/postgres.ts'

type Test = { teardown: (fn: () => unknown) => void }

const started = skip === false ? await startPostgres() : null
t.teardown(() => started?.remove())
const server = started as PostgresServer

const drivers = ['pg', 'postgres.js'] as const

async function open (t: Test, options: {
  readonly driver: typeof drivers[number]
  readonly url: string
  readonly warn: (message: string) => void
  readonly store?: PostgresStoreOptions
}): Promise<SessionManager> {
  const { driver, url, warn } = options
  const client: PostgresClient = driver === 'pg'
    ? new pg.Pool({ connectionString: url, max: 10 })
    : postgres(url, { max: 10, onnotice: () => {} })
  const manager = await new SessionManager({
    secret,
    storeTimeout: 10_000,
    warn,
    store: postgresStore(client, options.store)
  }).open()
  t.teardown(async () => {
    await manager.close()
    await ('unsafe' in client ? client.end({ timeout: 0 }) : client.end())
  })
  return manager
}

t.test('a pooler that swallows notifications is said, and ends elsewhere are found by reading', { skip }, async t => {
  const pooler = await startPgBouncer(server, 'transaction')
  t.teardown(() => pooler.stop())
  for (const driver of drivers) {
    const said = gate()
    const warnings: string[] = []
    const warn = (message: string): void => {
      warnings.push(message)
      if (message.includes('set `listen`')) said.open()
    }
    const store = { timeout: 2000, prepared: false }
    const here = await open(t, { driver, url: pooler.url, warn, store })
    const there = await open(t, { driver, url: server.url, warn: () => {}, store })
    await said.opened
    const { session } = await there.create({ userId: 'ada' })
    const heard = new Promise<EndedSession>(resolve => { here.onEnd(session, resolve) })
    await here.get(session.id)
    await there.revoke(session.id, { by: 'admin' })
    t.match(await heard, { id: session.id, by: 'admin' })
    t.equal(warnings.filter(message => message.includes('set `listen`')).length, 1)
  }
})

t.test('in session mode notifications arrive, and nothing is said', { skip }, async t => {
  const pooler = await startPgBouncer(server, 'session')
  t.teardown(() => pooler.stop())
  for (const driver of drivers) {
    const warnings: string[] = []
    const here = await open(t, { driver, url: pooler.url, warn: message => { warnings.push(message) } })
    const there = await open(t, { driver, url: server.url, warn: () => {} })
    const { session } = await there.create({ userId: 'ada' })
    const heard = new Promise<EndedSession>(resolve => { here.onRemoteEnd(resolve) })
    await there.revoke(session.id)
    t.match(await heard, { id: session.id })
    t.notMatch(warnings.join(), /listen/)
  }
})

t.test('behind a pooler in transaction mode, with `prepared` left on, every operation is done', { skip }, async t => {
  const pooler = await startPgBouncer(server, 'transaction')
  t.teardown(() => pooler.stop())
  for (const driver of drivers) {
    const warnings: string[] = []
    const manager = await open(t, { driver, url: pooler.url, warn: message => { warnings.push(message) }, store: { listen: server.url } })
    let done = 0
    await Promise.all(Array.from({ length: 10 }, async (_, worker) => {
      for (let i = 0; i < 30; i++) {
        const { session } = await manager.create({ userId: `user ${worker}` })
        await manager.get(session.id)
        await manager.revoke(session.id)
        done++
      }
    }))
    t.equal(done, 300)
    t.equal(warnings.filter(message => message.includes('Set `prepared: false`')).length, 1, driver)
  }
})
