import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { memoryStore } from '../../../lib/index.ts'
import type { SessionPluginOptions, StoreListener } from '../../../lib/index.ts'
import { toEnded } from '../../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../../lib/model/record.ts'
import { EventStream } from '../../../routes/event-stream.ts'
import { ExpiryWarnings } from '../../../routes/user/expiry-warnings.ts'
import { adminApi, adminApp } from '../../helpers/admin.ts'
import { api, firefox, gate, setCookies, testApp } from '../../helpers/app.ts'
import { SseClient } from '../../helpers/sse.ts'
import { unknownDevice } from '../../../lib/model/device.ts'
import { plainRecord } from '../../helpers/records.ts'

type Test = { teardown: (fn: () => unknown) => void }
const minute = 60_000

async function live (t: Test, options: SessionPluginOptions = {}) {
  const app = await testApp(t, { flushInterval: 10, ...options })
  const url = await app.app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...app,
    url,
    open: (cookie: string, headers: Record<string, string> = {}) =>
      SseClient.open(`${url}${api}/events`, { cookie, 'user-agent': firefox, ...headers })
  }
}

async function watched (t: Test, options: SessionPluginOptions = {}) {
  const app = await adminApp(t, { flushInterval: 10, ...options })
  const url = await app.app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...app,
    open: (headers: Record<string, string> = {}, cookie = app.cookie) =>
      SseClient.open(`${url}${adminApi}/events`, { cookie, 'user-agent': firefox, ...headers })
  }
}

t.test('a page learns that its session ended, and why', async t => {
  const { open, signIn, send, app } = await live(t, { eventStream: { heartbeat: 10 } })
  const cookie = await signIn()
  const [first, second] = [await open(cookie), await open(cookie)]
  t.match(first.response.headers, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no'
  })
  t.match(await first.next(), {
    event: 'session',
    data: { now: '2026-01-01T00:00:00.000Z', idleLeft: 1800, absoluteLeft: 43_200, extendable: true }
  })
  await first.beaten(2)
  await second.next()
  await send(`${api}/logout`, { cookie, method: 'POST' })
  for (const tab of [first, second]) {
    t.match(await tab.next(), { event: 'ended', data: { reason: 'logout', endedAt: '2026-01-01T00:00:00.000Z' } })
    await tab.closed
  }
  const other = await signIn()
  const tab = await open(other)
  await tab.next()
  await app.sessions.revokeUser('ada')
  t.match(await tab.next(), { event: 'ended', data: { reason: 'revoked' } })
})

t.test('a page learns that another session of its user began or ended, and nothing of other users', async t => {
  const { open, signIn, app } = await live(t)
  const cookie = await signIn()
  const [first, second] = [await open(cookie), await open(cookie)]
  await Promise.all([first.next(), second.next()])
  await signIn('bob')
  await app.sessions.create({ ip: '192.0.2.1' })
  const { session } = await app.sessions.create({ userId: 'ada' })
  for (const tab of [first, second]) t.same(await tab.next(), { event: 'devices', data: {} })
  second.leave()
  await app.sessions.revoke(session.id)
  t.same(await first.next(), { event: 'devices', data: {} })
})

t.test('a page learns that its session is about to end, can extend it, and all tabs see the truth', async t => {
  const { open, signIn, send, clock, app } = await live(t)
  const cookie = await signIn()
  const [first, second] = [await open(cookie), await open(cookie)]
  await Promise.all([first.next(), second.next()])
  clock.now += 28 * minute
  for (const tab of [first, second]) t.match(await tab.next(), { event: 'expiring', data: { idleLeft: 120, extendable: true } })
  clock.now += 5000
  await send(`${api}/refresh`, { cookie, method: 'POST' })
  for (const tab of [first, second]) t.match(await tab.next(), { event: 'session', data: { idleLeft: 1800 } })
  clock.now += 29 * minute
  for (const tab of [first, second]) t.match(await tab.next(), { event: 'expiring', data: { idleLeft: 60 } })
  await send('/me', { cookie })
  for (const tab of [first, second]) { t.match(await tab.next(), { event: 'session', data: { idleLeft: 1800 } }, 'any request of any tab extends it') }
  clock.now += 31 * minute
  await app.sessions.cleanup()
  for (const tab of [first, second]) t.match(await tab.next(), { event: /ended|expiring/ })
})

