import { mock } from 'node:test'
import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { PendingRevocations } from '../../lib/manager/pending-revocations.ts'
import { toEnded } from '../../lib/model/record.ts'
import { secret } from '../helpers/app.ts'
import { testCore } from '../helpers/core.ts'
import { aRecord, openManager, turn } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

const logout = { reason: 'logout', by: 'user' } as const
const rollback = { reason: 'revoked', by: 'rollback' } as const

t.test('one revocation that is stuck holds up no other, and is retried', async t => {
  const { core } = await testCore(t)
  const { session } = await (await new SessionManager({ secret }).open()).create({ userId: 'ada' })
  const stuck = new Set(['0', '1', '2'])
  const ended: string[] = []
  const store: Store = {
    ...memoryStore(), end: async selector => {
      const [id = ''] = 'ids' in selector ? selector.ids : []
      if (stuck.has(id)) throw new Error('one master hangs')
      ended.push(id)
      return { ended: [toEnded({ ...session, id }, { ...logout, at: 0 })], cursor: null }
    }
  }
  const pending = new PendingRevocations({ ...core, store })
  t.teardown(() => pending.close())
  pending.add(Array.from({ length: 40 }, (_, i) => String(i)), logout)
  await pending.retry()
  t.equal(ended.length, 37)
  t.equal(pending.reasonFor('0'), 'logout')
  t.equal(pending.reasonFor('39'), undefined)
  stuck.clear()
  await pending.retry()
  t.equal(pending.reasonFor('0'), undefined)
})

t.test('a store that is down is asked a few times a round, not once for each pending revocation', async t => {
  const { core } = await testCore(t)
  let calls = 0
  const pending = new PendingRevocations({ ...core, store: { ...memoryStore(), end: async () => { calls++; throw new Error('down') } } })
  pending.add(Array.from({ length: 1000 }, (_, i) => String(i)), logout)
  await pending.retry()
  t.ok(calls < 50, `${calls} calls`)
  const first = calls
  await pending.retry()
  t.ok(calls > first)
  await pending.close()
})

t.test('pending revocations are bounded: those of sessions that nobody has go first, and what was dropped is said', async t => {
  const warnings: string[] = []
  const { core } = await testCore(t, { warn: message => { warnings.push(message) } })
  const pending = new PendingRevocations({ ...core, store: { ...memoryStore(), end: async () => { throw new Error('down') } } })
  pending.add(['asked for'], logout)
  for (let i = 0; i < 60_000; i++) pending.add([`guest ${i}`], rollback)
  t.equal(pending.size, 50_000)
  t.equal(pending.reasonFor('asked for'), 'logout')
  t.equal(pending.reasonFor('guest 0'), undefined)
  t.equal(pending.reasonFor('guest 59999'), 'revoked')
  t.match(warnings, [/pending revocations 1 were dropped/])
  t.ok(warnings.length < 20, 'not once for each')
  for (let i = 0; i < 51_000; i++) pending.add([`user ${i}`], logout)
  t.equal(pending.size, 50_000, 'also of those that were asked for')
  t.match(warnings.at(-1), /may be accepted again/)
  await pending.close()
})

t.test('a creation that was never sent to the store leaves nothing to end', async t => {
  const store = memoryStore()
  const sessions = await new SessionManager({ secret, store, warn: () => {} }).open()
  t.teardown(() => sessions.close())
  const { create } = store
  store.create = () => { throw new Error('away') }
  for (let i = 0; i < 100; i++) await t.rejects(sessions.create({}))
  t.ok(sessions.core.pending.size <= 10, `${sessions.core.pending.size} of 100`)
  store.create = create
})

t.test('an end that could not be written is written a second later', async t => {
  const record = await aRecord(t)
  const { core, events } = await testCore(t)
  const ends: string[] = []
  let fails = true
  const store: Store = {
    ...new Network().node(), end: async selector => {
      if (fails) throw new Error('away')
      if ('ids' in selector) ends.push(...selector.ids)
      return { ended: [toEnded(record, { reason: 'revoked', by: null, at: 0 })], cursor: null }
    }
  }
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const pending = new PendingRevocations({ ...core, store })
  await pending.close()
  pending.add([record.id], { reason: 'revoked', by: null })
  t.equal(pending.reasonFor(record.id), 'revoked')
  mock.timers.tick(1000)
  await turn()
  t.equal(pending.reasonFor(record.id), 'revoked', 'still away')
  fails = false
  mock.timers.tick(1000)
  await turn()
  t.equal(pending.reasonFor(record.id), undefined)
  t.strictSame([ends, events.map(({ type, id }) => `${type} ${id}`)], [[record.id], [`ended ${record.id}`]])
  await pending.close()
})

t.test('a sweep in an outage says so', async t => {
  const { sessions } = await openManager(t, { store: { ...new Network().node(), cleanup: async () => { throw new Error('away') } } })
  await t.rejects(sessions.cleanup(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
})
