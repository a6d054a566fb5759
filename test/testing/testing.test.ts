import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { createSessionCookie, testClock } from '../../lib/testing/index.ts'
import { secret } from '../helpers/app.ts'

type Test = { teardown: (fn: () => unknown) => void }

function build (t: Test, options: SessionPluginOptions = {}): FastifyInstance {
  const app = Fastify()
  app.register(sessions, { secret, ...options })
  app.get('/me', { config: { session: { required: true } } }, async request => ({
    userId: request.session.userId,
    data: request.session.data(),
    info: request.session.info
  }))
  t.teardown(() => app.close())
  return app
}

t.test('a signed-in cookie in one line, on an app that is not ready yet', async t => {
  const app = build(t)
  const cookie = await createSessionCookie(app, 'ada')
  const answer = await app.inject({ url: '/me', headers: { cookie } })
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { userId: 'ada', data: {} })
  t.equal((await app.inject({ url: '/me' })).statusCode, 401)
  t.equal(await app.sessions.count({ userId: 'ada' }), 1)
})

t.test('it works behind https, with names of the app’s own, and with older secrets', async t => {
  for (const options of [
    {},
    { cookie: { name: 'mine' } },
    { cookie: { name: '__Secure-mine', domain: 'example.com', path: '/app' } },
    { cookie: { secure: true } },
    { secret: ['a newer secret of the tests, long enough', secret] }
  ] as const) {
    const app = build(t, options)
    const cookie = await createSessionCookie(app, 5)
    for (const headers of [{ cookie }, { cookie, 'x-forwarded-proto': 'https' }]) {
      const answer = await app.inject({ url: '/me', headers })
      t.match(answer.json(), { userId: '5' }, JSON.stringify({ options, headers }))
      t.equal(answer.headers['set-cookie'], undefined)
    }
  }
})

t.test('the session is what the test wants it to be', async t => {
  const app = build(t)
  const cookie = await createSessionCookie(app, 'ada', {
    remember: true,
    method: 'webauthn',
    data: { cart: ['book'] },
    ip: '192.0.2.7',
    userAgent: 'curl/8'
  })
  t.match((await app.inject({ url: '/me', headers: { cookie } })).json(), {
    data: { cart: ['book'] },
    info: { remembered: true, methods: ['webauthn'] }
  })
})

t.test('time moves when the test says so', async t => {
  const clock = testClock(new Date('2026-01-01'))
  t.equal(clock.now(), Date.UTC(2026, 0, 1))
  const app = build(t, { now: clock.now, idleTimeout: '30m' })
  const cookie = await createSessionCookie(app, 'ada')
  clock.advance('29m')
  t.equal((await app.inject({ url: '/me', headers: { cookie } })).statusCode, 200)
  clock.advance(30 * 60_000)
  t.match((await app.inject({ url: '/me', headers: { cookie } })).json(), { code: 'FST_SESSION_ENDED', reason: 'idle-timeout' })
  t.throws(() => { clock.advance('soon' as never) }, { code: 'FST_SESSION_INVALID_OPTION' })
  t.ok(Math.abs(testClock().now() - Date.now()) < 60_000)
})
