import { mock } from 'node:test'
import t from 'tap'
import { RecentEvents } from '../lib/admin/recent-events.ts'
import { memoryStore, Rejection, Rotation, SessionError, SessionManager } from '../lib/index.ts'
import type { EndedSession, SessionManagerOptions, SessionRecord, Store } from '../lib/index.ts'
import { ActivityBuffer } from '../lib/manager/activity.ts'
import { EndListeners } from '../lib/manager/end-listeners.ts'
import { EndNotifier } from '../lib/manager/end-notifier.ts'
import { PendingRevocations } from '../lib/manager/pending-revocations.ts'
import type { RequestContext } from '../lib/manager/request-context.ts'
import { RiskAssessor } from '../lib/manager/risk.ts'
import type { LegacyAdapter } from '../lib/migration/index.ts'
import { toEnded } from '../lib/model/record.ts'
import { browserOf } from '../lib/model/device.ts'
import { TopK } from '../lib/statistics/top-k.ts'
import { decodePosition, encodeCursor } from '../lib/stores/cursor.ts'
import { Successors } from '../lib/token/successors.ts'
import { cookieOf, gate, secret, setCookies, testApp } from './helpers/app.ts'
import { testCore } from './helpers/core.ts'
import { Network } from './helpers/network.ts'

type Test = { teardown: (fn: () => unknown) => void }
const minute = 60_000
const visit: RequestContext = { ip: '192.0.2.1', userAgent: 'curl/8', passive: false }
const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

async function open (t: Test, options: SessionManagerOptions = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const sessions = await new SessionManager({ secret, now: () => clock.now, ...options }).open()
  t.teardown(() => sessions.close())
  return { sessions, clock }
}

async function aRecord (t: Test): Promise<SessionRecord> {
  const { sessions } = await open(t)
  return (await sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: 'curl/8' })).session
}

t.test('whoever waits for an end', async t => {
  const record = await aRecord(t)
  const ended = toEnded(record, { reason: 'logout', by: 'user', at: record.createdAt })
  const trouble = (): never => { throw new SessionError('FST_SESSION_STORE_UNAVAILABLE') }

  /** Endings over a store that gives one answer after another, on timers that are moved by hand. */
  async function waiting (t: Test, { told, answers }: { readonly told: boolean, readonly answers: (() => SessionRecord | EndedSession | null | Promise<SessionRecord>)[] }) {
    const { core, clock } = await testCore(t)
    const { subscribe, ...silent } = new Network().node()
    mock.timers.enable({ apis: ['setTimeout'] })
    // the first look, when the listener is registered
    const all = [() => record, ...answers]
    const endings = new EndListeners({ ...core, store: { ...silent, ...told ? { subscribe } : {}, read: () => all.shift()?.() ?? null } })
    t.teardown(() => { endings.close(); mock.timers.reset() })
    const heard: string[] = []
    const stop = endings.listen(record, ({ reason, endedAt }) => { heard.push(`${reason} ${endedAt - record.createdAt}`) })
    await turn()
    const pass = async (ms: number): Promise<void> => { clock.now += ms; mock.timers.tick(ms); await turn() }
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

  async function gathered (t: Test, touch: Store['touch']) {
    const { core, events } = await testCore(t, { flushInterval: minute })
    const activity = new ActivityBuffer({ ...core, store: { ...new Network().node(), touch } })
    t.teardown(() => activity.stop())
    // by the clock of the core no batch is due
    void activity.flush(now)
    const counted = async (): Promise<number> => (await core.statistics.statistics('1h', now)).requests
    const end = (): void => { core.notifier.ended([toEnded(record, { reason: 'logout', by: null, at: now })]) }
    return { activity, events, counted, end }
  }

  t.test('of a session that nobody used is none', async t => {
    const { activity, end } = await gathered(t, async () => [])
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.requests(record.id), 0)
    t.equal(activity.confirmedAt(record, now), null)
    end()
    t.equal(activity.flush(now), undefined)
  })

  t.test('that keeps nothing alive shows all the same that a browser has its cookie', async t => {
    const { activity, end } = await gathered(t, async () => [])
    activity.record(record, { ...visit, passive: true }, now)
    t.equal(activity.seenAt(record.id), 0)
    t.equal(activity.confirmedAt(record, now + 1), now + 1)
    t.equal(activity.confirmedAt({ ...record, generation: 1 }, now), null, 'but not the next one')
    end()
    t.equal(activity.requests(record.id), 0)
  })

  for (const [where, wrap] of [['in this process', <T> (value: T) => value], ['over a network', async <T> (value: T) => value]] as const) {
    t.test(`of many sessions is written in slices ${where}`, async t => {
      const sizes: number[] = []
      const { activity, counted } = await gathered(t, batch => { sizes.push(batch.length); return wrap([]) })
      for (let i = 0; i < 450; i++) activity.record({ ...record, id: `session ${i}` }, visit, now)
      await activity.flush(now)
      t.strictSame(sizes, [200, 200, 50])
      t.equal(await counted(), 450)
    })
  }

  t.test('that could not be written joins what came meanwhile: the newer place, the later instant, no count twice', async t => {
    const held = gate()
    const written: unknown[] = []
    let fails = true
    const { activity, counted } = await gathered(t, async batch => {
      await held.opened
      if (fails) throw new Error('away')
      written.push(...batch.map(touch => ({ ...touch })))
      return []
    })
    for (const id of ['moved', 'stayed']) activity.record({ ...record, id }, { ...visit, ip: '192.0.2.7', userAgent: 'wget/1' }, now)
    const first = activity.flush(now)
    activity.record({ ...record, id: 'moved' }, { ...visit, ip: '192.0.2.9', userAgent: 'Wget/2' }, now + 1)
    activity.record({ ...record, id: 'stayed' }, visit, now + 2)
    held.open()
    await first
    fails = false
    await activity.flush(now + 3)
    t.match(written, [
      { id: 'moved', ip: '192.0.2.9', userAgent: 'Wget/2', seenAt: now + 1, requestCount: 1 },
      { id: 'stayed', ip: '192.0.2.7', userAgent: 'wget/1', seenAt: now + 2, requestCount: 1 }
    ])
    t.equal(await counted(), 2)
  })
})

