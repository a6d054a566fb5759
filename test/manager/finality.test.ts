// what is late, lost, retried or gone wrong halfway: found by the explorer, or by asking what it cannot play
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import type { SessionRecord, Store } from '../../lib/index.ts'
import { Rotation } from '../../lib/manager/validation-result.ts'
import { presentedBy } from '../explore/simulation.ts'
import { gate } from '../helpers/app.ts'

type Test = { teardown: (fn: () => unknown) => void }

const secret = 'a secret of the tests, long enough'
const visit = { ip: '192.0.2.1', userAgent: 'curl/8', passive: false }
const hour = 3_600_000

/** A manager on a memory store whose verbs a test replaces. */
async function managed (
  t: Test,
  verbs: (store: Store) => Partial<Store>
): Promise<{ manager: SessionManager; store: Store; clock: { now: number } }> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const inner = memoryStore()
  const replaced = verbs(inner)
  const store = new Proxy(inner, {
    get (target, name: keyof Store) {
      const value: unknown = name in replaced ? replaced[name] : Reflect.get(target, name)
      return typeof value === 'function' ? (value as () => unknown).bind(name in replaced ? replaced : target) : value
    }
  })
  const manager = await new SessionManager({ secret, store, now: () => clock.now, flushInterval: '1m', warn: () => {} }).open()
  t.teardown(() => manager.close())
  return { manager, store: inner, clock }
}

t.test('a sign-in whose answer was lost leaves no session that nobody has', async t => {
  let lost = true
  const { manager, store, clock } = await managed(t, store => ({
    create (record, options) {
      const created = store.create(record, options)
      if (lost) throw new Error('the answer was lost')
      return created
    }
  }))
  await t.rejects(manager.create({ userId: 'ada' }), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  lost = false
  const { session } = await manager.create({ userId: 'ada' })
  t.equal(await manager.count({ userId: 'ada' }), 2)
  await manager.close()
  const { items } = await store.list({ userId: 'ada' }, { limit: 10, cursor: null, order: 'oldest' })
  t.strictSame(items.map(({ id }) => id), [session.id])
  t.match((await store.history({ userId: 'ada' }, { limit: 10, cursor: null, order: 'oldest' })).items, [
    { reason: 'revoked', by: 'rollback', endedAt: clock.now }
  ])
})

t.test('a credential whose adoption was answered too late is adopted by the next request', async t => {
  let lost = true
  const { manager } = await managed(t, store => ({
    create (record, options) {
      const created = store.create(record, options)
      if (lost) throw new Error('the answer was lost')
      return created
    }
  }))
  const adopts = { credential: 'a cookie of another library', source: 'express-session', until: Date.UTC(2026, 0, 2) }
  await t.rejects(manager.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  lost = false
  const { session, token } = await manager.create({ userId: 'ada', adopts })
  t.equal(((await manager.validate(presentedBy(token), visit)) as SessionRecord).id, session.id)
})

t.test('a session that is refused because its end could not be written closes its sockets, too', async t => {
  const { manager } = await managed(t, () => ({ end () { throw new Error('away') } }))
  const { session } = await manager.create({ userId: 'ada' })
  const told: unknown[] = []
  manager.onEnd(session, ended => { told.push(ended) })
  await t.rejects(manager.revoke(session.id, { reason: 'logout', by: 'user' }), { code: 'FST_SESSION_REVOCATION_PENDING' })
  t.match(told, [{ id: session.id, reason: 'logout', by: 'user' }])
})

t.test('a straggler with the old cookie does not hide that the new one was seen, though a flush fails', async t => {
  const failing = gate()
  let broken = false
  const { manager, store, clock } = await managed(t, store => ({
    async touch (batch, at) {
      if (!broken) return store.touch(batch, at)
      await failing.opened
      throw new Error('away')
    }
  }))
  const { session, token } = await manager.create({ userId: 'ada', remember: true })
  clock.now += hour
  const renewed = await manager.validate(presentedBy(token), visit)
  t.ok(renewed instanceof Rotation)
  clock.now += 61_000
  await manager.flush()
  broken = true
  await manager.validate(presentedBy((renewed as Rotation).token), { ...visit, ip: '192.0.2.8', userAgent: 'wget/1' })
  const flushed = manager.flush()
  await manager.validate(presentedBy(token), { ...visit, ip: '192.0.2.9' })
  failing.open()
  await flushed
  broken = false
  await manager.flush()
  const { confirmedAt, requestCount: requests, ip, userAgent: agent } = store.read(session.id) as SessionRecord
  t.equal(confirmedAt, clock.now)
  t.equal(requests, 2, 'one is lost with the flush, which may have landed; none is that came meanwhile')
  t.equal(ip, '192.0.2.9', 'the newer address is kept')
  t.equal(agent, 'wget/1', 'and the agent, which came with the flush that failed')
})

t.test('an old cookie is judged by what was seen here, written or not, and though nothing can be written', async t => {
  const { manager, clock } = await managed(t, () => ({ touch () { throw new Error('away') } }))
  const { token } = await manager.create({ userId: 'ada', remember: true })
  clock.now += hour
  const renewed = await manager.validate(presentedBy(token), visit)
  t.ok(renewed instanceof Rotation)
  clock.now += 61_000
  const { token: next } = renewed as Rotation
  await manager.validate(presentedBy(next), visit)
  t.ok(await manager.validate(presentedBy(token), visit) instanceof Rotation, 'within its grace')
  await manager.validate(presentedBy(next), visit)
  clock.now += 2 * 60_000
  t.match(await manager.validate(presentedBy(token), visit), { code: 'ended', reason: 'token-reuse' })
})

t.test(
  'a cookie that was sent again has arrived when it is shown a minute later, and not before, whatever a sweep does meanwhile',
  async t => {
    const { manager, store, clock } = await managed(t, () => ({}))
    const { session, token } = await manager.create({ userId: 'ada', remember: true })
    clock.now += hour
    const lost = await manager.validate(presentedBy(token), visit)
    clock.now += 3 * hour
    const again = await manager.validate(presentedBy(token), visit)
    t.equal((again as Rotation).token, (lost as Rotation).token)
    const next = presentedBy((again as Rotation).token)
    const confirmed = async (): Promise<boolean> => {
      await manager.cleanup()
      await manager.validate(next, visit)
      await manager.flush()
      return (store.read(session.id) as SessionRecord).confirmedAt !== null
    }
    t.equal(await confirmed(), false)
    clock.now += 59_999
    t.equal(await confirmed(), false)
    clock.now += 1
    t.equal(await confirmed(), true)
  }
)
