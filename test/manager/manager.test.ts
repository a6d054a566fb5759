import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { Timer } from '../../lib/async.ts'
import { eventChannelName, eventMeanings, memoryStore, Rejection, Rotation, SessionError, SessionManager } from '../../lib/index.ts'
import type { SessionEvent, SessionManagerOptions, SessionRecord, Store } from '../../lib/index.ts'
import { decodeToken, encodeToken, hashVerifier, newId, newVerifier, shardOf } from '../../lib/token/token.ts'
import { gate, secret } from '../helpers/app.ts'
import { Network } from '../helpers/network.ts'

const minute = 60_000
const visit = { ip: '192.0.2.1', userAgent: 'curl/8', passive: false }

async function open (
  t: { teardown: (fn: () => unknown) => void },
  options: SessionManagerOptions = {}
): Promise<{ sessions: SessionManager; clock: { now: number }; events: SessionEvent[] }> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const events: SessionEvent[] = []
  const sessions = await new SessionManager({ secret, now: () => clock.now, ...options }).open()
  sessions.on('*', event => {
    events.push(event)
  })
  t.teardown(() => sessions.close())
  return { sessions, clock, events }
}

const present = (token: string) => {
  const decoded = decodeToken(token)
  if (decoded === null) throw new Error('no token')
  return { id: decoded.id, generation: decoded.generation, hash: hashVerifier(decoded.verifier), token }
}

t.test('works without HTTP: create, validate, list, count, end', async t => {
  const { sessions, events } = await open(t)
  const { session, token, ended } = await sessions.create({
    userId: 'ada',
    method: ['password', 'totp'],
    data: { role: 'admin' },
    ip: '::ffff:192.0.2.1',
    userAgent: 'curl/8'
  })
  t.match(session, {
    userId: 'ada',
    methods: ['password', 'totp'],
    ip: '192.0.2.1',
    userAgent: 'curl/8',
    device: { browser: 'curl', version: null, os: null, type: 'tool' },
    requestCount: 0,
    remembered: false
  })
  t.strictSame(ended, [])
  t.match(await sessions.validate('no token', visit), new Rejection('unknown', null))
  t.equal(await sessions.rotate('no token'), null)
  t.match(await sessions.validate(token, visit), { id: session.id })
  t.match(await sessions.get(session.id), { requestCount: 1 })
  t.equal(await sessions.count(), 1)
  t.equal(await sessions.count({ userId: 'bob' }), 0)
  t.match((await sessions.list({ userId: 'ada' })).items, [{ id: session.id }])
  t.match(await sessions.revoke(session.id, { by: 'job' }), { reason: 'revoked', by: 'job' })
  t.equal(await sessions.revoke(session.id), null, 'once')
  t.match(await sessions.validate(present(token), visit), new Rejection('ended', 'revoked'))
  t.match((await sessions.history({ userId: 'ada' })).items, [{ id: session.id, by: 'job' }])
  t.strictSame(events.map(event => event.type), ['created', 'ended', 'ended-session-used'])
  t.match(sessions.store, { name: 'memory', scope: 'process', durable: false })
})

t.test('a token of another session, or a guessed verifier, opens nothing', async t => {
  const { sessions } = await open(t)
  const { token } = await sessions.create({ userId: 'ada' })
  t.match(await sessions.validate({ ...present(token), hash: 'x'.repeat(43) }, visit), new Rejection('unknown', null))
  t.match(await sessions.validate({ ...present(token), id: newId(0, sessions.now()) }, visit), new Rejection('unknown', null))
  t.equal(await sessions.rotate({ ...present(token), token: 'x' }), null)
  t.equal(await sessions.rotate({ ...present(token), hash: 'x'.repeat(43) }), null)
})

t.test('data changes key by key, names come and go, and what has ended does not change', async t => {
  const { sessions } = await open(t)
  const { session } = await sessions.create({ userId: 'ada', data: { a: 1, b: 2 } })
  t.strictSame({ ...(await sessions.update(session.id, { b: undefined, c: [3] }))?.data }, { a: '1', c: '[3]' })
  t.match(await sessions.rename(session.id, 'Laptop'), { deviceName: 'Laptop' })
  t.match(await sessions.extend(session.id), { id: session.id })
  await sessions.revoke(session.id)
  t.equal(await sessions.update(session.id, { a: 2 }), null)
  t.equal(await sessions.rename(session.id, null), null)
  t.equal(await sessions.extend(session.id), null)
})