t.test('an instance recognises its own ends when the store sends them back, of the last ten thousand', async t => {
  const { core } = await testCore(t)
  const { session } = await (await open(t)).sessions.create({ userId: 'ada' })
  const ends = Array.from({ length: 10_003 }, (_, i) => toEnded({ ...session, id: `session ${i}` }, { reason: 'logout', by: null, at: session.createdAt }))
  const remote: string[] = []
  const onError = (error: unknown): void => { throw error }
  const heard = (notifier: EndNotifier): EndNotifier => { notifier.onRemoteEnd(({ id }) => { remote.push(id) }); return notifier }
  const alone = heard(new EndNotifier(core.events, { echoes: false, onError }))
  alone.ended(ends.slice(0, 1))
  alone.endedRemotely(ends[0] as EndedSession)
  t.strictSame(remote.splice(0), ['session 0'], 'a store that sends no own ends back')
  const notifier = heard(new EndNotifier(core.events, { echoes: true, onError }))
  notifier.ended(ends.slice(0, 10_002))
  notifier.endedRemotely(ends[0] as EndedSession)
  notifier.endedRemotely(ends[0] as EndedSession)
  t.strictSame(remote, ['session 0'], 'an end comes back once')
  notifier.ended(ends.slice(1, 2))
  notifier.ended(ends.slice(10_002))
  notifier.endedRemotely(ends[10_002] as EndedSession)
  t.equal(remote.length, 1)
})

t.test('a client that is new to a session is reported once, and again after ten thousand others', async t => {
  const record = await aRecord(t)
  const { core, events, clock } = await testCore(t, { assessRisk: () => 'challenge' })
  const risk = new RiskAssessor(core)
  const assess = (ip: string | null, userAgent: string | undefined, id = record.id): Promise<unknown> => risk.assess({ ...record, id }, { ip, userAgent, passive: false })
  t.equal(await assess('192.0.2.7', 'curl/8'), 'challenge')
  await assess('192.0.2.7', 'curl/8')
  await assess('192.0.2.1', 'wget/1')
  clock.now += 60_000
  await assess(null, undefined)
  t.match(events, [
    { type: 'ip-changed', from: '192.0.2.1', to: '192.0.2.7' },
    { type: 'user-agent-changed', from: 'curl/8', to: 'wget/1' },
    { type: 'ip-changed', to: null }, { type: 'user-agent-changed', to: null }
  ])
  for (let i = 0; i < 10_000; i++) await assess('192.0.2.7', 'curl/8', `session ${i}`)
  events.length = 0
  clock.now += 60_000
  await assess(null, undefined)
  t.equal(events.length, 2)
})