t.test('near the absolute end nothing can extend a session, and it says so', async t => {
  const { open, signIn, send, clock } = await live(t, { idleTimeout: '20m', absoluteTimeout: '30m' })
  const cookie = await signIn()
  clock.now += 15 * minute
  await send('/me', { cookie })
  const tab = await open(cookie)
  t.match(await tab.next(), { data: { idleLeft: 900, absoluteLeft: 900, extendable: false } })
  clock.now += 13 * minute + 30_000
  t.match(await tab.next(), { event: 'expiring', data: { absoluteLeft: 90, extendable: false } })
})

t.test('listening does not extend a session, and nobody listens without one', async t => {
  const { open, signIn, clock, send, url } = await live(t)
  const cookie = await signIn()
  clock.now += 29 * minute
  const tab = await open(cookie)
  t.match(await tab.next(), { event: 'session', data: { idleLeft: 60 } })
  t.match(await tab.next(), { event: 'expiring', data: { idleLeft: 60 } }, 'it is near from the start')
  tab.leave()
  await tab.closed
  clock.now += minute
  t.equal((await send('/me', { cookie })).statusCode, 401)
  t.equal((await open(cookie)).response.statusCode, 401)
  t.equal((await open('')).response.statusCode, 401)
  t.equal((await fetch(`${url}${api}/events`, { method: 'HEAD' })).status, 404)
})

t.test('a new cookie leaves with the stream, and a session that ended meanwhile is told', async t => {
  const store = memoryStore()
  const { open, signIn, clock, app } = await live(t, { store, remember: { rotateAfter: '2m' } })
  const cookie = await signIn('ada', { remember: true })
  clock.now += 3 * minute
  const tab = await open(cookie)
  t.match(setCookies({ headers: tab.response.headers } as never), [/^sid=/])
  t.match(await tab.next(), { event: 'session' })
  const raced = await signIn('bob')
  const forgotten = await signIn('eve')
  const read = store.read.bind(store)
  let reads = 0
  store.read = id => {
    // after the cookie was judged, before the stream listens
    if (reads++ === 1) store.end({ ids: [id] }, { reason: 'revoked', by: null })
    return read(id)
  }
  const late = await open(raced)
  t.match(await late.next(), { event: 'ended', data: { reason: 'revoked' } })
  await late.closed
  reads = 0
  store.read = id => reads++ === 1 ? null : read(id)
  t.match(await (await open(forgotten)).next(), { event: 'ended', data: { reason: null } }, 'nobody remembers why')
  store.read = read
  await app.close()
  await tab.closed
})

t.test('while the store fails nobody is told anything, and nobody is lost', async t => {
  const store = memoryStore()
  const { open, signIn, clock, send } = await live(t, { store })
  const cookie = await signIn()
  const tab = await open(cookie)
  await tab.next()
  const read = store.read.bind(store)
  const failed = new Promise<void>(resolve => { store.read = () => { resolve(); throw new Error('gone') } })
  clock.now += 29 * minute
  await failed
  store.read = read
  t.match(await tab.next(), { event: 'expiring' })
  t.equal((await send('/public')).statusCode, 200)
})

t.test('lengths of the streams are checked', async t => {
  for (const live of [{ heartbeat: 5 }, { heartbeat: '1h' }, { expiryWarning: '5s' }, { heartbeat: 'soon' }]) {
    await t.rejects(testApp(t, { eventStream: live } as SessionPluginOptions), { code: 'FST_SESSION_INVALID_OPTION' })
  }
})