t.test("a user's sessions end together, but the one that is kept", async t => {
  const { sessions } = await open(t)
  const [first, second] = [await sessions.create({ userId: 5 }), await sessions.create({ userId: '5' })]
  t.equal((await sessions.listByUser(5)).length, 2)
  t.match(await sessions.revokeUser(5, { except: first.session.id, by: 'admin' }), [
    { id: second.session.id, by: 'admin', reason: 'revoked' }
  ])
  t.equal((await sessions.revokeUser('5')).length, 1)
  t.strictSame(await sessions.revokeUser('5'), [])
  t.strictSame(await sessions.revokeMany([first.session.id, 'unknown']), [])
})

t.test('what matches a filter ends in bounded steps', async t => {
  const { sessions, clock } = await open(t)
  for (let i = 0; i < 7; i++) {
    clock.now++
    await sessions.create({ userId: `u${i}`, userAgent: i < 5 ? 'curl/8' : 'wget/1' })
  }
  let cursor: string | null = null
  let ended = 0
  let steps = 0
  do {
    const step: Awaited<ReturnType<SessionManager['revokeWhere']>> = await sessions.revokeWhere({ browser: 'curl' }, { limit: 2, cursor })
    ended += step.ended.length
    cursor = step.cursor
    steps++
  } while (cursor !== null)
  t.equal(ended, 5)
  t.ok(steps >= 3)
  t.equal(await sessions.count(), 2)
  t.equal((await sessions.revokeWhere({})).ended.length, 2)
})

t.test('pages follow each other', async t => {
  const { sessions, clock } = await open(t)
  for (let i = 0; i < 5; i++) {
    clock.now++
    await sessions.create({ userId: 'ada' })
  }
  const first = await sessions.list({}, { limit: 2, order: 'oldest' })
  const second = await sessions.list({}, { limit: 2, order: 'oldest', cursor: first.cursor })
  t.ok((first.items[1]?.createdAt ?? 0) < (second.items[0]?.createdAt ?? 0))
  t.equal((await sessions.listByUser('ada')).length, 5)
})

t.test('limits: a function of the user, the idle first, or a refusal', async t => {
  const perUser = await open(t, { maxSessions: { max: userId => userId === 'vip' ? Infinity : 1 } })
  for (let i = 0; i < 3; i++) for (const userId of ['vip', 'ada']) await perUser.sessions.create({ userId })
  t.strictSame([await perUser.sessions.count({ userId: 'vip' }), await perUser.sessions.count({ userId: 'ada' })], [3, 1])

  const idle = await open(t, { maxSessions: { max: 2, onExceeded: 'evict-idle' } })
  const [first, second] = [await idle.sessions.create({ userId: 'ada' }), await idle.sessions.create({ userId: 'ada' })]
  idle.clock.now += minute
  await idle.sessions.validate(present(first.token), visit)
  t.match(await idle.sessions.create({ userId: 'ada' }), { ended: [{ id: second.session.id, reason: 'evicted' }] })

  const reject = await open(t, { maxSessions: { max: 1, onExceeded: 'reject' } })
  const { session } = await reject.sessions.create({ userId: 'ada' })
  await t.rejects(reject.sessions.create({ userId: 'ada' }), { code: 'FST_SESSION_LIMIT_REACHED' })
  t.match(reject.events.at(-1), { type: 'login-rejected', userId: 'ada', max: 1 })
  await reject.sessions.create({ userId: 'ada', replaces: session.id })
})

t.test('a cleanup ends expired sessions in batches, and joins a cleanup in progress', async t => {
  const { sessions, clock, events } = await open(t)
  for (let i = 0; i < 450; i++) await sessions.create({ userId: `u${i}` })
  clock.now += 31 * minute
  await Promise.all([sessions.cleanup(), sessions.cleanup()])
  t.equal(events.filter(event => event.type === 'ended' && event.reason === 'idle-timeout').length, 450)
  t.match(events.filter(event => event.type === 'cleanup'), [{ ended: 450 }])
  t.match(await sessions.statistics(), { live: 0, users: 0 })
})

