import type { ServerResponse } from 'node:http'
import { connect } from 'node:http2'
import { PassThrough } from 'node:stream'
import fastifyWebsocket from '@fastify/websocket'
import Fastify from 'fastify'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import { cookieOf, gate, secret, setCookies, testApp } from '../helpers/app.ts'
import { slowStore } from '../helpers/stores.ts'

const sent = { code: 'FST_SESSION_RESPONSE_SENT' }

t.test('what a handler does not await leaves with its response', async t => {
  const { store, entered, go } = slowStore()
  const { send, app } = await testApp(t, { store }, app => {
    app.post('/in', async ({ session }, reply) => { void session.login('ada'); return reply.redirect('/', 303) })
    app.post('/out', async ({ session }, reply) => { void session.logout(); return reply.redirect('/', 303) })
    app.post('/keep', async ({ session }, reply) => { session.set('a', 1); void session.save(); return reply.send({}) })
  })
  const response = send('/in', { method: 'POST' })
  await entered
  go()
  const cookie = cookieOf(await response)
  t.match((await send('/me', { cookie })).json(), { userId: 'ada' })
  const out = await send('/out', { method: 'POST', cookie })
  t.match(setCookies(out), [/^sid=; Max-Age=0/])
  t.equal(await app.sessions.count(), 0)
  const guest = cookieOf(await send('/keep', { method: 'POST' }))
  t.match((await send('/who', { cookie: guest })).json(), { data: { a: 1 } })
})

t.test('after the response no session is created or rotated: the call rejects, and the browser stays signed in', async t => {
  const outcomes: unknown[] = []
  const steps: Record<string, (request: FastifyRequest) => Promise<unknown>> = {
    login: ({ session }) => session.login('eve'),
    rotate: ({ session }) => session.rotate(),
    reauthenticate: ({ session }) => session.reauthenticate()
  }
  const { send, signIn, app, events } = await testApp(t, {}, app => {
    for (const [name, step] of Object.entries(steps)) {
      app.post(`/after/${name}`, async (request, reply) => {
        void reply.send({})
        await step(request).catch((error: unknown) => { outcomes.push(error) })
        return reply
      })
    }
    app.post('/guest', async ({ session }, reply) => { void reply.send({}); session.set('a', 1); await session.save(); return reply })
  })
  const cookie = await signIn()
  for (const name of Object.keys(steps)) {
    await send(`/after/${name}`, { method: 'POST', cookie })
    t.match(outcomes.pop(), sent, name)
    t.match((await send('/me', { cookie })).json(), { userId: 'ada' }, name)
  }
  t.equal(await app.sessions.count(), 1)
  t.strictSame(setCookies(await send('/guest', { method: 'POST' })), [])
  t.equal(await app.sessions.count(), 1)
  t.match(events.filter(({ type }) => type === 'write-lost'), [{ userId: null, error: 'the response had left' }])
})

t.test('a sign-in that is overtaken by its response is undone', async t => {
  const { store, entered, go } = slowStore()
  let login: Promise<unknown> = Promise.resolve()
  const { send, app } = await testApp(t, { store }, app => {
    app.post('/in', async ({ session }, reply) => {
      reply.hijack()
      login = session.login('ada').catch((error: unknown) => error)
      await entered
      reply.raw.end('done')
    })
  })
  t.strictSame(setCookies(await send('/in', { method: 'POST' })), [])
  go()
  t.match(await login, sent)
  t.equal(await app.sessions.count(), 0)
  t.match((await app.sessions.history()).items, [{ userId: 'ada', by: 'rollback' }])
})

