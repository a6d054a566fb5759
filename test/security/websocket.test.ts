import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { WebSocket } from 'ws'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { api, testApp } from '../helpers/app.ts'
import type { TestApp } from '../helpers/app.ts'
import { oldFastifySession, ownerInData } from '../helpers/legacy.ts'
import { Network } from '../helpers/network.ts'

type Opened = { readonly socket: WebSocket, readonly said: string, readonly closed: Promise<number> } | { readonly refused: number }

interface SocketApp extends TestApp {
  readonly origin: string
  /** Opens a WebSocket as a browser would: says what the server said first, or with which status it refused. */
  open (path: string, headers: Record<string, string>): Promise<Opened>
}

/** An app whose sockets live as long as their sessions, on a free port. */
async function socketApp (t: { teardown: (fn: () => unknown) => void }, options: SessionPluginOptions = {}): Promise<SocketApp> {
  const app = await testApp(t, options, app => {
    app.register(fastifyWebsocket)
    app.register(async (scope: FastifyInstance) => {
      const routes = {
        '/live': {},
        '/mine': { session: { required: true } },
        '/guarded': { session: { sameOrigin: true } },
        '/open': { session: { sameOrigin: false } }
      }
      for (const [path, config] of Object.entries(routes)) {
        scope.get(path, { websocket: true, config }, (socket, request) => {
          const { userId } = request.session
          if (userId !== null) request.session.onEnd(({ reason }) => { socket.close(4001, reason) })
          socket.on('message', () => {
            request.session.set('late', true)
            request.session.save().then(
              () => {
                socket.send('saved')
              },
              (error: unknown) => {
                socket.send((error as Error).message)
              }
            )
          })
          socket.send(`hello ${userId ?? 'nobody'}`)
        })
      }
    })
  })
  const origin = await app.app.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...app, origin,
    open: (path, headers) => new Promise((resolve, reject) => {
      const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`, { headers })
      const closed = new Promise<number>(resolve => { socket.on('close', resolve) })
      socket.on('unexpected-response', (request, { statusCode = 0 }) => { resolve({ refused: statusCode }); request.destroy() })
      socket.once('open', () => { t.teardown(() => { socket.terminate() }) })
      socket.on('message', data => { resolve({ socket, said: (data as Buffer).toString(), closed }) })
      socket.on('error', reject)
    })
  }
}

/** An opened socket, or the test fails. */
function opened (result: Opened): Extract<Opened, { socket: WebSocket }> {
  if ('refused' in result) throw new Error(`refused with ${result.refused}`)
  return result
}

t.test('row 56: by default a WebSocket opened by another origin with the session cookie is rejected', async t => {
  const { open, signIn, origin, events } = await socketApp(t)
  const cookie = await signIn()
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `${origin}.evil.example` },
    { origin: origin.replace(/\d+$/, '1') },
    { origin: origin.replace('http', 'https') },
    { 'sec-fetch-site': 'cross-site', origin },
    { 'sec-fetch-site': 'same-site', origin },
    { 'sec-fetch-site': '', origin }
  ]) { t.strictSame(await open('/live', { cookie, ...headers }), { refused: 403 }, JSON.stringify(headers)) }
  t.match(
    events.filter(event => event.type === 'cross-origin-blocked'),
    [{ type: 'cross-origin-blocked', method: 'GET', ip: '127.0.0.1', count: 1 }]
  )
  for (const headers of [{ origin }, { origin: origin.toUpperCase() }, { 'sec-fetch-site': 'same-origin', origin }, {}]) { t.equal(opened(await open('/live', { cookie, ...headers })).said, 'hello ada') }
})

t.test('a page of a trusted origin opens a socket with the session cookie', async t => {
  const { open, signIn } = await socketApp(t, { trustedOrigins: ['http://localhost:5173'] })
  const cookie = await signIn()
  for (const headers of [{ origin: 'http://localhost:5173' }, { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' }]) { t.equal(opened(await open('/live', { cookie, ...headers })).said, 'hello ada') }
  for (const headers of [{ origin: 'http://localhost:5174' }, { origin: 'http://localhost:5174', 'sec-fetch-site': 'same-site' }]) { t.strictSame(await open('/live', { cookie, ...headers }), { refused: 403 }) }
})

t.test('row 56: without a cookie a socket is anonymous, and any origin may open it unless the route forbids it', async t => {
  const { open, signIn } = await socketApp(t)
  const evil = { origin: 'https://evil.example' }
  t.equal(opened(await open('/live', evil)).said, 'hello nobody')
  t.equal(opened(await open('/live', { ...evil, cookie: 'sid=junk' })).said, 'hello nobody')
  t.strictSame(await open('/guarded', evil), { refused: 403 })
  t.strictSame(await open('/mine', evil), { refused: 401 })
  t.equal(opened(await open('/open', { ...evil, cookie: await signIn() })).said, 'hello ada', 'an app that wants it says so')
})

for (const [how, end] of [
  ['its user signs out', (app, cookie) => app.send(`${api}/logout`, { cookie, method: 'POST' })],
  [
    'another device ends it',
    async app => app.send(`${api}/revoke`, { cookie: await app.signIn(), method: 'POST', payload: { scope: 'others' } })
  ],
  ['the app ends all sessions of its user', app => app.app.sessions.revokeUser('ada')],
  [
    'the limit makes room',
    async app => {
      app.clock.now++
      await app.signIn()
      await app.signIn()
      await app.signIn()
    }
  ],
  [
    'its old verifier comes back',
    async (app, cookie) => {
      app.clock.now += 3_600_001
      const next = (await app.send('/me', { cookie })).headers['set-cookie'] as string
      app.clock.now += 61_000
      await app.send('/me', { cookie: next.split(';')[0] as string })
      app.clock.now += 600_000
      await app.send('/me', { cookie })
    }
  ],
  [
    'it expires, and a sweep finds it',
    async app => {
      app.clock.now += 15 * 86_400_000
      await app.app.sessions.cleanup()
    }
  ]
] as [string, (app: SocketApp, cookie: string) => Promise<unknown>][]) {
  t.test(`row 55: a live WebSocket closes when ${how}`, async t => {
    const app = await socketApp(t, { maxSessions: 3 })
    const cookie = await app.signIn('ada', { remember: true })
    const { closed } = opened(await app.open('/mine', { cookie, origin: app.origin }))
    await end(app, cookie)
    t.equal(await closed, 4001)
  })
}

t.test('row 55: a live WebSocket closes when its session ends on another node', async t => {
  const network = new Network()
  const here = await socketApp(t, { store: network.node() })
  const there = await testApp(t, { store: network.node() })
  const cookie = await here.signIn()
  const { closed } = opened(await here.open('/mine', { cookie, origin: here.origin }))
  t.equal((await there.send(`${api}/logout`, { cookie, method: 'POST' })).statusCode, 200)
  t.equal(await closed, 4001)
  t.equal((await here.send('/me', { cookie })).statusCode, 401)
})

t.test('row 55: a socket\'s write after its session has ended is rejected, and revives nothing', async t => {
  const { open, signIn, send, app, origin } = await socketApp(t)
  const cookie = await signIn()
  const { socket, closed } = opened(await open('/mine', { cookie, origin }))
  const answer = () =>
    new Promise<string>(resolve => {
      socket.once('message', data => {
        resolve((data as Buffer).toString())
      })
      socket.send('write')
    })
  t.equal(await answer(), 'saved')
  await send(`${api}/logout`, { cookie, method: 'POST' })
  t.equal(await closed, 4001)
  t.equal(await app.sessions.count(), 0)
  t.equal((await send('/me', { cookie })).statusCode, 401)
})

t.test('an injected WebSocket, which has no connection, is somebody\'s and is refused as any other', async t => {
  const { app, signIn } = await socketApp(t)
  const cookie = await signIn()
  const said = await new Promise<string>((resolve, reject) => {
    app
      .injectWS(
        '/mine',
        { headers: { cookie } },
        {
          onInit: socket => {
            socket.on('message', data => {
              resolve((data as Buffer).toString())
            })
          }
        }
      )
      .then(socket => {
        t.teardown(() => {
          socket.terminate()
        })
      }, reject)
  })
  t.equal(said, 'hello ada')
  await t.rejects(app.injectWS('/mine', { headers: { cookie, origin: 'https://evil.example' } }), /403/)
  t.equal(
    (await app.inject({ url: '/me', headers: { cookie, connection: 'upgrade', upgrade: 'websocket', origin: 'https://evil.example' } }))
      .statusCode,
    403
  )
})

t.test('row 56: a WebSocket opened by another origin with a legacy cookie is rejected, too', async t => {
  const old = await oldFastifySession(t)
  const now = Date.now()
  const { open, origin, app } = await socketApp(t, {
    now: () => now,
    migrate: { adapters: [old.adapter], until: now + 86_400_000, resolveUserId: ownerInData }
  })
  const cookie = (await old.signIn('ada')).cookies().join('; ')
  t.strictSame(await open('/live', { cookie, origin: 'https://evil.example' }), { refused: 403 })
  t.equal(await app.sessions.count(), 0)
  t.equal(opened(await open('/live', { cookie, origin })).said, 'hello ada')
})