t.test('statistics count created and ended sessions and requests, and list the top N', async t => {
  const { sessions, clock } = await open(t)
  const { token } = await sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: 'curl/8', remember: true })
  await sessions.create({ userId: 'bob', ip: '192.0.2.1' })
  await sessions.create({ ip: '2001:db8::1' })
  const { session } = await sessions.create({ userId: 'bob', ip: '192.0.2.1', userAgent: 'curl/8' })
  for (let i = 0; i < 3; i++) await sessions.validate(present(token), visit)
  await sessions.flush()
  await sessions.revoke(session.id)
  await sessions.validate(present(token), { ...visit, ip: '192.0.2.9' })
  const day = await sessions.statistics()
  t.match(day, {
    range: '24h',
    interval: 3_600_000,
    live: 3,
    users: 2,
    guests: 1,
    remembered: 1,
    created: 4,
    createdRemembered: 1,
    requests: 3,
    ended: { revoked: 1 },
    security: { 'ip-changed': 1 }
  })
  t.match(day.topIps, [{ key: '192.0.2.1', sessions: 3, users: 2, error: 0 }, { key: '2001:db8::/64', sessions: 1, users: 0 }])
  t.match(day.topBrowsers, [{ key: 'curl', sessions: 2 }, { key: 'Unknown', sessions: 2 }])
  t.equal(day.buckets.length, 24)
  t.match(day.buckets.at(-1), { created: 4, live: 0 })
  t.match(day.lifetimes[0], { below: minute, count: 1 })
  const hour = await sessions.statistics('1h')
  t.match(hour, { interval: 300_000, created: 4, topIps: [{ key: '192.0.2.1' }] })
  t.equal(hour.buckets.length, 12)
  clock.now += 10 * minute
  await sessions.create({ userId: 'eve' })
  t.match((await sessions.statistics('1h')).buckets.slice(-3).map(bucket => bucket.created), [4, 0, 1])
  t.equal((await sessions.statistics('7d')).buckets.length, 168)
  t.equal((await sessions.statistics('30d')).buckets.length, 720)
  clock.now += 3 * 3_600_000
  t.match(await sessions.statistics('1h'), { created: 0 })
})

t.test('many nodes and much time add up, in bounded slices', async t => {
  const store = memoryStore()
  const kept = new Map<string, number>()
  const observe = store.saveStatistics.bind(store)
  store.saveStatistics = slice => {
    kept.set(`${slice.node} ${slice.start} ${slice.interval}`, Buffer.byteLength(slice.value))
    return observe(slice)
  }
  const clock = { now: Date.UTC(2026, 0, 1) }
  for (let node = 0; node < 3; node++) {
    const sessions = await new SessionManager({ secret, store, now: () => clock.now, maxSessions: Infinity }).open()
    for (let i = 0; i < 300; i++) { await sessions.create({ userId: `${'ü'.repeat(90)}${i % 5}`, ip: `10.0.${node}.${i % 250}`, userAgent: `${'x'.repeat(60)}${i}/1` }) }
    for (let i = 0; i < 20; i++) {
      clock.now += 60 * minute
      await sessions.create({ userId: 'ada', ip: '192.0.2.1' })
      await sessions.statistics('1h')
    }
    await sessions.close()
  }
  const sessions = await new SessionManager({ secret, store, now: () => clock.now }).open()
  t.teardown(() => sessions.close())
  const week = await sessions.statistics('7d')
  t.match(week, {
    created: 960,
    topIps: [{ key: '192.0.2.1', sessions: 60, users: 1 }],
    topUsers: [{ sessions: 900 }, { key: 'ada', sessions: 60 }]
  })
  t.ok([...kept.values()].every(bytes => bytes <= 16_384))
  t.equal(week.topUsers[0]?.key.length, 64)
})

