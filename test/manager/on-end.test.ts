import t from 'tap'
import { SessionManager } from '../../lib/index.ts'
import type { EndedSession, SessionManagerOptions } from '../../lib/index.ts'
import { secret } from '../helpers/app.ts'
import { turn } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

async function open (t: { teardown: (fn: () => unknown) => void }, options: SessionManagerOptions = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const warnings: string[] = []
  const warn = (message: string, cause?: unknown): void => { warnings.push(`${message} ${(cause as Error).message}`) }
  const sessions = await new SessionManager({ secret, now: () => clock.now, warn, ...options }).open()
  t.teardown(() => sessions.close())
  return { sessions, clock, warnings }
}

/** Thenables as a query builder returns them are awaited, too. */
const thenable = { then: (_resolve: unknown, reject: (error: Error) => void) => { reject(new Error('a thenable fails')) } }

t.test('an onEnd listener that throws or rejects disturbs no other listener, no event and no caller', async t => {
  const { sessions, warnings } = await open(t)
  const ended: string[] = []
  const events: string[] = []
  sessions.on('ended', ({ id }) => { events.push(id as string) })
  const all = await Promise.all([0, 1, 2, 3].map(() => sessions.create({ userId: 'ada' })))
  const bad: ((session: EndedSession) => unknown)[] = [
    () => { throw new Error('a socket is closed') }, async () => { throw new Error('a database is away') }, () => thenable
  ]
  all.forEach(({ session }, i) => {
    const listener = bad[i]
    if (listener !== undefined) sessions.onEnd(session, listener)
    sessions.onEnd(session, ({ id }) => { ended.push(id) })
  })
  const revoked = await sessions.revokeUser('ada')
  await turn()
  t.equal(revoked.length, 4)
  t.strictSame(ended.toSorted(), all.map(({ session }) => session.id).toSorted(), 'every other socket is notified')
  t.strictSame(events.toSorted(), ended.toSorted(), 'every event is emitted')
  t.strictSame(warnings.toSorted(), [
    'A listener of the end of a session failed. a database is away',
    'A listener of the end of a session failed. a socket is closed',
    'A listener of the end of a session failed. a thenable fails'
  ])
})

t.test('an onEnd listener that throws on a cleanup or on the end of another instance disturbs nothing', async t => {
  const network = new Network()
  const here = await open(t, { store: network.node() })
  const there = await open(t, { store: network.node() })
  const { session } = await there.sessions.create({ userId: 'ada' })
  const other = await there.sessions.create({ userId: 'bob' })
  const heard: string[] = []
  here.sessions.onRemoteEnd(() => { throw new Error('remote') })
  here.sessions.onEnd(session, () => { throw new Error('socket') })
  here.sessions.onRemoteEnd(({ id }) => { heard.push(id) })
  await there.sessions.revoke(session.id)
  await turn()
  t.strictSame(heard, [session.id])
  t.strictSame(here.warnings.toSorted(), [
    'A listener of the end of a session failed. remote',
    'A listener of the end of a session failed. socket'
  ])
  there.sessions.onEnd(other.session, () => { throw new Error('socket') })
  // the clock of the store is that of the instance that opened it
  here.clock.now = there.clock.now += 31 * 60_000
  t.equal(await there.sessions.cleanup(), 1)
})

t.test('a listener of store operations that throws fails no store operation', async t => {
  const { sessions, warnings } = await open(t)
  sessions.onStoreOperation(() => { throw new Error('histogram') })
  await sessions.create({ userId: 'ada' })
  t.strictSame(warnings, ['A listener of store operations failed. histogram'])
})

t.test('an onEnd listener that is registered after the end is called', async t => {
  const { sessions } = await open(t)
  const { session } = await sessions.create({ userId: 'ada' })
  await sessions.revoke(session.id)
  const heard: string[] = []
  sessions.onEnd(session, ({ reason }) => { heard.push(reason) })
  sessions.onEnd(session, () => { heard.push('removed at once') })()
  await turn()
  t.strictSame(heard, ['revoked'])
})

t.test('a session that ends on another instance before onEnd is registered is found, although this instance has a copy of it', async t => {
  const network = new Network()
  const here = await open(t, { store: network.node() })
  const there = await open(t, { store: network.node() })
  const { session, token } = await there.sessions.create({ userId: 'ada' })
  await here.sessions.validate(token, { ip: null, userAgent: undefined, passive: false })
  await network.sessions.end({ ids: [session.id] }, { reason: 'logout', by: null })
  const heard: string[] = []
  here.sessions.onEnd(session, ({ reason }) => { heard.push(reason) })
  await turn()
  t.strictSame(heard, ['logout'])
})
