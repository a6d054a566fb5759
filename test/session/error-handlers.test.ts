import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import { setCookies, testApp } from '../helpers/app.ts'
import { slowStore } from '../helpers/stores.ts'

t.test('what an error handler writes is kept, for users and visitors, and what the failed handler wrote is dropped', async t => {
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.setErrorHandler(async (error, request, reply) => {
      request.session.set('flash', (error as Error).message)
      return reply.redirect('/who', 303)
    })
    app.post('/order', async ({ session }) => {
      session.set('ordered', true)
      session.set('cart', ['changed'])
      throw new Error('sold out')
    })
    app.post('/saved', async ({ session }) => {
      session.set('ordered', 'saved')
      await session.save()
      session.set('cart', [])
      throw new Error('sold out')
    })
    app.post('/map', async ({ session }) => { session.set('map', new Map()); return {} })
    app.post('/hook', { preHandler: async ({ session }) => { session.set('ordered', true); throw new Error('closed') } }, async () => ({}))
  })
  const cookie = await signIn()
  await send('/data', { method: 'POST', cookie, payload: { cart: ['book'] } })
  const dataAfter = async (url: string) => {
    t.equal((await send(url, { method: 'POST', cookie })).statusCode, 303, url)
    return (await send('/who', { cookie })).json<{ data: unknown }>().data
  }
  t.strictSame(await dataAfter('/order'), { cart: ['book'], flash: 'sold out' })
  t.strictSame(await dataAfter('/hook'), { cart: ['book'], flash: 'closed' })
  t.match(await dataAfter('/map'), { cart: ['book'], flash: /`map` holds a Map/ })
  t.strictSame(await dataAfter('/saved'), { cart: ['book'], ordered: 'saved', flash: 'sold out' }, 'what was saved before stays')
  const visitor = setCookies(await send('/order', { method: 'POST' }))[0]?.split(';', 1)[0] ?? ''
  t.strictSame((await send('/who', { cookie: visitor })).json(), { userId: null, data: { flash: 'sold out' } })
  t.equal(await app.sessions.count({ guest: true }), 1)
})

t.test('a sign-in of the failed handler is undone, and its error handler starts from a guest', async t => {
  const { send, app } = await testApp(t, {}, app => {
    app.setErrorHandler(async (_error, { session }, reply) => {
      session.set('flash', session.userId ?? 'nobody')
      return reply.code(418).send()
    })
    app.post('/in', async ({ session }) => { await session.login('ada', { data: { role: 'admin' } }); throw new Error('boom') })
  })
  const response = await send('/in', { method: 'POST' })
  t.equal(response.statusCode, 418)
  const cookie = setCookies(response)[0]?.split(';', 1)[0] ?? ''
  t.strictSame((await send('/who', { cookie })).json(), { userId: null, data: { flash: 'nobody' } })
  t.equal(await app.sessions.count({ guest: false }), 0)
})

t.test('the response of an error handler leaves although its data cannot be stored, with an event', async t => {
  const store = memoryStore()
  let down = false
  const broken = new Proxy(store, {
    get (target, name): unknown {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (down && (name === 'update' || name === 'create')) throw new Error('down')
        return Reflect.apply(value, target, args)
      }
    }
  })
  const { send, signIn, events } = await testApp(t, { store: broken }, app => {
    app.setErrorHandler(async (_error, request, reply) => {
      request.session.set('flash', 'sorry')
      return reply.code(418).send({ sorry: true })
    })
    app.post('/boom', async () => { throw new Error('boom') })
    app.post(
      '/lossy',
      {
        errorHandler: (_error, request, reply) => {
          request.session.set('flash', 1n)
          void reply.send({ sorry: true })
        }
      },
      async ({ session }) => {
        session.set('a', 1)
        throw new Error('boom')
      }
    )
  })
  const cookie = await signIn()
  t.strictSame((await send('/lossy', { cookie, method: 'POST' })).json(), { sorry: true })
  down = true
  t.strictSame((await send('/boom', { cookie, method: 'POST' })).json(), { sorry: true })
  t.strictSame(
    (await send('/data', { cookie, method: 'POST', payload: { a: 1 } })).json(),
    { sorry: true },
    'the write of the handler failed'
  )
  t.match(events.filter(({ type }) => type === 'write-lost'), [{ userId: 'ada', error: /bigint/ }, { userId: 'ada', error: /unavailable/ }])
})

t.test('a step that the failed handler did not await ends before its error handler runs', async t => {
  const { store, entered, go } = slowStore()
  const { send, app } = await testApp(t, { store }, app => {
    app.setErrorHandler(async (_error, { session }) => ({ userId: session.userId }))
    app.post('/in', async ({ session }) => { void session.login('ada'); await entered; throw new Error('boom') })
  })
  const response = send('/in', { method: 'POST' })
  await entered
  go()
  t.match((await response).json(), { userId: null })
  t.equal(await app.sessions.count(), 0)
})
