import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import sessions, { requireSession } from '../../lib/index.ts'
import { cookieOf, secret } from '../helpers/app.ts'

/** An app that is not ready yet. */
function newApp (t: { teardown: (fn: () => unknown) => void }): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close())
  return app
}

const ready = async (app: FastifyInstance): Promise<void> => { await app.ready() }
const missing = (route: string) => ({ code: 'FST_SESSION_GUARD_MISSING', message: new RegExp(`^Nothing guards the route ${route}: `) })
const handler = async () => ({ secret: true })

t.test('the imported guard guards routes that are declared before the plugin has loaded', async t => {
  const app = newApp(t)
  app.register(sessions, { secret })
  app.get('/me', { onRequest: requireSession }, handler)
  app.get('/late', { preHandler: [requireSession] }, handler)
  app.register(async scope => {
    scope.addHook('onRequest', requireSession)
    scope.get('/in', handler)
  })
  app.post('/login', async request => { await request.session.login('ada'); return {} })
  const cookie = cookieOf(await app.inject({ url: '/login', method: 'POST' }))
  for (const url of ['/me', '/late', '/in']) {
    t.match((await app.inject(url)).json(), { statusCode: 401, code: 'FST_SESSION_REQUIRED' }, url)
    t.equal((await app.inject({ url, headers: { cookie } })).statusCode, 200, url)
  }
})

t.test('a guard of the decorator that does not exist yet refuses the start', async t => {
  for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const) {
    const app = newApp(t)
    app.register(sessions, { secret })
    app.get('/me', { [hook]: app.requireSession }, handler)
    await t.rejects(ready(app), missing('GET /me'), hook)
  }
  const awaited = newApp(t)
  await awaited.register(sessions, { secret })
  awaited.get('/me', { onRequest: awaited.requireSession }, handler)
  awaited.get('/optional', { onRequest: undefined } as object, handler)
  t.equal((await awaited.inject('/me')).statusCode, 401)
  t.equal((await awaited.inject('/optional')).statusCode, 200, 'the decorator existed: an undefined hook is none')
})

t.test('a plugin before the registration whose routes use the decorator refuses the start', async t => {
  const app = newApp(t)
  app.register(async scope => { scope.get('/me', { onRequest: scope.requireSession }, handler) }, { prefix: '/api' })
  app.register(sessions, { secret })
  await t.rejects(ready(app), missing('GET /api/me'))
})

t.test('a guard in a scope that the plugin does not cover refuses the start', async t => {
  const guards: Record<string, object> = {
    required: { config: { session: { required: true } } },
    fresh: { config: { session: { fresh: '10m' } } },
    'same origin': { config: { session: { sameOrigin: true } } },
    'the import as a hook': { onRequest: requireSession },
    'the import in a list': { preHandler: [async () => {}, requireSession] }
  }
  for (const [name, options] of Object.entries(guards)) {
    const sibling = newApp(t)
    // without fastify-plugin, the sessions are those of this scope only
    sibling.register(async scope => { await scope.register(sessions, { secret }) })
    sibling.register(async scope => { scope.route({ method: ['POST', 'PUT'], url: '/admin', ...options, handler }) })
    await t.rejects(ready(sibling), missing('POST, PUT /admin'), name)

    const without = newApp(t)
    without.get('/admin', options, handler)
    await t.rejects(ready(without), missing('GET /admin'), `${name}, plugin nowhere`)
  }
})

t.test('a guard that a hook of the app adds to its routes is one as well', async t => {
  const app = newApp(t)
  app.addHook('onRoute', route => { route.config = { ...route.config, session: { required: true } } })
  app.get('/admin', handler)
  await t.rejects(ready(app), missing('GET /admin'))
})

t.test('where the plugin covers every guarded route the app starts, in whatever order and scope', async t => {
  const app = newApp(t)
  app.get('/open', { config: { session: { passive: true } } }, handler)
  app.get('/foreign', { config: { session: 'of another package' } as never }, handler)
  app.get('/before', { config: { session: { required: true } } }, handler)
  app.register(async scope => { scope.get('/inner', { config: { session: { required: true } } }, handler) })
  app.register(fp(async scope => { await scope.register(sessions, { secret, cookie: { name: 'a' } }) }))
  for (const url of ['/before', '/inner']) t.equal((await app.inject(url)).statusCode, 401, url)

  const two = newApp(t)
  for (const name of ['users', 'admins']) {
    two.register(async scope => {
      await scope.register(sessions, { secret, cookie: { name }, routes: false })
      scope.get(`/${name}`, { config: { session: { required: true } } }, handler)
    })
  }
  for (const url of ['/users', '/admins']) t.equal((await two.inject(url)).statusCode, 401, url)
})

t.test('the imported guard fails closed where no session is loaded', async t => {
  const app = newApp(t)
  // hooks of a scope cannot be seen at the start
  app.register(async scope => {
    scope.addHook('onRequest', requireSession)
    scope.get('/nowhere', handler)
  })
  app.register(async scope => {
    scope.addHook('onRequest', requireSession)
    await scope.register(sessions, { secret })
    scope.get('/too-early', handler)
    scope.get('/off', { config: { session: false } }, handler)
  })
  for (const url of ['/nowhere', '/too-early', '/off']) {
    t.match((await app.inject(url)).json(), { statusCode: 500, code: 'FST_SESSION_NOT_LOADED' }, url)
  }
})
