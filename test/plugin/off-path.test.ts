import { AsyncLocalStorage } from 'node:async_hooks'
import { Writable } from 'node:stream'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import { cookieOf, secret, testApp } from '../helpers/app.ts'
import { failingStore } from '../helpers/stores.ts'

/** A logger whose serializers read the session, and the lines that it wrote. */
function readingLogger () {
  const lines: { msg: string, req?: object, res?: object }[] = []
  const stream = new Writable({
    write (chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as never)
      done()
    }
  })
  const read = ({ session }: FastifyRequest) => ({ userId: session.userId, info: session.info, cart: session.get('cart') ?? null })
  const serializers = { req: read, res: (reply: FastifyReply) => read(reply.request) }
  return { lines, logger: { level: 'info', stream, serializers } as never }
}

const nothing = { userId: null, info: null, cart: null }

t.test('log serializers that read the session get null before it is loaded, and on routes without it', async t => {
  const { lines, logger } = readingLogger()
  const { send, signIn } = await testApp(t, {}, app => {
    app.get('/off', { config: { session: false } }, async () => ({}))
  }, { logger })
  const cookie = await signIn()
  lines.length = 0
  for (const url of ['/me', '/off', '/nowhere']) t.type((await send(url, { cookie })).statusCode, 'number', url)
  const read = lines.flatMap(({ msg, req, res }) => /^(incoming|request)/.test(msg) ? [req ?? res] : [])
  t.match(read, [nothing, { userId: 'ada' }, nothing, nothing, nothing, { userId: 'ada' }])
})

t.test('log serializers that read the session during an outage stop no response', async t => {
  const { lines, logger } = readingLogger()
  let down = false
  const store = failingStore(() => down)
  const { send, signIn } = await testApp(t, { store }, app => {
    app.get('/boom', async () => { throw new Error('boom') })
  }, { logger })
  const cookie = await signIn()
  lines.length = 0
  down = true
  t.equal((await send('/public', { cookie })).statusCode, 200)
  t.match((await send('/boom', { cookie })).json(), { statusCode: 500, message: 'boom' })
  t.equal((await send('/who', { cookie })).statusCode, 503, 'a handler is never silently anonymous')
  const read = lines.flatMap(({ req, res }) => [req ?? [], res ?? []].flat())
  t.equal(read.length, 10, 'three requests, two of which fail: an error is logged with both')
  for (const values of read) t.match(values, nothing)
})

t.test('hooks and plugins that are registered first read null, and the handler has the session', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const seen: unknown[] = []
  // as @fastify/request-context does with `defaultStoreValues`
  const storage = new AsyncLocalStorage<{ readonly user: string | null }>()
  app.addHook('onRequest', (request, _reply, done) => { storage.run({ user: request.session.userId }, done) })
  app.addHook('onRequest', async request => { seen.push(request.session.userId, request.session.data(), request.session.id) })
  app.register(sessions, { secret })
  app.post('/login', async request => { await request.session.login('ada'); return {} })
  app.get('/me', async request => ({ userId: request.session.userId, early: storage.getStore() }))
  const cookie = cookieOf(await app.inject({ url: '/login', method: 'POST' }))
  t.strictSame((await app.inject({ url: '/me', headers: { cookie } })).json(), { userId: 'ada', early: { user: null } })
  t.strictSame(seen, [null, {}, null, null, {}, null])
})

t.test('what changes state throws where no session is loaded', async t => {
  const app = Fastify() as unknown as FastifyInstance
  t.teardown(() => app.close())
  const code = { code: 'FST_SESSION_NOT_LOADED' }
  app.register(sessions, { secret })
  app.get('/off', { config: { session: false } }, async ({ session }) => {
    const changes: Record<string, () => unknown> = {
      login: () => session.login('ada'), logout: () => session.logout(), delete: () => session.delete(), destroy: () => session.destroy(),
      rotate: () => session.rotate(), reauthenticate: () => session.reauthenticate(), extend: () => session.extend(),
      touch: () => session.touch(), save: () => session.save(), regenerate: () => session.regenerate(), reload: () => session.reload(),
      onEnd: () => session.onEnd(() => {}), set: () => { session.set('a', 1) }, assignment: () => { Object.assign(session, { a: 1 }) },
      defineProperty: () => Object.defineProperty(session, 'a', { value: 1 }), deletion: () => Reflect.deleteProperty(session, 'a')
    }
    for (const [name, change] of Object.entries(changes)) t.throws(change, code, name)
    session.options({})
    return {
      id: session.id,
      sessionId: session.sessionId,
      a: session.get('a') ?? null,
      own: Object.keys(session),
      text: typeof session.toString,
      session
    }
  })
  t.strictSame((await app.inject('/off')).json(), { id: null, sessionId: null, a: null, own: [], text: 'function', session: {} })
})
