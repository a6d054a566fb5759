import t from 'tap'
import { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { cookieOf, setCookies, testApp } from '../helpers/app.ts'

t.test('an app whose data names the user', async t => {
  const { send, app } = await testApp(t, { resolveUserId: data => data['user'] as string | number | null }, app => {
    app.post('/anew', async request => {
      await request.session.regenerate(request.body as string[])
      return {}
    })
  })
  const guest = cookieOf(await send('/data', { method: 'POST', payload: { user: null, cart: ['tea'] } }))
  t.match((await send('/who', { cookie: guest })).json(), { userId: null, data: { cart: ['tea'] } })
  const ada = cookieOf(await send('/data', { method: 'POST', payload: { user: 7 }, cookie: guest }))
  t.match((await send('/who', { cookie: ada })).json(), { userId: '7', data: { user: 7, cart: ['tea'] } })
  const left = cookieOf(await send('/anew', { method: 'POST', payload: ['cart'], cookie: ada }))
  t.match((await send('/who', { cookie: left })).json(), { userId: null, data: { cart: ['tea'] } }, 'the user is gone, the cart is not')
  t.match((await send('/who', { cookie: ada })).json(), { userId: null, data: {} })
  const again = cookieOf(await send('/data', { method: 'POST', payload: { user: 'ada' } }))
  await send('/anew', { method: 'POST', payload: [], cookie: again })
  t.equal(await app.sessions.count({ userId: 'ada' }), 0, 'of nothing, no session')
  t.strictSame(setCookies(await send('/anew', { method: 'POST', payload: [] })), [])
})

t.test('a guard within a handler says that the store fails, where it does', async t => {
  let fails = false
  const memory = memoryStore()
  const read = memory.read.bind(memory)
  const store: Store = Object.assign(memory, { read: (id: string) => { if (fails) throw new Error('away'); return read(id) } })
  const { send, signIn } = await testApp(t, { store }, app => {
    app.get('/guarded', { preHandler: async (request, reply) => app.requireSession(request, reply) }, async () => ({}))
  })
  const cookie = await signIn()
  t.equal((await send('/guarded')).statusCode, 401)
  t.equal((await send('/guarded', { cookie })).statusCode, 200)
  fails = true
  t.equal((await send('/guarded', { cookie })).statusCode, 503)
})

t.test('data that is empty makes no session, and takes no reason away', async t => {
  const { send, signIn, app } = await testApp(t, {}, app => {
    app.get('/empty', async ({ session }, reply) => { session.set('flash', {}); return reply.code(401).send({}) })
  })
  const cookie = await signIn()
  await app.sessions.revokeUser('ada')
  t.strictSame(setCookies(await send('/empty', { cookie })), [])
  t.strictSame(setCookies(await send('/empty')), [])
  t.equal(await app.sessions.count(), 0)
})
