import { mock } from 'node:test'
import t from 'tap'
import { Activity } from '../lib/activity.ts'
import type { Visit } from '../lib/activity.ts'
import { Announcer } from '../lib/announcer.ts'
import { Endings } from '../lib/endings.ts'
import { Events } from '../lib/events.ts'
import { SessionError, SessionManager, memoryStore } from '../lib/index.ts'
import type { EndedSession, SessionManagerOptions, SessionRecord, Store } from '../lib/index.ts'
import { toEnded } from '../lib/record.ts'
import { Strangers } from '../lib/strangers.ts'
import { Successors } from '../lib/successors.ts'
import { gate, secret } from './helpers/app.ts'
import { Network } from './helpers/network.ts'

type Test = { teardown: (fn: () => unknown) => void }
const minute = 60_000
const visit: Visit = { ip: '192.0.2.1', agent: 'curl/8', passive: false }
const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

async function open (t: Test, options: SessionManagerOptions = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const sessions = await new SessionManager({ secret, now: () => clock.now, ...options }).open()
  t.teardown(() => sessions.close())
  return { sessions, clock }
}

async function aRecord (t: Test): Promise<SessionRecord> {
  const { sessions } = await open(t)
  return (await sessions.create({ userId: 'ada', ip: '192.0.2.1', agent: 'curl/8' })).session
}

t.test('whoever waits for an end', async t => {
  const record = await aRecord(t)
  const ended = toEnded(record, { reason: 'logout', by: 'user', at: record.createdAt })
  const trouble = (): never => { throw new SessionError('FST_SESSION_STORE_UNAVAILABLE') }

  /** Endings over a store that gives one answer after another, on timers that are moved by hand. */
  function waiting (t: Test, { told, answers }: { readonly told: boolean, readonly answers: (() => SessionRecord | EndedSession | null | Promise<SessionRecord>)[] }) {
    const clock = { now: record.createdAt }
    mock.timers.enable({ apis: ['setTimeout'] })
    const endings = new Endings({ read: () => answers.shift()?.() ?? null, now: () => clock.now, told })
    t.teardown(() => { endings.close(); mock.timers.reset() })
    const heard: string[] = []
    const stop = endings.listen(record, ({ reason, endedAt }) => { heard.push(`${reason} ${endedAt - record.createdAt}`) })
    const pass = async (ms: number): Promise<void> => { clock.now += ms; mock.timers.tick(ms); await turn() }
    return { endings, heard, stop, pass, answers }
  }

  t.test('hears of an expiry that nobody else has seen', async t => {
    const { heard, pass } = waiting(t, { told: true, answers: [() => ({ ...record, lastSeenAt: record.lastSeenAt + minute })] })
    await pass(record.idle)
    t.strictSame(heard, [], 'another node had seen it since')
    await pass(minute)
    t.strictSame(heard, [])
    await pass(1)
    t.strictSame(heard, [`idle ${record.idle + minute + 1}`])
  })

  t.test('hears what other processes end, although the store does not tell', async t => {
    const { heard, pass } = waiting(t, { told: false, answers: [() => record, () => ended] })
    await pass(1000)
    t.strictSame(heard, [])
    await pass(1000)
    t.strictSame(heard, ['logout 0'])
  })

  t.test('hears nothing of a store that fails, and hears the truth when it is back', async t => {
    const { heard, endings, pass } = waiting(t, { told: true, answers: [trouble, trouble, () => ended] })
    endings.checkAll()
    await turn()
    t.strictSame(heard, [])
    await pass(record.idle + 1)
    t.strictSame(heard, [], 'expired, as far as anybody knows, but nobody knows')
    await pass(1001)
    t.strictSame(heard, ['logout 0'])
  })

  t.test('hears nothing once it has stopped, even if a look was under way', async t => {
    const held = gate()
    const { heard, endings, stop } = waiting(t, { told: true, answers: [async () => { await held.opened; return record }] })
    endings.checkAll()
    stop()
    held.open()
    await turn()
    endings.tell(ended)
    endings.end(record.id, { reason: 'logout', by: null })
    t.strictSame(heard, [])
  })
})

t.test('a stream that breaks makes a node look at once at every session that somebody waits for', async t => {
  const network = new Network()
  const { sessions } = await open(t, { store: network.node() })
  const { session } = await sessions.create({ userId: 'ada' })
  const heard: string[] = []
  sessions.onEnd(session, ({ reason }) => { heard.push(reason) })
  await network.sessions.end({ ids: [session.id] }, { reason: 'revoked', by: null })
  t.strictSame(heard, [], 'nobody told')
  network.cut()
  await turn()
  t.strictSame(heard, ['revoked'])
})