t.test('what was sent again is remembered until it is old enough', async t => {
  const successors = new Successors([secret], 'name')
  successors.resend('old', 1)
  successors.resend('new', 3)
  successors.forget(2)
  t.strictSame([successors.resentAt('old'), successors.resentAt('new')], [0, 3])
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

t.test('an adopted credential opens nothing more', async t => {
  const adopts = { credential: 'old cookie', source: 'express-session', until: Infinity }

  t.test('once its session is refused here, whatever the store still thinks', async t => {
    const { sessions } = await open(t, { store: { ...new Network().node(), end: async () => { throw new Error('away') } } })
    const { session } = await sessions.create({ userId: 'ada', adopts })
    await t.rejects(sessions.revoke(session.id, { reason: 'logout' }))
    await t.rejects(sessions.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_ENDED', reason: 'logout' })
  })

  t.test('once the privileges of its session have changed', async t => {
    const { sessions } = await open(t)
    const { token } = await sessions.create({ userId: 'ada', adopts })
    t.ok(await sessions.rotate(token))
    await t.rejects(sessions.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_ENDED', reason: 'superseded' })
  })
})

t.test('a store is timed whether it answers at once or later, and whether it fails', async t => {
  let fails = false
  const slow: Store = Object.assign(memoryStore(), { count: async () => { if (fails) throw new Error('away'); return { count: 7, cursor: null } } })
  const { sessions } = await open(t, { store: slow })
  t.equal(await sessions.count(), 7, 'nobody looks at the time')
  fails = true
  await t.rejects(sessions.count(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  const timed: string[] = []
  sessions.onStoreOperation(operation => { timed.push(operation) })
  await t.rejects(sessions.count())
  fails = false
  await sessions.count()
  await sessions.ping()
  t.strictSame(timed, ['count', 'count', 'ping'])
})

t.test('an error whose gaps nobody fills has none', t => {
  t.equal(new SessionError('FST_SESSION_ENDED').message, 'The session has ended (). Sign in again.')
  t.equal(new SessionError('FST_SESSION_ENDED', { values: ['idle-timeout'], cause: 'why' }).cause, 'why')
  t.end()
})

t.test('a cursor is of one list, whatever the order in which its filter is written', t => {
  const scope = { list: 'live', filter: { userId: 'ada', remembered: true, ip: '192.0.2.1' }, order: 'newest' } as const
  const cursor = encodeCursor(scope, [5, 'id'])
  t.strictSame(decodePosition({ ...scope, filter: { ip: '192.0.2.1', remembered: true, userId: 'ada' } }, cursor), [5, 'id'])
  t.throws(() => decodePosition({ ...scope, order: 'oldest' }, cursor), { code: 'FST_SESSION_INVALID_CURSOR' })
  for (const strange of [[], ['x'], [5], [5, 6], ['x', 'id'], [5, 'id', 1]]) t.throws(() => decodePosition(scope, encodeCursor(scope, strange)), { code: 'FST_SESSION_INVALID_CURSOR' }, JSON.stringify(strange))
  for (const strange of ['{}', '{', 'null']) t.throws(() => decodePosition(scope, Buffer.from(strange).toString('base64url')), { code: 'FST_SESSION_INVALID_CURSOR' }, strange)
  t.throws(() => decodePosition(scope, `${cursor}=`), { code: 'FST_SESSION_INVALID_CURSOR' })
  t.equal(decodePosition(scope, null), null)
  t.end()
})

t.test('what is really frequent is found among thousands, and no count is too low', t => {
  const [here, there] = [new TopK(), new TopK()]
  for (let i = 0; i < 2000; i++) {
    here.add(`rare ${i}`, null)
    if (i % 10 === 0) here.add('frequent', i % 30)
    there.add(`seldom ${i % 300}`, 7)
  }
  there.merge(here.toJSON(100))
  const [first] = there.top(1)
  t.equal(first?.key, 'frequent')
  t.ok((first?.sessions ?? 0) >= 200 && (first?.sessions ?? 0) - (first?.error ?? 0) <= 200)
  t.ok((first?.users ?? 0) >= 3)
  t.equal(there.toJSON(1000).length, 200, 'in bounded memory')
  t.end()
})

t.test('nobody is 0 users, never -0', t => {
  const tops = new TopK()
  tops.add('guests', null)
  t.ok(Object.is(tops.top(1)[0]?.users, 0))
  t.end()
})

t.test('whatever is counted again is not the least frequent any more', t => {
  const tops = new TopK()
  for (let i = 0; i < 200; i++) tops.add(`key ${i}`, null)
  for (const key of ['first', 'key 1', 'second']) tops.add(key, null)
  const keys = tops.top(200).map(({ key }) => key)
  t.strictSame(['key 0', 'key 1', 'key 2', 'key 3', 'first', 'second'].filter(key => !keys.includes(key)), ['key 0', 'key 2'])
  t.end()
})

t.test('over a sealed store', async t => {
  const encryption = (key: string) => ({ keys: key.repeat(40), ip: true, userAgent: true })

  t.test('numbers that were sealed by somebody else count nothing, and harm nobody', async t => {
    const network = new Network()
    const clock = { now: Date.UTC(2026, 0, 1) }
    const node = async (key: string) => {
      const sessions = await new SessionManager({ secret, now: () => clock.now, store: network.node(), encryption: encryption(key) }).open()
      t.teardown(() => sessions.close())
      return sessions
    }
    const [ours, theirs] = [await node('a'), await node('b')]
    await ours.create({ userId: 'ada' })
    const { session } = await theirs.create({ userId: 'bob' })
    for (const node of [ours, theirs, ours]) t.match(await node.statistics(), { created: 1 })
    await ours.ping()
    t.equal(await ours.count(), 2)
    t.match((await ours.list({ userId: 'bob' })).items, [{ id: session.id, ip: null }], 'what does not open is not shown')
    await theirs.revoke(session.id)
    t.match((await ours.history()).items, [{ id: session.id }])
    t.equal(await ours.rename(session.id, 'Laptop'), null)
    clock.now += 13 * 60 * minute
    t.equal(await ours.cleanup(), 1)
  })
})

t.test('an app whose data names the user', async t => {
  const { send, app } = await testApp(t, { resolveUserId: data => data['user'] as string | number | null }, app => {
    app.post('/anew', async request => {
      await request.session.regenerate(request.body as string[])
      return {}
    })
  })
  const guest = cookieOf(await send('/data', { method: 'POST', payload: { user: null, cart: ['tea'] } }))
  t.match((await send('/who', { cookie: guest })).json(), { userId: null, data: { cart: ['tea'] } })
  const ada = cookieOf(await send('/data', { method: 'POST', payload: { user: 7 }, cookie: guest }))
  t.match((await send('/who', { cookie: ada })).json(), { userId: '7', data: { user: 7, cart: ['tea'] } })
  const left = cookieOf(await send('/anew', { method: 'POST', payload: ['cart'], cookie: ada }))
  t.match((await send('/who', { cookie: left })).json(), { userId: null, data: { cart: ['tea'] } }, 'the user is gone, the cart is not')
  t.match((await send('/who', { cookie: ada })).json(), { userId: null, data: {} })
  const again = cookieOf(await send('/data', { method: 'POST', payload: { user: 'ada' } }))
  await send('/anew', { method: 'POST', payload: [], cookie: again })
  t.equal(await app.sessions.count({ userId: 'ada' }), 0, 'of nothing, no session')
  t.strictSame(setCookies(await send('/anew', { method: 'POST', payload: [] })), [])
})

/** Another library, whose cookie `old` is the name of its user, or nobody's. */
const oldLibrary: LegacyAdapter = {
  name: 'old',
  identifies: true,
  cookies: [{ name: 'old' }],
  match: cookies => cookies.genuine([{ name: 'old' }], value => value),
  load: async credential => credential === 'nobody' ? null : { userId: credential, data: {}, expiresAt: null }
}

t.test('a span names the session that an old cookie opens', async t => {
  const spans: string[] = []
  const trace = { getActiveSpan: () => ({ setAttribute: (name: string, value: string) => { spans.push(`${name} ${value}`) } }) }
  const { send } = await testApp(t, { otel: { trace }, migrate: { adapters: [oldLibrary], until: Date.UTC(2026, 1, 1) } })
  t.equal((await send('/public', { cookie: 'old=nobody' })).statusCode, 200)
  t.strictSame(spans, [])
  const { id } = (await send('/me', { cookie: 'old=ada' })).json<{ id: string }>()
  t.strictSame([...new Set(spans)], [`session.id ${id}`])
})

t.test('whoever brings no cookie at all signs in, keeps data and signs out beside an old library', async t => {
  const { send, app } = await testApp(t, { migrate: { adapters: [oldLibrary], until: Date.UTC(2026, 1, 1) } }, app => {
    app.post('/all', async ({ session }) => {
      await session.login('ada')
      session.set('cart', ['tea'])
      await session.save()
      const answer = { data: session.data(), same: session.sessionId === session.id && session.id !== null }
      await session.logout()
      return answer
    })
  })
  t.strictSame((await send('/all', { method: 'POST' })).json(), { data: { cart: ['tea'] }, same: true })
  t.equal(await app.sessions.count(), 0)
})

t.test('a guard within a handler says that the store fails, where it does', async t => {
  let fails = false
  const memory = memoryStore()
  const read = memory.read.bind(memory)
  const store: Store = Object.assign(memory, { read: (id: string) => { if (fails) throw new Error('away'); return read(id) } })
  const { send, signIn } = await testApp(t, { store }, app => {
    app.get('/guarded', { preHandler: async (request, reply) => app.requireSession(request, reply) }, async () => ({}))
  })
  const cookie = await signIn()
  t.equal((await send('/guarded')).statusCode, 401)
  t.equal((await send('/guarded', { cookie })).statusCode, 200)
  fails = true
  t.equal((await send('/guarded', { cookie })).statusCode, 503)
})

t.test('data that is empty makes no session, and takes no reason away', async t => {
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/empty', async ({ session }, reply) => { session.set('flash', {}); return reply.code(401).send({}) })
  })
  const cookie = await signIn()
  await app.sessions.revokeUser('ada')
  t.strictSame(setCookies(await send('/empty', { cookie })), [])
  t.strictSame(setCookies(await send('/empty')), [])
  t.equal(await app.sessions.count(), 0)
})

t.test('a cookie that is due while others change its session', async t => {
  const due = { rotateAfter: '1h', idleTimeout: '1d', absoluteTimeout: '7d' } as const

  t.test('is renewed once for two requests at a time', async t => {
    const { sessions, clock } = await open(t, { store: new Network().node(), ...due })
    const { token } = await sessions.create({ userId: 'ada' })
    clock.now += 2 * 60 * minute
    const [first, second] = await Promise.all([1, 2].map(async () => sessions.validate(token, { ...visit, strict: true })))
    t.ok(first instanceof Rotation && second instanceof Rotation && first.token === second.token)
  })

  t.test('is refused with the reason if the session has ended', async t => {
    const record = await aRecord(t)
    const ended = toEnded(record, { reason: 'logout', by: 'user', at: record.createdAt })
    const { sessions, clock } = await open(t, { store: { ...new Network().node(), update: async () => ({ status: 'gone', ended }) }, ...due })
    const { token } = await sessions.create({ userId: 'ada' })
    clock.now += 2 * 60 * minute
    t.match(await sessions.validate(token, visit), new Rejection('ended', 'logout'))
  })

  t.test('ends all sessions of its user if it is an old copy, and the app wants that; of a guest, the one', async t => {
    const { sessions, clock } = await open(t, { onTokenReuse: 'user', maxSessions: 5 })
    for (const [userId, left] of [['ada', 0], [null, 1]] as const) {
      const { token } = await sessions.create({ userId })
      await sessions.create({ userId })
      const next = await sessions.rotate(token)
      await sessions.rotate(next?.token ?? '')
      clock.now += 10 * minute
      t.match(await sessions.validate(token, visit), new Rejection('ended', 'token-reuse'))
      t.equal(await sessions.count(), left)
    }
  })
})

t.test('a sweep in an outage says so', async t => {
  const { sessions } = await open(t, { store: { ...new Network().node(), cleanup: async () => { throw new Error('away') } } })
  await t.rejects(sessions.cleanup(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
})

t.test('a socket hears through its request that its session ends', async t => {
  const heard: string[] = []
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/socket', async ({ session }) => { session.onEnd(({ reason }) => { heard.push(reason) }); return {} })
  })
  await send('/socket', { cookie: await signIn() })
  await app.sessions.revokeUser('ada')
  t.strictSame(heard, ['revoked'])
})

t.test('what is remembered of devices and of ends is bounded', async t => {
  const names = Array.from({ length: 1500 }, (_, i) => browserOf(`Browser ${'x'.repeat(i % 7)}${i}a 1.2|Linux|desktop`))
  t.equal(new Set(names).size, 1500)
  t.equal(browserOf('Firefox 144|Linux|desktop'), 'Firefox')
  const record = await aRecord(t)
  let tell = (_session: EndedSession): void => {}
  const feed = new RecentEvents({ on: () => () => {}, onRemoteEnd: listener => { tell = listener; return () => {} } })
  const end = (id: string): void => { tell(toEnded({ ...record, id }, { reason: 'logout', by: null, at: record.createdAt })) }
  let items = 0
  feed.listen(() => { items++ })
  for (let i = 0; i < 201; i++) end(`session ${i}`)
  end('session 200')
  t.equal(items, 201, 'each once')
  end('session 0')
  t.equal(items, 202, 'but for one that is long forgotten')
})
