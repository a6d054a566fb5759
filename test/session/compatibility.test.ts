// code as it was written for @fastify/session, express-session and @fastify/secure-session
import t from 'tap'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { cookieOf, testApp } from '../helpers/app.ts'

const options: SessionPluginOptions = { resolveUserId: data => (data['user'] as { id: string } | undefined)?.id }
type Old = Record<string, unknown> & { [method: string]: (...args: unknown[]) => Promise<void> }

t.test('data is own properties, and get and set reach the same', async t => {
  const { send } = await testApp(t, {}, app => {
    app.post('/old', async request => {
      const session = request.session as unknown as { cart?: string[], theme?: string }
      session.cart = ['book']
      session.cart.push('lamp')
      request.session.set('theme', 'dark')
      return {
        theme: session.theme,
        cart: request.session.get('cart'),
        keys: Object.keys(request.session),
        has: 'cart' in request.session,
        none: request.session.get('nothing')
      }
    })
    app.post('/forget', async request => { delete (request.session as unknown as { cart?: string[] }).cart; return request.session.data() })
  })
  const first = await send('/old', { method: 'POST' })
  t.same(first.json(), { theme: 'dark', cart: ['book', 'lamp'], keys: ['cart', 'theme'], has: true })
  const cookie = cookieOf(first)
  t.same((await send('/who', { cookie })).json(), { userId: null, data: { cart: ['book', 'lamp'], theme: 'dark' } })
  t.same((await send('/forget', { cookie, method: 'POST' })).json(), { theme: 'dark' })
  t.same((await send('/who', { cookie })).json(), { userId: null, data: { theme: 'dark' } })
})

t.test('code that treats the session as any object works, and the names of those methods stay free for data', async t => {
  const { send } = await testApp(t, {}, app => {
    app.post('/any', async request => {
      const { session } = request
      session.set('cart', ['book'])
      const { cart } = session as unknown as { cart: string[] }
      const call = (name: string, ...args: unknown[]) =>
        (session as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args)
      const mustache = (name: string) =>
        Object.prototype.hasOwnProperty.call(session, name) ? String((session as unknown as Record<string, unknown>)[name]) : ''
      return {
        has: [call('hasOwnProperty', 'cart'), call('hasOwnProperty', 'userId'), call('propertyIsEnumerable', 'cart')],
        texts: [[session as unknown as string].join(''), call('toString'), call('toLocaleString')],
        same: call('valueOf') === session,
        cart,
        views: [mustache('cart'), mustache('userId')], keys: Object.keys(session), get: session.get('toString') ?? null
      }
    })
    app.post('/names', async request => {
      Object.assign(request.session, { toString: 'a', hasOwnProperty: 'b', valueOf: 'c' })
      return request.session.data()
    })
  })
  const first = await send('/any', { method: 'POST' })
  t.strictSame(first.json(), {
    has: [true, false, true],
    texts: ['[object Object]', '[object Object]', '[object Object]'],
    same: true,
    cart: ['book'],
    views: ['book', ''],
    keys: ['cart'],
    get: null
  })
  const cookie = cookieOf(first)
  await send('/names', { method: 'POST', cookie })
  t.same((await send('/who', { cookie })).json().data, { cart: ['book'], toString: 'a', hasOwnProperty: 'b', valueOf: 'c' })
})

