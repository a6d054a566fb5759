import { mock } from 'node:test'
import t from 'tap'
import { SessionError } from '../../lib/index.ts'
import type { EndedSession, SessionRecord } from '../../lib/index.ts'
import { EndListeners } from '../../lib/manager/end-listeners.ts'
import { toEnded } from '../../lib/model/record.ts'
import { gate } from '../helpers/app.ts'
import { testCore } from '../helpers/core.ts'
import { aRecord, minute, openManager, turn } from '../helpers/manager.ts'
import type { Test } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

t.test('whoever waits for an end', async t => {
  const record = await aRecord(t)
  const ended = toEnded(record, { reason: 'logout', by: 'user', at: record.createdAt })
  const trouble = (): never => { throw new SessionError('FST_SESSION_STORE_UNAVAILABLE') }

  /** Endings over a store that gives one answer after another, on timers that are moved by hand. */
  async function waiting (
    t: Test,
    {
      told,
      answers
    }: { readonly told: boolean; readonly answers: (() => SessionRecord | EndedSession | null | Promise<SessionRecord>)[] }
  ) {
    const { core, clock } = await testCore(t)
    const { subscribe, ...silent } = new Network().node()
    mock.timers.enable({ apis: ['setTimeout'] })
    // the first look, when the listener is registered
    const all = [() => record, ...answers]
    const endings = new EndListeners({
      ...core,
      store: { ...silent, ...(told ? { subscribe } : {}), read: () => all.shift()?.() ?? null }
    })
    t.teardown(() => {
      endings.close()
      mock.timers.reset()
    })
    const heard: string[] = []
    const stop = endings.listen(record, ({ reason, endedAt }) => {
      heard.push(`${reason} ${endedAt - record.createdAt}`)
    })
    await turn()
    const pass = async (ms: number): Promise<void> => {
      clock.now += ms
      mock.timers.tick(ms)
      await turn()
    }
    return { endings, heard, stop, pass, answers }
  }

  t.test('hears of an expiry that nobody else has seen', async t => {
    const { heard, pass } = await waiting(t, { told: true, answers: [() => ({ ...record, lastSeenAt: record.lastSeenAt + minute })] })
    await pass(record.idleTimeout)
    t.strictSame(heard, [], 'another node had seen it since')
    await pass(minute)
    t.strictSame(heard, [])
    await pass(1)
    t.strictSame(heard, [`idle-timeout ${record.idleTimeout + minute + 1}`])
  })

  t.test('hears what other processes end, although the store does not tell', async t => {
    const { heard, pass } = await waiting(t, { told: false, answers: [() => record, () => ended] })
    await pass(1000)
    t.strictSame(heard, [])
    await pass(1000)
    t.strictSame(heard, ['logout 0'])
  })

  t.test('hears nothing of a store that fails, and hears the truth when it is back', async t => {
    const { heard, endings, pass } = await waiting(t, { told: true, answers: [trouble, trouble, () => ended] })
    endings.recheckAll()
    await turn()
    t.strictSame(heard, [])
    await pass(record.idleTimeout + 1)
    t.strictSame(heard, [], 'expired, as far as anybody knows, but nobody knows')
    await pass(1001)
    t.strictSame(heard, ['logout 0'])
  })

  t.test('hears nothing once it has stopped, even if a look was under way', async t => {
    const held = gate()
    const { heard, endings, stop } = await waiting(t, { told: true, answers: [async () => { await held.opened; return record }] })
    endings.recheckAll()
    stop()
    held.open()
    await turn()
    endings.notify(ended)
    endings.end(record.id, { reason: 'logout', by: null })
    t.strictSame(heard, [])
  })
})

t.test('a stream that breaks makes a node look at once at every session that somebody waits for', async t => {
  const network = new Network()
  const { sessions } = await openManager(t, { store: network.node() })
  const { session } = await sessions.create({ userId: 'ada' })
  const heard: string[] = []
  sessions.onEnd(session, ({ reason }) => { heard.push(reason) })
  await network.sessions.end({ ids: [session.id] }, { reason: 'revoked', by: null })
  t.strictSame(heard, [], 'nobody told')
  network.cut()
  await turn()
  t.strictSame(heard, ['revoked'])
})