t.test('an admin sees what was, and what happens, and misses nothing on coming back', async t => {
  const { open, signIn, app, send } = await watched(t, { eventStream: { heartbeat: 10 } })
  await signIn('ada')
  const stream = await open()
  t.match(await stream.next(), {
    id: /^[\w-]{8}\.\d+$/,
    data: {
      type: 'created',
      userId: 'root',
      at: '2026-01-01T00:00:00.000Z',
      level: 'info',
      security: false,
      text: 'session created',
      details: {
        device: { browser: 'Firefox', version: '144', os: 'Linux', type: 'desktop' },
        deviceLabel: 'Firefox on Linux',
        ip: '127.0.0.1',
        remembered: false
      }
    }
  })
  t.match(await stream.next(), { data: { type: 'created', userId: 'ada' } })
  t.match(await stream.next(), { data: { type: 'admin-action', details: { action: 'watch', by: 'root' } } })
  const [session] = await app.sessions.listByUser('ada')
  await app.sessions.revoke(session?.id ?? '', { by: 'job' })
  const ended = await stream.next()
  t.match(ended, { data: { type: 'ended', id: session?.id, details: { reason: 'revoked', by: 'job', deviceLabel: 'Firefox on Linux' } } })
  t.notMatch(JSON.stringify(ended), /"session"|hash/)
  await stream.beaten(3)
  stream.leave()
  await stream.closed
  await send('/me', { headers: { cookie: 'sid=forged.forged' } })
  const again = await open({ 'last-event-id': ended.id ?? '' })
  t.match(await again.next(), { data: { type: 'bad-signature', security: true, level: 'error' } })
  for (const id of ['elsewhere.5', 'junk', `${ended.id ?? ''}5`]) {
    const other = await open({ 'last-event-id': id })
    t.match(await other.next(), { data: { type: id.endsWith('5') && !id.startsWith('e') ? 'admin-action' : 'created' } }, id)
  }
})

t.test('what happens often does not push out what matters', async t => {
  const { open, app, get } = await watched(t)
  await app.inject({ url: '/me', headers: { cookie: 'sid=forged.forged' } })
  for (let i = 0; i < 250; i++) await app.sessions.create({})
  for (let i = 0; i < 250; i++) await get('/')
  await app.sessions.cleanup()
  const stream = await open()
  t.match(await stream.next(), { data: { type: 'bad-signature' } })
  for (let i = 0; i < 200; i++) t.match(await stream.next(), { data: { type: 'created', userId: null } })
  t.match(await stream.next(), { data: { type: 'admin-action', details: { action: 'watch' } } })
})

t.test('ends on other nodes are seen', async t => {
  let tell: StoreListener | null = null
  const store = Object.assign(memoryStore(), {
    subscribe: (listener: StoreListener) => {
      tell = listener
      return { probe: async () => {}, close: () => {} }
    }
  })
  const { open, app } = await watched(t, { store })
  const stream = await open()
  await stream.next()
  await stream.next()
  const elsewhere: string[] = []
  const stop = app.sessions.onRemoteEnd(session => { elsewhere.push(session.id) })
  const session = {
    id: 'AAAAAAAAAAAAAAAAAAAAAA',
    userId: 'ada',
    reason: 'revoked',
    by: 'other node',
    createdAt: 0,
    lastSeenAt: 0,
    endedAt: 5,
    requestCount: 1,
    remembered: false,
    ip: null,
    device: unknownDevice,
    deviceName: null
  } as const
  const listener = tell as StoreListener | null
  listener?.ended(session)
  t.match(await stream.next(), { data: { type: 'ended', userId: 'ada', details: { by: 'other node', deviceLabel: 'Unknown device' } } })
  stop()
  listener?.ended(session)
  t.strictSame(elsewhere, [session.id])
})

t.test('the stream closes with the session of the admin, with the right to it, and with the app', async t => {
  let allowed: boolean | Error = true
  const { open, signIn, send, app } = await watched(t, {
    eventStream: { heartbeat: 10 },
    admin: {
      authorize: async () => {
        if (allowed instanceof Error) throw allowed
        return allowed
      }
    }
  })
  const mine = await signIn('root')
  const first = await open({}, mine)
  await send(`${api}/logout`, { cookie: mine, method: 'POST' })
  await first.closed
  const second = await open()
  allowed = false
  await second.closed
  t.equal((await open()).response.statusCode, 403)
  allowed = true
  const third = await open({}, '')
  allowed = new Error('who knows')
  await third.closed
  allowed = true
  const fourth = await open()
  await app.close()
  await fourth.closed
  t.ok(fourth.response.complete)
})