t.test('callbacks are answered, and each method warns once', async t => {
  const warnings: Error[] = []
  const hear = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const call = (session: object, method: string, ...args: unknown[]): Promise<unknown> => new Promise(resolve => {
    void (session as Old)[method]?.(...args, (...answer: unknown[]) => { resolve(answer) })
  })
  const { send, app } = await testApp(t, options, app => {
    app.post('/old/login', (request, reply) => {
      const session = request.session as unknown as Old & {
        regenerate: (callback: (error?: Error) => void) => void
        save: (callback: (error?: Error) => void) => void
      }
      session.regenerate(error => {
        if (error !== undefined) { void reply.send(error); return }
        Object.assign(request.session, { user: request.body })
        session.save(error => { void reply.redirect(error === undefined ? '/me' : '/wrong') })
      })
    })
    app.post('/old/switch', async request => {
      Object.assign(request.session, { junk: 1 })
      return call(request.session, 'regenerate', ['user'])
    })
    app.post('/old/reload', async request => {
      Object.assign(request.session, { unsaved: 1 })
      return { answer: await call(request.session, 'reload'), data: request.session.data() }
    })
    app.post('/old/gone', async request => {
      await app.sessions.revokeUser('ada')
      return (await call(request.session, 'reload') as { code: string }[]).map(({ code }) => code)
    })
    app.post('/old/logout', (request, reply) => {
      ;(request.session as unknown as Old)['destroy']?.((error: unknown) => {
        void reply.send({ error: error === undefined ? 'none' : 'some' })
      })
    })
  })
  const login = await send('/old/login', { method: 'POST', payload: { id: 'ada' } })
  t.equal(login.headers.location, '/me')
  const cookie = cookieOf(login)
  t.equal((await send('/me', { cookie })).json<{ userId: string }>().userId, 'ada')
  t.same((await send('/old/reload', { cookie, method: 'POST' })).json(), { answer: [], data: { user: { id: 'ada' } } })
  const switched = await send('/old/switch', { cookie, method: 'POST' })
  t.same(switched.json(), [])
  t.not(cookieOf(switched), cookie)
  const now = cookieOf(switched)
  t.same((await send('/who', { cookie: now })).json(), { userId: 'ada', data: { user: { id: 'ada' } } })
  const out = await send('/old/logout', { cookie: now, method: 'POST' })
  t.same(out.json(), { error: 'none' })
  t.match(out.headers['set-cookie'], /^sid=; Max-Age=0/)
  t.equal((await send('/me', { cookie: now })).statusCode, 401)
  const again = cookieOf(await send('/old/login', { method: 'POST', payload: { id: 'ada' } }))
  t.same((await send('/old/gone', { cookie: again, method: 'POST' })).json(), ['FST_SESSION_ENDED'])
  t.ok(app.sessions)
  await new Promise(resolve => { setImmediate(resolve) })
  const ours = warnings.filter(warning => (warning as { code?: string }).code === 'FST_SESSION_CALLBACK')
  t.same(ours.map(({ name }) => name), Array(4).fill('DeprecationWarning'))
  t.match(ours.map(({ message }) => message).sort(), [
    /destroy/,
    /regenerate/,
    /reload/,
    /`request\.session\.save\(callback\)` is deprecated\. Use `await request\.session\.save\(\)`\./
  ])
})

t.test('promises work as well, and what nobody awaited before may go unawaited', async t => {
  const { send, signIn, app, clock } = await testApp(t, { idleTimeout: '30m' }, app => {
    app.post('/old/touch', async request => { void request.session.touch(); request.session.options({ maxAge: 5 }); return {} })
    app.post('/old/lost', async request => { await app.sessions.revokeUser('ada'); void request.session.touch(); return {} })
    app.post('/old/delete', async request => { void request.session.delete(); return {} })
    app.post('/old/destroy', async request => { await request.session.destroy(); return request.session.data() })
  })
  const cookie = await signIn()
  clock.now += 29 * 60_000
  t.equal((await send('/old/touch', { cookie, method: 'POST' })).statusCode, 200)
  clock.now += 29 * 60_000
  t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal((await send('/old/lost', { cookie, method: 'POST' })).statusCode, 200)
  for (const path of ['/old/delete', '/old/destroy']) {
    const cookie = await signIn()
    const out = await send(path, { cookie, method: 'POST' })
    t.match(out.headers['set-cookie'], /^sid=; Max-Age=0/, path)
    t.equal((await send('/me', { cookie })).statusCode, 401, path)
  }
  t.equal(await app.sessions.count({}), 0)
})