t.test('a raw response has the cookie, and no cache may store it, however its head is written', async t => {
  const heads: Record<string, (raw: ServerResponse) => void> = {
    implicit: () => {},
    object: raw => { raw.writeHead(201, { 'cache-control': 'public, max-age=60', 'set-cookie': 'theme=dark' }) },
    message: raw => { raw.writeHead(201, 'Made', { 'Cache-Control': 'public' }) },
    list: raw => { raw.writeHead(201, ['Cache-Control', 'public', 'Set-Cookie', 'theme=dark', 'Set-Cookie', 'size=big'] as never) },
    flushed: raw => { raw.setHeader('cdn-cache-control', 'max-age=60'); raw.flushHeaders() }
  }
  const { send } = await testApp(t, { clearSiteData: ['storage'] }, app => {
    for (const [name, head] of Object.entries(heads)) {
      app.post(`/${name}`, async ({ session }, reply) => {
        reply.hijack()
        await session.login('ada')
        head(reply.raw)
        reply.raw.end()
      })
    }
    app.post('/before', async ({ session }, reply) => {
      session.set('a', 1)
      await session.save()
      reply.hijack()
      reply.raw.end()
    })
    app.post('/out', async ({ session }, reply) => {
      await session.logout()
      await session.save()
      reply.hijack()
      reply.raw.end()
    })
  })
  for (const url of [...Object.keys(heads).map(name => `/${name}`), '/before']) {
    const response = await send(url, { method: 'POST' })
    t.equal(setCookies(response).filter(cookie => cookie.startsWith('sid=')).length, 1, url)
    t.equal(response.headers['cache-control'], 'no-store', url)
    t.match(response.headers['cdn-cache-control'] ?? 'no-store', 'no-store', url)
  }
  t.equal(setCookies(await send('/list', { method: 'POST' })).length, 3)
  const cookie = cookieOf(await send('/implicit', { method: 'POST' }))
  t.match((await send('/out', { method: 'POST', cookie })).headers, {
    'clear-site-data': '"storage"',
    'cache-control': 'no-store',
    'set-cookie': /Max-Age=0/
  })
})

t.test('headers that caches obey besides Cache-Control, and those of a Response or a later hook, make no cookie public', async t => {
  const makers: Record<string, Record<string, string>> = {
    cdn: { 'cdn-cache-control': 'max-age=60' },
    vendor: { 'cloudflare-cdn-cache-control': 'max-age=60' },
    surrogate: { 'surrogate-control': 'max-age=60' },
    edge: { 'edge-control': 'cache-maxage=60' },
    accel: { 'x-accel-expires': '60' },
    shared: { 'cache-control': 'public, max-age=60' }
  }
  const { send, signIn, clock } = await testApp(t, {}, app => {
    for (const [name, headers] of Object.entries(makers)) {
      app.get(`/reply/${name}`, async (_request, reply) => { reply.headers(headers); return {} })
      app.get(`/response/${name}`, async () => new Response('{}', { headers: { ...headers, vary: 'Accept' } }))
      app.get(`/saved/${name}`, async ({ session }, reply) => { await session.save(); reply.headers(headers); return {} })
      app.get(`/hook/${name}`, { onSend: async (_request, reply) => { reply.headers(headers) } }, async () => ({}))
      app.post(`/reply/${name}`, async ({ session }, reply) => { await session.login('ada'); reply.headers(headers); return {} })
      app.post(`/saved/${name}`, async ({ session }, reply) => {
        await session.login('ada')
        await session.save()
        reply.headers(headers)
        return {}
      })
      app.post(`/response/${name}`, async ({ session }) => {
        await session.login('ada')
        return new Response('{}', { status: 201, headers: { ...headers, vary: 'Accept', 'set-cookie': 'theme=dark' } })
      })
      app.post(
        `/hook/${name}`,
        {
          onSend: async (_request, reply) => {
            reply.headers(headers)
          }
        },
        async ({ session }) => {
          await session.login('ada')
          return {}
        }
      )
    }
  })
  const cookie = await signIn('ada', { remember: true })
  clock.now += 3_600_001
  for (const [name, headers] of Object.entries(makers)) {
    for (const way of ['reply', 'response', 'saved', 'hook']) {
      const renewed = await send(`/${way}/${name}`, { cookie })
      t.strictSame(setCookies(renewed), [], `${way} ${name}: a renewed cookie waits for the next response`)
      t.match(renewed.headers, headers, `${way} ${name}: and the response stays as the app made it`)
      const login = await send(`/${way}/${name}`, { method: 'POST' })
      t.equal(setCookies(login).filter(each => each.startsWith('sid=')).length, 1, `${way} ${name}`)
      const values = Object.keys({ ...headers, 'cache-control': '' }).map(header => login.headers[header])
      for (const value of values) t.match(value, /^(no-store|0)$/, `${way} ${name}`)
    }
  }
  const response = await send('/response/shared', { method: 'POST' })
  t.match(response.headers, { vary: 'Accept, Cookie' })
  t.equal(response.statusCode, 201)
  t.equal(setCookies(response).length, 2)
  t.equal(setCookies(await send('/me', { cookie })).length, 1, 'the renewed cookie')
})

