import t from 'tap'
import { memoryStore, SessionManager } from '../../lib/index.ts'
import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import { secret } from '../helpers/app.ts'
import { adminApp } from '../helpers/admin.ts'

const hour = 3_600_000

async function open (t: { teardown: (fn: () => unknown) => void }, max = 1000) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const sessions = await new SessionManager({ secret, now: () => clock.now, store: memoryStore({ max }) }).open()
  t.teardown(() => sessions.close())
  return { sessions, clock }
}

async function rowsOf (sessions: SessionManager): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for await (const row of sessions.export({ backup: true })) rows.push(row)
  return rows
}

t.test('a row whose timestamps no calendar has is refused, and lists go on', async t => {
  const { sessions } = await open(t)
  await sessions.create({ userId: 'ada' })
  const [row] = await rowsOf(sessions)
  const { app, get } = await adminApp(t)
  for (const field of ['absoluteExpiresAt', 'createdAt', 'lastSeenAt', 'authenticatedAt', 'rotatedAt']) {
    const report = await app.sessions.import([{ ...row, [field]: 8.64e15 }], { backup: true })
    t.match(report, { imported: 0, refused: [{ row: 1, why: new RegExp(field) }] })
  }
  t.match(await app.sessions.import([{ ...row, absoluteExpiresAt: Date.UTC(9999, 0) }], { backup: true }), { imported: 1 })
  t.equal((await get('/')).statusCode, 200)
  t.equal((await get('/?format=csv')).statusCode < 500, true)
})

t.test('an import that takes hours lengthens no life, and revives nothing that expired meanwhile', async t => {
  const { sessions } = await open(t)
  const { session } = await sessions.create({ userId: 'ada', remember: true })
  const { session: short } = await sessions.create({ userId: 'bob' })
  const rows = await rowsOf(sessions)
  const { sessions: other, clock } = await open(t)
  async function * slowly (): AsyncGenerator {
    clock.now += 9 * hour
    yield * rows
  }
  t.match(await other.import(slowly(), { backup: true }), { imported: 1, skipped: 1 })
  const found = await other.get(session.id)
  t.ok(found !== null && !hasEnded(found) && expiresAt(found) === expiresAt(session))
  t.equal(await other.get(short.id), null)
})

t.test('guests that an import or a block evicts at the cap are reported as ended', async t => {
  const { sessions } = await open(t)
  await sessions.create({ userId: 'ada' })
  const rows = await rowsOf(sessions)
  const { sessions: full } = await open(t, 2)
  const ended: string[] = []
  const heard: string[] = []
  full.on('ended', ({ id, reason }) => { ended.push(`${id} ${reason}`) })
  const guests = [await full.create({}), await full.create({})] as const
  for (const { session } of guests) full.onEnd(session, ({ id }) => { heard.push(id) })
  await full.import(rows)
  await full.core.blocks.blockUser('bob', full.now() + hour)
  t.strictSame(ended, guests.map(({ session }) => `${session.id} evicted`))
  t.strictSame(heard, guests.map(({ session }) => session.id))
})
