import t from 'tap'
import type { LegacyAdapter } from '../../lib/migration/index.ts'
import { testApp } from '../helpers/app.ts'
import { openManager } from '../helpers/manager.ts'
import { Network } from '../helpers/network.ts'

/** Another library, whose cookie `old` is the name of its user, or nobody's. */
const oldLibrary: LegacyAdapter = {
  name: 'old',
  identifies: true,
  cookies: [{ name: 'old' }],
  match: cookies => cookies.genuine([{ name: 'old' }], value => value),
  load: async credential => credential === 'nobody' ? null : { userId: credential, data: {}, expiresAt: null }
}

t.test('an adopted credential opens nothing more', async t => {
  const adopts = { credential: 'old cookie', source: 'express-session', until: Infinity }

  t.test('once its session is refused here, whatever the store still thinks', async t => {
    const { sessions } = await openManager(t, { store: { ...new Network().node(), end: async () => { throw new Error('away') } } })
    const { session } = await sessions.create({ userId: 'ada', adopts })
    await t.rejects(sessions.revoke(session.id, { reason: 'logout' }))
    await t.rejects(sessions.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_ENDED', reason: 'logout' })
  })

  t.test('once the privileges of its session have changed', async t => {
    const { sessions } = await openManager(t)
    const { token } = await sessions.create({ userId: 'ada', adopts })
    t.ok(await sessions.rotate(token))
    await t.rejects(sessions.create({ userId: 'ada', adopts }), { code: 'FST_SESSION_ENDED', reason: 'superseded' })
  })
})

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