t.test('a guarded Response payload keeps Vary and private', async t => {
  const { send, signIn } = await testApp(t, {}, app => {
    app.get(
      '/page',
      { config: { session: { required: true } } },
      async () => new Response('page', { headers: { vary: 'Accept', 'x-own': '1' } })
    )
    app.get('/used', { config: { session: { required: true } } }, async () => {
      const used = new Response('page')
      await used.text()
      return used
    })
  })
  const cookie = await signIn()
  const page = await send('/page', { cookie })
  t.equal(page.body, 'page')
  t.match(page.headers, { vary: 'Accept, Cookie', 'cache-control': 'private', 'x-own': '1' })
  t.match((await send('/used', { cookie })).json(), { code: 'FST_ERR_REP_RESPONSE_BODY_CONSUMED' })
})

t.test('in production, too, data that is set while a stream flows, or on a hijacked reply, is reported as lost', async t => {
  const { NODE_ENV } = process.env
  process.env['NODE_ENV'] = 'production'
  t.teardown(() => { if (NODE_ENV === undefined) delete process.env['NODE_ENV']; else process.env['NODE_ENV'] = NODE_ENV })
  const flowing = gate()
  const { send, app, events } = await testApp(t, {}, app => {
    app.get('/stream', async ({ session }, reply) => {
      const stream = new PassThrough()
      stream.write('x')
      void flowing.opened.then(() => { session.set('late', 1); stream.end() })
      return reply.send(stream)
    })
    app.get('/hijacked', async ({ session }, reply) => { session.set('late', 1); reply.hijack(); reply.raw.end('x') })
  })
  const lost = () => events.flatMap(event => event.type === 'write-lost' ? [event.error] : [])
  const cookie = cookieOf(await send('/login', { method: 'POST', payload: { userId: 'ada' } }))
  const response = send('/stream', { cookie })
  flowing.open()
  t.equal((await response).body, 'x')
  await send('/hijacked', { cookie: cookieOf(await send('/login', { method: 'POST', payload: { userId: 'eve' } })) })
  t.strictSame(lost(), ['the response had left', 'the response had left'])
  t.equal(await app.sessions.count(), 2)
})

t.test('over HTTP/2 the cookie leaves with every kind of response', async t => {
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  app.register(sessions as never, { secret })
  app.get('/json', async ({ session }) => { await session.login('ada'); return {} })
  app.get('/stream', async ({ session }, reply) => {
    await session.login('ada')
    const stream = new PassThrough()
    stream.end('x')
    return reply.send(stream)
  })
  app.get('/raw', async ({ session }, reply) => { reply.hijack(); await session.login('ada'); reply.raw.end('x') })
  const client = connect(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => { client.close() })
  for (const path of ['/json', '/stream', '/raw']) {
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      client.request({ ':path': path }).on('response', resolve).on('error', reject).resume().end()
    })
    t.match(headers, { ':status': 200, 'cache-control': 'no-store', 'set-cookie': [/^sid=./] }, path)
  }
})

t.test('a sign-in within a WebSocket rejects: its handshake has left', async t => {
  const outcome = gate()
  const results: unknown[] = []
  const { app } = await testApp(t, {}, app => {
    app.register(fastifyWebsocket)
    app.register(async scope => {
      scope.get('/socket', { websocket: true }, (socket, { session }) => {
        session.login('ada').catch((error: unknown) => { results.push(error) }).finally(() => { outcome.open(); socket.close() })
      })
    })
  })
  const socket = await app.injectWS('/socket')
  await outcome.opened
  socket.terminate()
  t.match(results, [sent])
  t.equal(await app.sessions.count(), 0)
})
