// What a request costs, counted instead of timed: calls of the store, cookies, promises. bench/ has the times.
import { executionAsyncResource } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import sessions, { memoryStore } from '../../lib/index.ts'
import type { Store, ActivityUpdate } from '../../lib/index.ts'
import { toDevice, unknownDevice } from '../../lib/model/device.ts'
import { deviceOf } from '../../lib/model/user-agent.ts'
import { retainNextTickShape } from '../../lib/plugin/next-tick.ts'
import { TopK } from '../../lib/statistics/top-k.ts'
import { cookieOf, firefox, secret, setCookies, testApp } from '../helpers/app.ts'
import { promisesOf } from '../helpers/promises.ts'

/** A memory store that writes down which verbs are called. */
function countingStore (): { readonly store: Store, readonly calls: string[], readonly batches: (readonly ActivityUpdate[])[] } {
  const calls: string[] = []
  const batches: (readonly ActivityUpdate[])[] = []
  const store = new Proxy(memoryStore(), {
    get (target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        calls.push(String(name))
        if (name === 'touch') batches.push(args[0] as ActivityUpdate[])
        return Reflect.apply(value, target, args)
      }
    }
  })
  return { store, calls, batches }
}

// so long that no timer of this process writes a batch in between
const flush = '1m'

t.test('10,000 requests without a cookie call no store, make no session and set no cookie', async t => {
  const { store, calls } = countingStore()
  const { app } = await testApp(t, { store, flushInterval: flush })
  calls.length = 0
  let cookies = 0
  for (let i = 0; i < 10_000; i++) cookies += setCookies(await app.inject('/public')).length
  t.strictSame([calls, cookies], [[], 0])
  t.equal(await app.sessions.count(), 0)
})

t.test('a forged cookie is turned away before the store', async t => {
  const { store, calls } = countingStore()
  const { send, signIn } = await testApp(t, { store, flushInterval: flush })
  const cookie = await signIn()
  calls.length = 0
  for (const forged of [`${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`, cookie.slice(0, -5), 'sid=x']) {
    t.equal((await send('/me', { cookie: forged })).statusCode, 401)
  }
  t.strictSame(calls, [])
})

t.test('a request that reads its session is one read: no write, no cookie, and one batch in all for each flush', async t => {
  const { store, calls, batches } = countingStore()
  const { clock, send, signIn } = await testApp(t, { store, flushInterval: flush })
  const cookies = [await signIn('ada'), await signIn('bob')]
  await send('/me', { cookie: cookies[0] as string })
  for (let period = 0; period < 3; period++) {
    calls.length = batches.length = 0
    let set = 0
    for (let i = 0; i < 100; i++) set += setCookies(await send('/me', { cookie: cookies[i % 2] as string })).length
    t.strictSame([calls, set], [Array<string>(100).fill('read'), 0])
    clock.now += 60_000
    calls.length = 0
    await send('/me', { cookie: cookies[0] as string })
    t.strictSame(
      calls.filter(call => call !== 'saveStatistics'),
      ['read', 'touch'],
      'the first request of the next period writes the batch'
    )
    t.strictSame(batches.map(batch => batch.map(({ requestCount: requests }) => requests)), [[51, 50]])
  }
})

t.test('with flush 0 each request is one read and one write', async t => {
  const { store, calls } = countingStore()
  const { send, signIn } = await testApp(t, { store, flushInterval: 0 })
  const cookie = await signIn()
  calls.length = 0
  for (let i = 0; i < 5; i++) await send('/me', { cookie })
  t.strictSame(calls, Array.from({ length: 5 }, () => ['read', 'touch']).flat())
})

t.test('each step of a session is one call', async t => {
  const { store, calls } = countingStore()
  const { send, signIn } = await testApp(t, { store, flushInterval: flush }, app => {
    app.post('/logout', async request => { await request.session.logout(); return {} })
  })
  const steps = async (step: () => Promise<unknown>): Promise<string[]> => {
    calls.length = 0
    await step()
    return calls.filter(call => call !== 'touch')
  }
  let cookie = ''
  t.strictSame(await steps(async () => { cookie = await signIn() }), ['create'], 'sign in')
  t.strictSame(await steps(() => send('/data', { method: 'POST', payload: { a: 1, b: 2 }, cookie })), ['read', 'update'], 'two keys')
  t.strictSame(await steps(() => send('/data', { method: 'POST', payload: { a: 1 }, cookie })), ['read'], 'nothing new')
  t.strictSame(await steps(() => send('/logout', { method: 'POST', payload: {}, cookie })), ['read', 'end'], 'sign out')
})