t.test('an end that is told late counts where it belongs, and takes nothing away', async t => {
  const { sessions, clock } = await open(t, { idleTimeout: '10m' })
  for (let i = 0; i < 5; i++) await sessions.create({ userId: 'ada' })
  await sessions.statistics()
  clock.now += 70 * minute
  await sessions.create({ userId: 'bob' })
  await sessions.statistics()
  await sessions.cleanup()
  const day = await sessions.statistics()
  t.match(day.buckets.slice(-2), [{ created: 5, ended: { 'idle-timeout': 5 }, live: 0 }, { created: 1, live: 0 }])
  clock.now += 5 * 60 * minute
  await sessions.cleanup()
  t.match(await sessions.statistics(), { created: 6, ended: { 'idle-timeout': 6 } })
  const { session } = await sessions.create({ userId: 'eve', remember: true })
  clock.now += 8 * 86_400_000
  await sessions.revoke(session.id)
  t.match((await sessions.statistics()).lifetimes.at(-1), { below: null, count: 1 })
})

t.test('risk: allow, ask for a sign-in, or end', async t => {
  const verdicts = { '192.0.2.2': 'challenge', '192.0.2.3': 'revoke' } as Record<string, 'challenge' | 'revoke'>
  const { sessions, events } = await open(t, { assessRisk: async (_session, { ip }) => verdicts[ip ?? ''] ?? 'allow' })
  const { session, token } = await sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: 'curl/8' })
  const from = (ip: string, agent = 'curl/8') => sessions.validate(present(token), { ...visit, ip, userAgent: agent })
  t.match(await from('192.0.2.1'), { id: session.id, authenticatedAt: session.authenticatedAt })
  t.match(await from('192.0.2.9', 'wget/1'), { id: session.id, authenticatedAt: session.authenticatedAt })
  t.match(await from('192.0.2.2'), { authenticatedAt: null })
  t.match(await from('192.0.2.3'), new Rejection('ended', 'revoked'))
  t.ok(['ip-changed', 'user-agent-changed'].every(type => events.some(event => event.type === type)))
})

t.test('who waits for an end is told, whatever ends the session', async t => {
  const { sessions, clock } = await open(t)
  const told: string[] = []
  const { session } = await sessions.create({ userId: 'ada' })
  sessions.onEnd(session, ended => { told.push(`first ${ended.reason}`) })
  sessions.onEnd(session, ended => { told.push(`second ${ended.reason}`) })
  sessions.onEnd(session, () => { told.push('stopped') })()
  await sessions.revoke(session.id)
  t.strictSame(told, ['first revoked', 'second revoked'])
  const other = await sessions.create({ userId: 'ada' })
  sessions.onEnd(other.session, () => { told.push('never') })()
  clock.now += 31 * minute
  await sessions.cleanup()
  t.equal(told.length, 2)
})

t.test('an export has no secret; a backup brings sessions back to their browsers', async t => {
  const { sessions } = await open(t)
  const { session, token } = await sessions.create({ userId: 'ada', data: { cart: [1] }, remember: true })
  await sessions.create({ data: { guest: true } })
  const plain: unknown[] = []
  for await (const row of sessions.export({ filter: { userId: 'ada' }, data: true })) plain.push(row)
  t.match(plain, [{ id: session.id, data: { cart: [1] } }])
  t.notMatch(JSON.stringify(plain), session.hash)
  for await (const row of sessions.export()) t.notOk('data' in row, 'data only on request')
  const backup: unknown[] = []
  for await (const row of sessions.export({ backup: true })) backup.push(row)
  t.equal(backup.length, 2)

  const other = await open(t)
  t.strictSame(await other.sessions.import(backup, { dryRun: true }), { rows: 2, imported: 2, skipped: 0, refused: [] })
  t.strictSame(await other.sessions.import(backup, { backup: true }), { rows: 2, imported: 2, skipped: 0, refused: [] })
  t.strictSame(await other.sessions.import(backup, { backup: true }), { rows: 2, imported: 0, skipped: 2, refused: [] })
  await t.rejects(other.sessions.import(backup, { onConflict: 'refuse' }), { code: 'FST_SESSION_INVALID_IMPORT' })
  t.match(await other.sessions.validate(present(token), visit), { id: session.id })

  const unasked = await open(t)
  t.match(await unasked.sessions.import(backup), { imported: 2 })
  t.match(
    await unasked.sessions.validate(present(token), visit),
    new Rejection('unknown', null),
    'hashes count only where they are asked for'
  )

  const seen = await open(t)
  t.match(await seen.sessions.import(plain), { imported: 1 })
  t.match(await seen.sessions.validate(present(token), visit), new Rejection('unknown', null), 'there to be seen, opened by nobody')
  seen.clock.now += 40 * 86_400_000
  t.match(await seen.sessions.import(plain), { imported: 0, skipped: 1 })
})