t.test('activity', async t => {
  const record = await aRecord(t)
  const now = record.createdAt

  function gathered (touch: Store['touch']) {
    const counted: number[] = []
    const activity = new Activity({ ...new Network().node(), touch }, { flush: minute, onChange: () => {}, confirms: () => true, onDue: () => {}, onFlush: requests => { counted.push(requests) } })
    return { activity, counted }
  }

  t.test('of a session that nobody used is none', async t => {
    const { activity } = gathered(async () => [])
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.requests(record.id), 0)
    t.equal(activity.confirmedAt(record, now), null)
    activity.forget(record.id)
    t.equal(activity.flush(now), undefined)
  })

  t.test('that keeps nothing alive shows all the same that a browser has its cookie', async t => {
    const { activity } = gathered(async () => [])
    activity.record(record, { ...visit, passive: true }, now)
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.confirmedAt(record, now + 1), now + 1)
    t.equal(activity.confirmedAt({ ...record, generation: 1 }, now), null, 'but not the next one')
    activity.forget(record.id)
    t.equal(activity.requests(record.id), 0)
  })

  for (const [where, wrap] of [['in this process', <T> (value: T) => value], ['over a network', async <T> (value: T) => value]] as const) {
    t.test(`of many sessions is written in slices ${where}`, async t => {
      const sizes: number[] = []
      const { activity, counted } = gathered(batch => { sizes.push(batch.length); return wrap([]) })
      for (let i = 0; i < 450; i++) activity.record({ ...record, id: `session ${i}` }, visit, now)
      await activity.flush(now)
      t.strictSame(sizes, [200, 200, 50])
      t.strictSame(counted, sizes)
    })
  }

  t.test('that could not be written joins what came meanwhile: the newer place, the later instant, no count twice', async t => {
    const held = gate()
    const written: unknown[] = []
    let fails = true
    const { activity, counted } = gathered(async batch => {
      await held.opened
      if (fails) throw new Error('away')
      written.push(...batch.map(touch => ({ ...touch })))
      return []
    })
    for (const id of ['moved', 'stayed']) activity.record({ ...record, id }, { ...visit, ip: '192.0.2.7', agent: 'wget/1' }, now)
    const first = activity.flush(now)
    activity.record({ ...record, id: 'moved' }, { ...visit, ip: '192.0.2.9', agent: 'Wget/2' }, now + 1)
    activity.record({ ...record, id: 'stayed' }, visit, now + 2)
    held.open()
    await first
    fails = false
    await activity.flush(now + 3)
    t.match(written, [
      { id: 'moved', ip: '192.0.2.9', agent: 'Wget/2', seenAt: now + 1, requests: 1 },
      { id: 'stayed', ip: '192.0.2.7', agent: 'wget/1', seenAt: now + 2, requests: 1 }
    ])
    t.strictSame(counted, [2])
  })
})

t.test('an announcer knows its own ends again, and remembers a bounded number of them', async t => {
  const record = await aRecord(t)
  const ends = Array.from({ length: 10_002 }, (_, i) => toEnded({ ...record, id: `session ${i}` }, { reason: 'logout', by: null, at: record.createdAt }))
  const announcer = new Announcer(new Events(() => {}))
  const heard: string[] = []
  announcer.onElsewhere(({ id }) => { heard.push(id) })
  announcer.ended(ends.slice(0, 1))
  announcer.attach({ activity: new Activity(memoryStore(), { flush: 0, onChange: () => {}, confirms: () => true, onDue: () => {}, onFlush: () => {} }), endings: new Endings({ read: () => null, now: () => 0, told: true }), watched: true })
  announcer.ended(ends.slice(0, 10_001))
  announcer.endedElsewhere(ends[0] as EndedSession)
  announcer.endedElsewhere(ends[0] as EndedSession)
  t.strictSame(heard, ['session 0'], 'an end comes back once')
  announcer.ended(ends.slice(1, 2))
  announcer.ended(ends.slice(10_001))
  announcer.endedElsewhere(ends[10_001] as EndedSession)
  t.equal(heard.length, 1)
})

t.test('a place that is strange to a session is told once, and again after ten thousand others', async t => {
  const record = await aRecord(t)
  const told: unknown[] = []
  const strangers = new Strangers((_record, difference) => { told.push(difference) })
  strangers.add(record, '192.0.2.7', 'curl/8')
  strangers.add(record, '192.0.2.7', 'curl/8')
  strangers.add(record, '192.0.2.1', 'wget/1')
  strangers.add(record, null, null)
  t.strictSame(told, [{ ip: '192.0.2.7' }, { agent: 'wget/1' }, { ip: null, agent: null }])
  for (let i = 0; i < 10_000; i++) strangers.add({ ...record, id: `session ${i}` }, '192.0.2.7', 'curl/8')
  told.length = 0
  strangers.add(record, null, null)
  t.equal(told.length, 1)
})

t.test('what was sent again is remembered until it is old enough', async t => {
  const successors = new Successors([secret], 'name')
  successors.resend('old', 1)
  successors.resend('new', 3)
  successors.forget(2)
  t.strictSame([successors.resentAt('old'), successors.resentAt('new')], [0, 3])
})
