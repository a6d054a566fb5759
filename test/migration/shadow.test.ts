import { Registry } from 'prom-client'
import t from 'tap'
import { preimport } from '../../lib/migration/index.ts'
import { api } from '../helpers/app.ts'
import { hour, newApp, oldExpressSession, oldFastifySession, once, withoutCreate } from '../helpers/legacy.ts'

t.test('in mode shadow nothing changes; what would be is counted, once for each browser', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace, empty] = [await old.signIn('ada'), await old.signIn('grace'), await old.signIn('')]
  const { url, app, events, send, signIn, clock } = await newApp(t, old, {
    mode: 'shadow',
    resolveUserId: data => {
      if ((data['user'] as { id: string }).id === '') throw new Error('nobody')
      return (data['user'] as { id: string }).id
    }
  })
  const ready = once(app, 'migration', { result: 'ready' })
  t.equal((await ada.at(url).get('/me')).status, 401)
  await ready
  const unusable = once(app, 'migration-rejected', { why: 'unusable' })
  await empty.at(url).get('/public')
  await unusable
  const ours = await signIn('grace')
  const agrees = once(app, 'migration', { result: 'agrees' })
  await send('/public', { cookie: [ours, ...grace.cookies()].join('; ') })
  await agrees
  const differs = once(app, 'migration', { result: 'differs' })
  await send('/public', { cookie: [ours, ...ada.cookies()].join('; ') })
  t.match(await differs, { userId: 'grace' })
  await ada.at(url).get('/public')
  await send('/public', { cookie: ours })
  await send(`${api}/logout`, { method: 'POST', payload: {}, cookie: [ours, ...grace.cookies()].join('; ') })
  t.match(await (await grace.get('/me')).json(), { user: { id: 'grace' } }, 'the old library goes on')
  await app.sessions.revokeUser('grace')
  clock.now += 25 * hour
  const over = once(app, 'migration', { result: 'over' })
  await grace.at(url).get('/public')
  await over
  t.strictSame(
    events.filter(({ type }) => type === 'migration').map(event => (event as { result: string }).result),
    ['ready', 'agrees', 'differs', 'over']
  )
  t.equal(await app.sessions.count({}), 0)
})

t.test('from `until` on, legacy cookies are ignored, and the log says so once', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const { url, clock, send } = await newApp(t, old, { mode: 'drain', until: new Date(Date.now() + hour) })
  const jar = ada.at(url)
  t.equal((await jar.get('/me')).status, 200)
  clock.now += hour
  t.equal((await jar.get('/me')).status, 200, 'what was adopted goes on')
  t.equal((await grace.at(url).get('/me')).status, 401)
  t.equal((await send('/public', { cookie: 'sessionId=x' })).headers['set-cookie'], undefined)
})

t.test('statistics and metrics count the outcomes of legacy credentials by source', async t => {
  const old = await oldFastifySession(t)
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const register = new Registry()
  const { url, app, send } = await newApp(t, old, {}, { metrics: register as never })
  await ada.copy().at(url).get('/me')
  await ada.copy().at(url).get('/me')
  await grace.at(url).get('/me')
  await send('/me', { cookie: 'sessionId=x' })
  const expected = { '@fastify/session adopted': 2, '@fastify/session joined': 1, '@fastify/session forged': 1 }
  t.match((await app.sessions.statistics('1h')).migration, expected)
  t.match((await app.sessions.statistics('24h')).migration, expected)
  t.match(await register.metrics(), 'session_migration_total{source="@fastify/session",result="adopted"} 2')
})

t.test('old sessions can be taken over before their browsers come by, as often as one likes', async t => {
  const old = await oldExpressSession(t, { maxAge: 48 * hour })
  const [ada, grace] = [await old.signIn('ada'), await old.signIn('grace')]
  const kept = old.store as unknown as { sessions: Record<string, string> }
  for (const [id, session] of Object.entries({
    empty: {},
    past: { user: { id: 'ada' }, cookie: { expires: '2020-01-01' } },
    odd: { user: { id: 'x'.repeat(300) } }
  })) { kept.sessions[id] = JSON.stringify(session) }
  const { url, app, clock } = await newApp(t, old, {}, { idleTimeout: '30m', remember: { idleTimeout: '1h', absoluteTimeout: '30d' } })
  const options = {
    adapters: [
      {
        ...old.adapter,
        async * scan () {
          for await (const each of old.adapter.scan?.() ?? []) yield each
          yield { credential: 'past', session: { userId: 'ada', data: {}, expiresAt: 5 } }
          yield { credential: 'endless', session: { userId: 'linus', data: {}, expiresAt: null } }
        }
      },
      (await oldFastifySession(t)).adapter
    ],
    until: clock.now + hour,
    ...(old.resolveUserId === undefined ? {} : { resolveUserId: old.resolveUserId })
  }
  t.same(await preimport(app.sessions, options), { adopted: 3, joined: 0, skipped: 3 })
  t.same(await preimport(app.sessions, options), { adopted: 0, joined: 3, skipped: 3 })
  t.equal(await app.sessions.count({}), 3)
  const [listed] = await app.sessions.listByUser('ada')
  clock.now += 40 * hour
  t.match(await (await ada.at(url).get('/me')).json(), { id: listed?.id }, 'it waits for its browser')
  await app.sessions.revokeUser('grace')
  t.equal((await grace.at(url).get('/me')).status, 401)
  const { app: failing } = await newApp(t, old, {}, { store: withoutCreate() })
  await t.rejects(preimport(failing.sessions, options), { code: 'FST_SESSION_STORE_UNAVAILABLE' })
})