t.test('on a store that answers at once, the session makes no promise', async t => {
  const bare = Fastify()
  const app = Fastify()
  await app.register(sessions, { secret, flushInterval: flush, now: () => 1_800_000_000_000 })
  app.post('/login', async request => { await request.session.login('ada'); return {} })
  for (const each of [bare, app] as unknown as FastifyInstance[]) {
    // no async handlers: they would make promises of their own
    each.get('/hello', (_request, reply) => { reply.send({ hello: 'world' }) })
    each.get('/me', each === (app as unknown) ? { config: { session: { required: true } } } : {}, (request, reply) => {
      reply.send({ userId: each === (app as unknown) ? request.session.userId : 'ada' })
    })
    await each.ready()
    t.teardown(() => each.close())
  }
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/login', headers: { 'user-agent': firefox } }))
  await app.inject({ url: '/me', headers: { cookie } })
  for (const url of ['/hello', '/me']) {
    const [without, with_] = [await promisesOf(bare, url, cookie), await promisesOf(app, url, cookie)]
    t.equal(with_, without, url)
  }
})

t.test('one object of process.nextTick stays alive, of the shape of all others', async t => {
  const kept = await retainNextTickShape()
  t.equal(await retainNextTickShape(), kept)
  const another = await new Promise<object>(resolve => { process.nextTick(() => { resolve(executionAsyncResource()) }) })
  setFlagsFromString('--allow-natives-syntax')
  const sameShape = runInThisContext('(a, b) => %HaveSameMap(a, b)') as (a: object, b: object) => boolean
  t.ok(sameShape(kept, another))
  t.notOk(sameShape(kept, {}))
})

t.test('a sign-in makes no promise that it can do without', async t => {
  const app = Fastify()
  await app.register(sessions, { secret, flushInterval: flush, now: () => 1_800_000_000_000 })
  app.get('/login', (request, reply) => {
    request.session.login('ada').then(
      () => {
        reply.send({})
      },
      (error: unknown) => {
        reply.send(error)
      }
    )
  })
  app.get('/wait', (_request, reply) => { wait().then(() => { reply.send({}) }, (error: unknown) => { reply.send(error) }) })
  await app.ready()
  t.teardown(() => app.close())
  // as many steps as a sign-in has: of request.session, of what it knows, of the manager and of its creator
  async function wait (): Promise<void> { await second() }
  async function second (): Promise<void> { await third() }
  async function third (): Promise<void> { await fourth() }
  async function fourth (): Promise<void> {}
  await promisesOf(app, '/login', '')
  t.equal(await promisesOf(app, '/login', ''), await promisesOf(app, '/wait', ''))
})

t.test('a line that the logger would not write is not made', async t => {
  const lines: string[] = []
  const server = { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } }
  const { events, signIn } = await testApp(t, {}, () => {}, server)
  await signIn()
  t.equal(events.filter(({ type }) => type === 'created').length, 1)
  t.strictSame(lines, [])
})

t.test('what is remembered of agents is bounded, and forgetting changes no answer', async t => {
  const device = deviceOf(firefox)
  for (let i = 0; i < 1100; i++) t.equal(deviceOf(`curl/${i}`).browser, 'curl')
  for (let i = 0; i < 1100; i++) toDevice(`Browser ${i}|System|desktop`)
  t.strictSame(deviceOf(firefox), device)
  t.equal(deviceOf('unheard of'), unknownDevice)
  t.equal(device.browser, 'Firefox')
})

t.test('the most frequent of many are found, however many newcomers come between, and counts are never too low', async t => {
  const tops = new TopK()
  const exact = new Map<string, number>()
  const add = (key: string): void => {
    tops.add(key, exact.size % 256)
    exact.set(key, (exact.get(key) ?? 0) + 1)
  }
  for (let i = 0; i < 20_000; i++) {
    add(`seldom ${i % 5000}`)
    if (i % 4 === 0) add(`often ${i % 20}`)
    if (i % 3 === 0) add(`seldom ${(i - 60) % 5000}`)
  }
  const top = tops.top(5)
  t.strictSame(top.map(({ key }) => key).sort(), [0, 12, 16, 4, 8].map(n => `often ${n}`))
  for (const { key, sessions, error } of tops.top(200)) {
    const count = exact.get(key) as number
    t.ok(sessions >= count && sessions - error <= count, key)
  }
})