t.test('the stream of an admin closes when the session loses the right, although its request was made with it', async t => {
  const { open, signIn, app } = await watched(t, {
    eventStream: { heartbeat: 10 },
    admin: { authorize: ({ session }) => session.get('role') === 'admin' }
  })
  const cookie = await signIn('boss')
  const [session] = await app.sessions.listByUser('boss')
  await app.sessions.update(session?.id as string, { role: 'admin' })
  const stream = await open({}, cookie)
  await stream.beaten(3)
  t.notOk(stream.response.closed)
  await app.sessions.update(session?.id as string, { role: 'user' })
  await stream.closed
  t.equal((await open({}, cookie)).response.statusCode, 403)
})

t.test('an authorize that hangs closes its own stream only, and neither other streams nor the end of the app wait for it', async t => {
  const hanging = gate()
  let hang = false
  const { open, signIn, app } = await watched(t, {
    eventStream: { heartbeat: 10 },
    admin: { authorize: async ({ session }) => { if (hang && session.userId === 'slow') await hanging.opened; return true } }
  })
  const slow = await open({}, await signIn('slow'))
  const quick = await open()
  hang = true
  await slow.closed
  const { beats } = quick
  await quick.beaten(beats + 3)
  hang = true
  t.notOk(quick.response.closed)
  await app.close()
  await quick.closed
  hanging.open()
})

t.test('an admin whose session ended while authorize was waiting gets no stream that stays open', async t => {
  const asked = gate()
  const go = gate()
  let waits = false
  const { open, signIn, app } = await watched(t, {
    admin: {
      authorize: async () => {
        if (waits) {
          asked.open()
          await go.opened
        }
        return true
      }
    }
  })
  const cookie = await signIn('boss')
  waits = true
  const opening = open({}, cookie)
  await asked.opened
  waits = false
  await app.sessions.revokeUser('boss')
  go.open()
  await (await opening).closed
  t.pass('closed')
})

t.test('a client that does not read is dropped', async t => {
  const { open, app } = await watched(t)
  const stream = await open()
  const gone = new Promise<void>(resolve => { stream.response.on('aborted', resolve) })
  stream.pause()
  for (let i = 0; i < 40_000 && app.server.listening; i++) {
    app.sessions.core.events.emit({ type: 'bad-signature', at: 0, id: null, userId: 'x'.repeat(200), ip: 'y'.repeat(200), count: i })
    if (i % 1000 === 0) await new Promise(resolve => { setImmediate(resolve) })
  }
  stream.response.resume()
  await gone
  t.notOk(stream.response.complete)
})

t.test('a deadline is told when it comes near and when it moves, and of no session that has gone', async t => {
  const record = plainRecord({ id: 'a' })
  let now = 0
  const answers: (SessionRecord | EndedSession | null | (() => SessionRecord))[] = []
  const deadlines = new ExpiryWarnings({
    now: () => now, warning: 20_000, every: 1e9,
    get: async () => {
      const answer = answers.shift() ?? null
      return typeof answer === 'function' ? answer() : answer
    }
  })
  t.teardown(() => deadlines.close())
  const told: [number, boolean][] = []
  const stop = deadlines.watch(record, ({ record, expiring: near }) => { told.push([record.lastSeenAt, near]) })
  const look = async (answer: typeof answers[number]): Promise<void> => {
    answers.push(answer)
    await deadlines.check()
  }
  await deadlines.check()
  now = 600
  await look({ ...record, lastSeenAt: 50 })
  await look({ ...record, lastSeenAt: 50 })
  await look({ ...record, lastSeenAt: 90 })
  await look(null)
  await look(toEnded(record, { reason: 'logout', by: null, at: 0 }))
  await look({ ...record, lastSeenAt: 600 })
  t.strictSame(told, [[50, true], [90, true], [600, false]])
  now = 1200
  await look(() => { stop(); return record })
  t.equal(told.length, 3, 'who has left is told nothing')
})

t.test('a stream whose client has gone leaves at once', async t => {
  const raw = new ServerResponse(new IncomingMessage(new Socket()))
  const stream = new EventStream(raw, { onBeat: () => {} })
  let left = 0
  stream.onClose(() => { left++ })
  raw.emit('error', new Error('reset'))
  t.equal(left, 1)
  stream.close()
  stream.send({ data: 'nobody hears' })
  stream.onClose(() => { left++ })
  t.equal(left, 2)
  raw.destroy()
  stream.onClose(() => { left++ })
  t.equal(left, 3)
})
