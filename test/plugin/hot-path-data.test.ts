// What a request with data costs, counted instead of timed: parses, encodings, promises and calls of the store. bench/ has the times.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { cookieOf, firefox, secret } from '../helpers/app.ts'
import { promisesOf } from '../helpers/promises.ts'

const user = { id: 'ada', email: 'ada@example.com', roles: ['reader', 'writer'], locale: 'en-GB' }

interface Counts {
  readonly parses: number
  readonly encodings: number
  readonly calls: readonly string[]
}

type Test = { teardown: (fn: () => unknown) => void, capture: typeof t.capture }

/** An app whose handlers answer without JSON and without promises, and what a request of it costs. */
async function countedApp (t: Test) {
  const calls: string[] = []
  const store = new Proxy<Store>(memoryStore(), {
    get (target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        calls.push(String(name))
        return Reflect.apply(value, target, args)
      }
    }
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(sessions, { secret, store, flushInterval: '1m', now: () => 1_800_000_000_000 })
  app.get('/login', async (request, reply) => {
    await request.session.login('ada', { data: { user, first: 1 } })
    return reply.send('ok')
  })
  app.get('/read', (request, reply) => { reply.send((request.session.get('user') as typeof user).email) })
  app.get('/write', (request, reply) => { request.session.set('second', Number(request.session.get('second') ?? 0) + 1); reply.send('ok') })
  app.get('/change', (request, reply) => { (request.session.get('user') as typeof user).roles.push('admin'); reply.send('ok') })
  app.get('/bare', { config: { session: false } }, (_request, reply) => { reply.send('ok') })
  await app.ready()
  const cookie = cookieOf(await app.inject({ url: '/login', headers: { 'user-agent': firefox } }))
  const [parse, stringify] = [t.capture(JSON, 'parse', JSON.parse), t.capture(JSON, 'stringify', JSON.stringify)]
  const cost = async (url: string): Promise<Counts> => {
    calls.length = 0
    parse()
    stringify()
    await app.inject({ url, headers: { cookie, 'user-agent': firefox } })
    return { parses: parse().length, encodings: stringify().length, calls: calls.filter(call => call !== 'touch') }
  }
  return { app: app as unknown as FastifyInstance, cookie, cost }
}

t.before(() => { process.env['NODE_ENV'] = 'production' })

t.test('a request that reads data parses nothing, encodes nothing and calls the store once', async t => {
  const { cost } = await countedApp(t)
  for (let i = 0; i < 3; i++) t.strictSame(await cost('/read'), { parses: 0, encodings: 0, calls: ['read'] })
})

t.test('a request that writes one key encodes this key once, and the next one parses it once', async t => {
  const { cost } = await countedApp(t)
  t.strictSame(await cost('/write'), { parses: 0, encodings: 1, calls: ['read', 'update'] })
  t.strictSame(await cost('/read'), { parses: 1, encodings: 0, calls: ['read'] })
  t.strictSame(await cost('/read'), { parses: 0, encodings: 0, calls: ['read'] })
})

t.test('a change inside a value encodes this value once', async t => {
  const { cost } = await countedApp(t)
  t.strictSame(await cost('/change'), { parses: 0, encodings: 1, calls: ['read', 'update'] })
})

t.test('a login with data encodes each key once, and parses it once for the handler', async t => {
  const { cost } = await countedApp(t)
  // the browser's session is replaced, and its data is not read
  t.strictSame(await cost('/login'), { parses: 2, encodings: 2, calls: ['read', 'create'] })
})

t.test('a request that reads data makes no promise', async t => {
  const { app, cookie } = await countedApp(t)
  t.equal(await promisesOf(app, '/read', cookie), await promisesOf(app, '/bare', cookie))
})