t.test('an import refuses what is no session, row by row', async t => {
  const { sessions } = await open(t)
  await sessions.create({ userId: 'ada' })
  const good: Record<string, unknown>[] = []
  for await (const row of sessions.export({ backup: true })) good.push(row)
  const row = good[0] ?? {}
  const wrong: [unknown, RegExp][] = [
    [null, /object/],
    ['x', /object/],
    [[], /object/],
    [{}, /userId/],
    [{ ...row, userId: '' }, /userId/],
    [{ ...row, userId: 'bob' }, /of this user/],
    [{ ...row, id: 'x' }, /`id`/],
    [{ ...row, id: 5 }, /`id`/],
    [{ ...row, createdAt: 'yesterday' }, /createdAt/],
    [{ ...row, idleTimeout: -1 }, /idleTimeout/],
    [{ ...row, hash: 'x' }, /hash/],
    [{ ...row, previousHash: 5 }, /hash/],
    [{ ...row, generation: 70_000 }, /generation/],
    [{ ...row, ip: 5 }, /`ip`/],
    [{ ...row, userAgent: 'x'.repeat(513) }, /userAgent/],
    [{ ...row, data: [] }, /data/],
    [{ ...row, data: 'x' }, /data/],
    [{ ...row, data: { x: 'x'.repeat(70_000) } }, /too large/],
    [{ ...row, methods: null }, /methods/],
    [{ ...row, methods: 'password' }, /methods/],
    [{ ...row, methods: ['one time'] }, /methods/],
    [{ ...row, device: 'Firefox 144|Linux|desktop' }, /device/],
    [{ ...row, device: { browser: 5 } }, /device/],
    [{ ...row, device: { os: 'a|b' } }, /device/],
    [{ ...row, reason: 'idle-timeout' }, /has ended/]
  ]
  const report = await sessions.import(wrong.map(([value]) => value), { backup: true })
  t.equal(report.imported, 0)
  report.refused.forEach(({ row, why }, i) => {
    t.equal(row, i + 1)
    t.match(why, wrong[i]?.[1])
  })
  t.equal(report.refused.length, wrong.length)
  t.equal((await sessions.import(Array.from({ length: 200 }, () => null))).refused.length, 100)
  const fields = {
    ...row,
    previousHash: row['hash'],
    confirmedAt: row['createdAt'],
    authenticatedAt: null,
    data: undefined,
    rotatedAt: undefined
  }
  t.match(await sessions.import([fields], { backup: true }), { skipped: 1 })
})

t.test('listeners that fail disturb nobody, and diagnostics channels get every event', async t => {
  const warnings: string[] = []
  const { sessions } = await open(t, { warn: message => { warnings.push(message) } })
  const published: unknown[] = []
  const listener = (message: unknown): void => { published.push(message) }
  subscribe(eventChannelName, listener)
  t.teardown(() => { unsubscribe(eventChannelName, listener) })
  const stop = sessions.on('created', () => { throw new Error('mine') })
  sessions.on('created', () => Promise.reject(new Error('late')))
  const { session } = await sessions.create({ userId: 'ada' })
  await sessions.get(session.id)
  t.equal(warnings.length, 2)
  t.match(published, [{ type: 'created', id: session.id }])
  stop()
  await sessions.create({ userId: 'ada' })
  t.equal(warnings.length >= 2, true)
  t.ok(Object.values(eventMeanings).every(({ owasp, text }) => owasp !== '' && text !== ''))
})

