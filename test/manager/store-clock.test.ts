import { mock } from 'node:test'
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import { StoreClock } from '../../lib/manager/store-clock.ts'
import { postgresStore } from '../../lib/stores/postgres.ts'
import { secret } from '../helpers/app.ts'
import { pgPool, skip, startPostgres } from '../helpers/postgres.ts'

const hour = 3_600_000

t.test('with a store that has a clock, a leap of this machine moves nothing, and a leap of the store is found', async t => {
  const machine = { wall: 5000, elapsed: 100.5 }
  let there = 90_000
  const clock = new StoreClock(null, { wall: () => machine.wall, elapsed: () => machine.elapsed })
  const store = { ...memoryStore(), now: () => there }
  t.equal(clock.now(), 5000)
  t.equal(await clock.measure(store), 0)
  const now = clock.now()
  t.ok(Math.abs(now - 90_000) <= 1 && Number.isInteger(now))
  machine.wall += hour
  t.equal(clock.now(), now)
  machine.elapsed += 250
  there += 250
  t.equal(await clock.measure(store), 0)
  t.equal(clock.now(), now + 250)
  there -= hour
  t.ok(Math.abs(await clock.measure(store) + hour) <= 1)
  t.ok(Math.abs(clock.now() - there) <= 1)
})

t.test('without one, the clock is that of the machine, and its leap is found once', async t => {
  const machine = { wall: 5000, elapsed: 100 }
  const clock = new StoreClock(null, { wall: () => machine.wall, elapsed: () => machine.elapsed })
  const store = memoryStore()
  t.equal(await clock.measure(store), 0)
  machine.wall += hour
  machine.elapsed += 10
  t.equal(await clock.measure(store), hour - 10)
  t.equal(await clock.measure(store), 0)
  t.equal(clock.now(), 5000 + hour)
})

t.test('a clock that is given is used as it is', async t => {
  const clock = new StoreClock(() => 7)
  t.equal(await clock.measure({ ...memoryStore(), now: () => 90_000 }), 0)
  t.equal(clock.now(), 7)
})

/** Moves the clock of this process. */
function leapBy (t: { teardown: (fn: () => unknown) => void }, ms: number): void {
  const real = Date.now
  const mocked = mock.method(Date, 'now', () => real() + ms)
  t.teardown(() => { mocked.mock.restore() })
}

t.test('a machine whose clock leaps by an hour goes on accepting the sessions of PostgreSQL', { skip }, async t => {
  const server = await startPostgres()
  const pool = pgPool(server)
  const manager = await new SessionManager({ secret, idleTimeout: '30m', storeTimeout: 20_000, store: postgresStore(pool) }).open()
  t.teardown(async () => {
    await manager.close()
    await pool.end()
    await server.remove()
  })
  const { token, session } = await manager.create({ userId: 'ada' })
  leapBy(t, hour)
  t.match(await manager.validate(token, { ip: null, userAgent: undefined, passive: false }), { id: session.id })
  const other = await manager.create({ userId: 'bob' })
  t.ok(other.session.createdAt - session.createdAt < hour / 2)
})

t.test('a leap is warned of where the clock of the machine counts', async t => {
  const warnings: string[] = []
  const manager = await new SessionManager({ secret, store: memoryStore(), warn: message => { warnings.push(message) } }).open()
  t.teardown(() => manager.close())
  leapBy(t, hour)
  await manager.cleanup()
  t.match(warnings.join(), /The clock of this machine leapt by \d+ ms\. Sessions expire that much earlier/)
})
