import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import { LawFixture } from '../../lib/testing/laws/fixture.ts'
import { blockIdOf, isBlockId, newId } from '../../lib/token/token.ts'
import { day, newApp, oldExpressSession } from '../helpers/legacy.ts'

t.test('ending guests, or every session, lets no legacy cookie in again whose user has signed out everywhere', async t => {
  const old = await oldExpressSession(t, { maxAge: 200 * day })
  const browser = await old.signIn('ada')
  const { url, app, clock, events } = await newApp(t, old, {}, { admin: { authorize: () => true } })
  await app.sessions.revokeUser('ada')
  t.equal((await browser.copy().at(url).get('/me')).status, 401)
  t.match(await app.sessions.totals(), { live: 0, guests: 0 })
  t.equal(await app.sessions.count({ guest: true }), 0)
  t.strictSame((await app.sessions.list({}, { limit: 10 })).items, [])
  for (const filter of [{ guest: true }, {}]) {
    t.match(await app.sessions.revokeWhere(filter, { by: 'admin', limit: 100 }), { cursor: null })
    t.equal((await browser.copy().at(url).get('/me')).status, 401, JSON.stringify(filter))
  }
  clock.now += 121 * day
  await app.sessions.cleanup()
  t.notOk(events.some(({ type, id }) => type === 'ended' && id === blockIdOf('ada')), 'a mark that expires is no session that ends')
})

t.test('a store that is full of marks evicts none of them for a session', async t => {
  const clock = { now: Date.now() }
  const store = memoryStore({ max: 3 })
  await store.open({ now: () => clock.now, history: day, historyPerUser: 20, warn: () => {} })
  const fixture = new LawFixture({ clock, open: async () => store, close: async () => {} }, store)
  for (const userId of ['ada', 'linus']) await fixture.created({ id: blockIdOf(userId), userId: null })
  const guest = await fixture.created({ userId: null })
  const evicted = await fixture.create({ userId: 'grace' })
  t.match(evicted, { status: 'created', ended: [{ id: guest.id, reason: 'evicted' }] })
  t.match(await fixture.create({ userId: 'mary' }), { status: 'full' })
  for (const userId of ['ada', 'linus']) t.ok(await fixture.live(blockIdOf(userId)))
})

t.test('no session has the id of a mark', async t => {
  t.ok(isBlockId(blockIdOf('ada')))
  for (const now of [0, Date.now(), 253_402_300_799_999]) t.notOk(isBlockId(newId(255, now)))
})