t.test('an adopted credential makes one session for all who bring it, and its end is final', async t => {
  const { sessions, clock, events } = await open(t)
  const adopts = { credential: 'old cookie', source: 'express-session', until: clock.now + 60 * minute }
  const [first, second] = await Promise.all([sessions.create({ userId: 'ada', adopts }), sessions.create({ userId: 'ada', adopts })])
  t.equal(first.session.id, second.session.id)
  t.equal(first.token, second.token)
  t.equal(first.session.absoluteExpiresAt, adopts.until, 'never a longer life')
  t.equal(first.session.authenticatedAt, null, 'not fresh')
  t.ok(events.some(event => event.type === 'adopted' && event.source === 'express-session'))
  await sessions.revoke(first.session.id, { reason: 'logout' })
  await t.rejects(sessions.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_ENDED', reason: 'logout' })
  await sessions.create({ adopts: { ...adopts, credential: 'a guest' } })
})

t.test('a store that was opened is closed if the rest of the start fails', async t => {
  for (const failing of ['now', 'subscribe', 'list'] as const) {
    let closed = 0
    const fails = (): never => { throw new Error(`no ${failing}`) }
    const store = { ...new Network().node(), durable: true, close: () => { closed++ }, [failing]: fails } as Store
    await t.rejects(new SessionManager({ secret, store, warn: () => {} }).open())
    t.equal(closed, 1, failing)
  }
})

t.test('a manager that is not open, or closed, says so', async t => {
  const sessions = new SessionManager({ secret })
  await t.rejects(sessions.get('x'), { code: 'FST_SESSION_CLOSED', statusCode: 503 })
  t.throws(() => sessions.store, { code: 'FST_SESSION_CLOSED' })
  await sessions.open()
  await t.rejects(sessions.open(), { code: 'FST_SESSION_CLOSED' })
  await sessions.ping()
  await sessions.close()
  await sessions.close()
  t.equal(
    JSON.stringify(await sessions.ping().catch((error: unknown) => error)),
    '{"statusCode":503,"error":"Service Unavailable","code":"FST_SESSION_CLOSED","message":"The session manager is not open."}'
  )
})

t.test('a manager that is closed while it opens does not open, and leaves no store open', async t => {
  const opening = gate()
  const calls: string[] = []
  const store = memoryStore()
  const [open, close] = [store.open.bind(store), store.close.bind(store)]
  store.open = async options => { calls.push('open'); await opening.opened; await open(options); calls.push('opened') }
  store.close = async () => { calls.push('close'); await close() }
  const sessions = new SessionManager({ secret, store })
  const opened = sessions.open()
  await t.rejects(sessions.open(), { code: 'FST_SESSION_CLOSED' }, 'it is opened once')
  const closed = Promise.all([sessions.close(), sessions.close()])
  opening.open()
  await t.rejects(opened, { code: 'FST_SESSION_CLOSED' })
  await closed
  t.strictSame(calls, ['open', 'opened', 'close'])
  await t.rejects(sessions.create({ userId: 'ada' }), { code: 'FST_SESSION_CLOSED' })
  await t.rejects(sessions.open(), { code: 'FST_SESSION_CLOSED' })
})

t.test('a manager whose store could not be opened can be opened again, and closed', async t => {
  const store = memoryStore()
  const open = store.open.bind(store)
  store.open = async () => { throw new Error('not yet') }
  const sessions = new SessionManager({ secret, store })
  await t.rejects(sessions.open())
  store.open = open
  await sessions.open()
  await sessions.close()
  store.open = async () => { throw new Error('never') }
  const never = new SessionManager({ secret, store })
  const opened = never.open()
  await Promise.all([t.rejects(opened), never.close()])
})

t.test('a session of the last generation continues as another one', async t => {
  const store = memoryStore()
  const { sessions, clock } = await open(t, { store, maxSessions: 1, rotateAfter: '1h' })
  const last = async () => {
    const { session } = await sessions.create({ userId: 'ada', remember: true, method: 'password', data: { a: 1 } })
    const verifier = newVerifier()
    const [id, hash] = [newId(shardOf('ada'), clock.now), hashVerifier(verifier)]
    await store.create(
      { ...session, id, hash, generation: 65_535, deviceName: 'laptop' },
      { at: clock.now, limit: null, replaces: session.id, adopts: null }
    )
    return { id, token: encodeToken({ id, generation: 65_535, verifier }), record: await sessions.get(id) as SessionRecord }
  }
  const { id, token, record } = await last()
  clock.now += 3_600_001
  t.match(await sessions.validate(token, visit), { id }, 'it is not rotated by age')
  const rotated = await sessions.rotate(token)
  t.match(rotated?.record, {
    userId: 'ada',
    generation: 0,
    remembered: true,
    deviceName: 'laptop',
    data: { a: '1' },
    createdAt: record.createdAt,
    methods: ['password']
  })
  t.strictSame(
    [rotated?.record.authenticatedAt, rotated?.record.absoluteExpiresAt],
    [record.authenticatedAt, record.absoluteExpiresAt],
    'a rotation proves nothing'
  )
  t.match(await sessions.validate(rotated?.token ?? '', visit), { id: rotated?.record.id })
  t.match(await sessions.validate(token, visit), { code: 'ended', reason: 'replaced' })
  t.equal(await sessions.count({ userId: 'ada' }), 1)
  const again = await last()
  clock.now += 1000
  const proven = await sessions.rotate(again.token, { method: 'webauthn' })
  t.match(proven?.record, { generation: 0, methods: ['webauthn'], authenticatedAt: clock.now, data: { a: '1' } })
  t.equal(await sessions.rotate(again.token), null)
})

t.test('a timer never overlaps itself, and stopping it waits for the current run', async t => {
  const held = gate()
  let runs = 0
  const timer = new Timer(async () => { runs++; await held.opened }, { delay: () => 1e12 }).start()
  const [first, second] = [timer.run(), timer.run()]
  t.equal(first, second)
  let stopped = false
  const stop = timer.stop().then(() => { stopped = true })
  await Promise.resolve()
  t.notOk(stopped)
  held.open()
  await stop
  t.equal(runs, 1)
  t.equal(new Rotation({} as never, 'x').token, 'x')
  t.type(memoryStore(), 'object')
})

t.test("the store's clock is measured again with each sweep, and once the store is back", async t => {
  const hour = 3_600_000
  const node = { ...new Network().node(), ahead: hour, away: false, broken: false }
  const answer = <T>(fails: boolean, value: T): Promise<T> => fails ? Promise.reject(new Error('away')) : Promise.resolve(value)
  const store: Store = { ...node, ping: () => answer(node.away, undefined), now: () => answer(node.broken, Date.now() + node.ahead) }
  const sessions = await new SessionManager({ secret, store }).open()
  t.teardown(() => sessions.close())
  const events: string[] = []
  sessions.on('*', ({ type }) => { events.push(type) })
  const hours = (): number => Math.round((sessions.now() - Date.now()) / hour)
  t.equal(hours(), 1)
  node.ahead = 2 * hour
  t.equal(hours(), 1)
  await sessions.cleanup()
  t.equal(hours(), 2)
  node.ahead = 3 * hour
  node.away = true
  await t.rejects(sessions.ping(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  node.away = false
  await sessions.ping()
  while (hours() === 2) await new Promise(resolve => { setImmediate(resolve) })
  t.equal(hours(), 3)
  node.broken = true
  node.ahead = 4 * hour
  t.equal(await sessions.cleanup(), 0, 'a clock that cannot be asked hinders no sweep')
  t.equal(hours(), 3)
  t.strictSame(events.filter(type => type.startsWith('store-')), ['store-failed', 'store-recovered', 'store-failed', 'store-recovered'])
})

t.test("with a clock of one's own, the store's is not asked", async t => {
  const store: Store = { ...new Network().node(), now: () => { throw new Error('never asked') } }
  const { sessions, clock } = await open(t, { store })
  t.equal(await sessions.cleanup(), 0)
  t.equal(sessions.now(), clock.now)
})

t.test('a token whose text is not its own opens its session, and cannot be followed by another', async t => {
  const { sessions, clock } = await open(t, { rotateAfter: '1h', idleTimeout: '1d', absoluteTimeout: '7d' })
  const { session, token } = await sessions.create({ userId: 'ada' })
  const strange = { ...present(token), token: 'nothing' }
  t.equal(await sessions.rotate(strange), null)
  clock.now += 2 * 60 * minute
  t.match(await sessions.validate(strange, visit), { id: session.id })
  const renewed = await sessions.validate(present(token), visit)
  t.ok(renewed instanceof Rotation)
  t.match(await sessions.validate(strange, visit), { id: session.id, generation: 1 }, 'nor be sent again what followed')
})

t.test('what a store answers instead of a session is an error with a code', async t => {
  const answers = [
    { created: { status: 'full' }, code: 'FST_SESSION_STORE_FULL' },
    { created: { status: 'exists' }, code: 'FST_SESSION_STORE_UNAVAILABLE' },
    { created: { status: 'adopted', session: null }, code: 'FST_SESSION_ENDED', reason: 'logout' }
  ] as const
  for (const { created, ...error } of answers) {
    const { sessions } = await open(t, { store: { ...new Network().node(), create: async () => created } })
    await t.rejects(sessions.create({ userId: 'ada' }), error, created.status)
  }
})

t.test('a store that refuses to end, counts in steps or fails in words of its own is understood', async t => {
  let left = 2
  const store: Store = {
    ...new Network().node(),
    end: async () => { throw new SessionError('FST_SESSION_INVALID_FILTER', { values: ['no'] }) },
    count: async () => ({ count: 3, cursor: left-- > 0 ? 'more' : null }),
    ping: () => { throw 'gone' as unknown as Error }
  }
  const { sessions, events } = await open(t, { store })
  await t.rejects(sessions.revoke('any'), { code: 'FST_SESSION_INVALID_FILTER' })
  t.equal(await sessions.count(), 9)
  await t.rejects(sessions.ping(), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
  t.match(events.find(({ type }) => type === 'store-failed'), { operation: 'ping', error: 'Error' })
})

t.test('with flush 0 over a network, a request waits until it is written', async t => {
  const { sessions } = await open(t, { store: new Network().node(), flushInterval: 0 })
  const { session, token } = await sessions.create({ userId: 'ada' })
  t.match(await sessions.validate(token, visit), { id: session.id })
  t.match(await sessions.get(session.id), { requestCount: 1, lastSeenAt: session.lastSeenAt })
})

t.test('a session that vanishes while its token is renewed is refused', async t => {
  const { sessions, clock } = await open(t, {
    store: { ...new Network().node(), update: async () => ({ status: 'gone', ended: null }) },
    rotateAfter: '1h',
    idleTimeout: '1d',
    absoluteTimeout: '7d'
  })
  const { token } = await sessions.create({ userId: 'ada' })
  clock.now += 2 * 60 * minute
  t.match(await sessions.validate(present(token), visit), new Rejection('ended', null))
})

t.test('cursors that are none of ours are refused', async t => {
  const { sessions } = await open(t)
  for (let i = 0; i < 3; i++) await sessions.create({ userId: 'ada' })
  const { cursor } = await sessions.list({}, { limit: 1 })
  const [digest, at, id] = JSON.parse(Buffer.from(cursor ?? '', 'base64url').toString()) as [string, number, string]
  for (const strange of [5, [digest, 'x', id], [digest, at, 5], [digest, at, id, 1], ['x', at, id]]) {
    await t.rejects(
      sessions.list({}, { cursor: Buffer.from(JSON.stringify(strange)).toString('base64url') }),
      { code: 'FST_SESSION_INVALID_CURSOR' },
      JSON.stringify(strange)
    )
  }
})

t.test('where risk is watched, whoever authenticates again where the session is known changes nothing of it', async t => {
  const { sessions } = await open(t, { assessRisk: () => 'challenge' })
  const { session, token } = await sessions.create({ userId: 'ada', ip: '192.0.2.1' })
  t.match(
    await sessions.validate(present(token), { ip: '192.0.2.1', userAgent: 'wget/1', passive: false }),
    { authenticatedAt: null },
    'an agent where there was none'
  )
  const renewed = await sessions.rotate(present(token), { method: 'password', ip: '192.0.2.1' })
  t.match(renewed?.record, { id: session.id, ip: '192.0.2.1', userAgent: null })
  t.match(await sessions.rotate(present(renewed?.token ?? ''), { ip: '192.0.2.7', userAgent: 'wget/1' }), { record: { id: session.id } })
  t.match(await sessions.get(session.id), { ip: '192.0.2.7', userAgent: 'wget/1' })
})

t.test('over a sealed store, the clock is still the one of the store', async t => {
  const sessions = await new SessionManager({
    secret,
    store: { ...new Network().node(), now: () => 1_900_000_000_000 },
    encryption: { keys: 'k'.repeat(43) }
  }).open()
  t.teardown(() => sessions.close())
  t.equal(new Date(sessions.now()).getUTCFullYear(), 2030)
})
