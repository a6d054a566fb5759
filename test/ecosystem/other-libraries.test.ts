// what docs/explanation/comparison.md says of other libraries is so: each runs here as its own documentation sets it up
import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import express from 'express'
import expressSession from 'express-session'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import { getIronSession } from 'iron-session'
import t from 'tap'
import { cookieOf, gate, secret, testApp } from '../helpers/app.ts'

type Data = Record<string, unknown> & {
  destroy: () => Promise<void>
  delete: () => void
  get: (key: string) => unknown
  set: (key: string, value: unknown) => void
}
type Plugin = FastifyPluginCallback<Record<string, unknown>>

/** Imported without their types: two libraries cannot type `request.session` in one program. */
const untyped: readonly string[] = ['@fastify/session', '@fastify/secure-session']
const [fastifySession, secureSession] = (await Promise.all(
  untyped.map(async name => ((await import(name)) as { default: Plugin }).default)
)) as [Plugin, Plugin]
const sessionOf = (request: FastifyRequest): Data => (request as unknown as { session: Data }).session

/** A store as express-session has them, with everything in reach. */
class Records {
  readonly kept = new Map<string, string>()
  get (id: string, done: (error: null, record: unknown) => void): void {
    done(null, this.kept.has(id) ? JSON.parse(this.kept.get(id) ?? '') : null)
  }

  set (id: string, record: unknown, done: () => void): void {
    this.kept.set(id, JSON.stringify(record))
    done()
  }

  destroy (id: string, done: () => void): void {
    this.kept.delete(id)
    done()
  }
}

async function withFastifySession (
  t: { teardown: (fn: () => unknown) => void },
  options: object = {}
): Promise<{ app: FastifyInstance; records: Records; arrived: ReturnType<typeof gate>; go: ReturnType<typeof gate> }> {
  const [records, arrived, go] = [new Records(), gate(), gate()]
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cookie)
  await app.register(fastifySession, { secret, store: records, cookie: { secure: false }, ...options })
  app.post('/login', async request => {
    sessionOf(request)['user'] = 'ada'
    return {}
  })
  app.post('/logout', async request => {
    await sessionOf(request).destroy()
    return {}
  })
  app.get('/me', async request => ({ user: sessionOf(request)['user'] ?? null }))
  app.get('/slow', async () => {
    arrived.open()
    await go.opened
    return {}
  })
  return { app, records, arrived, go }
}

t.test('@fastify/session keeps a record of each visitor, under the id that the cookie carries', async t => {
  const { app, records } = await withFastifySession(t)
  const answers = await Promise.all(Array.from({ length: 5 }, () => app.inject('/me')))
  t.equal(records.kept.size, 5)
  for (const answer of answers) { t.ok([...records.kept.keys()].some(id => decodeURIComponent(cookieOf(answer)).startsWith(`sessionId=${id}.`))) }
})

t.test('@fastify/session: a request that is under way at the sign-out brings the session back', async t => {
  const { app, arrived, go } = await withFastifySession(t, { saveUninitialized: false })
  const headers = { cookie: cookieOf(await app.inject({ method: 'POST', url: '/login' })) }
  const slow = app.inject({ url: '/slow', headers })
  await arrived.opened
  await app.inject({ method: 'POST', url: '/logout', headers })
  t.strictSame((await app.inject({ url: '/me', headers })).json(), { user: null })
  go.open()
  await slow
  t.strictSame((await app.inject({ url: '/me', headers })).json(), { user: 'ada' })
})

t.test('here it does not, and visitors leave nothing', async t => {
  const [arrived, go] = [gate(), gate()]
  const { app, send, signIn } = await testApp(t, {}, app => {
    app.get('/slow', async request => { request.session.set('visited', true); arrived.open(); await go.opened; return {} })
  })
  await send('/who')
  t.strictSame(await app.sessions.count(), 0)
  const cookie = await signIn()
  const slow = send('/slow', { cookie })
  await arrived.opened
  await send('/api/v1/auth/sessions/logout', { cookie, method: 'POST' })
  go.open()
  await slow
  t.equal((await send('/me', { cookie })).statusCode, 401)
})

t.test('@fastify/secure-session and iron-session: a cookie opens until it expires, sign-out or not', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(secureSession, { key: Buffer.alloc(32, 7), cookie: { path: '/' } })
  app.post('/login', async request => { sessionOf(request).set('user', 'ada'); return {} })
  app.post('/logout', async request => { sessionOf(request).delete(); return {} })
  app.get('/me', async request => ({ user: sessionOf(request).get('user') ?? null }))
  const headers = { cookie: cookieOf(await app.inject({ method: 'POST', url: '/login' })) }
  await app.inject({ method: 'POST', url: '/logout', headers })
  t.strictSame((await app.inject({ url: '/me', headers })).json(), { user: 'ada' })

  const open = async (
    cookie: string
  ): Promise<{ session: Awaited<ReturnType<typeof getIronSession<{ user?: string }>>>; response: Response }> => {
    const response = new Response('{}')
    return {
      response,
      session: await getIronSession<{ user?: string }>(new Request('https://app.example/', { headers: { cookie } }), response, {
        password: secret,
        cookieName: 'iron'
      })
    }
  }
  const { session, response } = await open('')
  session.user = 'ada'
  await session.save()
  const kept = response.headers.getSetCookie().join('').split(';', 1).join('')
  ;(await open(kept)).session.destroy()
  t.equal((await open(kept)).session.user, 'ada')
})

t.test('express-session: a request that is under way at the sign-out, and writes, brings the session back', async t => {
  const [arrived, go] = [gate(), gate()]
  const app = express()
  app.use(expressSession({ secret, resave: false, saveUninitialized: false }))
  const dataOf = (request: express.Request): Record<string, unknown> => request.session as unknown as Record<string, unknown>
  app.post('/login', (request, response) => { dataOf(request)['user'] = 'ada'; response.json({}) })
  app.post('/logout', (request, response) => { request.session.destroy(() => { response.json({}) }) })
  app.get('/me', (request, response) => { response.json({ user: dataOf(request)['user'] ?? null }) })
  app.get('/slow', (request, response) => {
    dataOf(request)['visited'] = true
    arrived.open()
    void go.opened.then(() => { response.json({}) })
  })
  const server = app.listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await new Promise(resolve => { server.on('listening', resolve) })
  const send = async (path: string, options: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, options)
  const headers = { cookie: (await send('/login', { method: 'POST' })).headers.getSetCookie().join('').split(';', 1).join('') }
  const slow = send('/slow', { headers })
  await arrived.opened
  await send('/logout', { method: 'POST', headers })
  go.open()
  await slow
  t.strictSame(await (await send('/me', { headers })).json(), { user: 'ada' })
})

t.test('better-auth ends sessions for good, and its list of sessions has the token of each', async t => {
  const auth = betterAuth({
    secret,
    baseURL: 'http://localhost',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true }
  })
  const first = await auth.api.signUpEmail({ body: { name: 'ada', email: 'ada@app.example', password: 'lovelace1815' }, asResponse: true })
  const headers = new Headers({ cookie: first.headers.getSetCookie().map(cookie => cookie.split(';', 1).join('')).join('; ') })
  // no number of sign-ins is too many
  for (let i = 0; i < 6; i++) await auth.api.signInEmail({ body: { email: 'ada@app.example', password: 'lovelace1815' } })
  const listed = await auth.api.listSessions({ headers })
  t.equal(listed.length, 7)
  for (const { token } of listed) t.match(token, /^\w{32}$/)
  await auth.api.revokeSessions({ headers })
  t.equal(await auth.api.getSession({ headers }), null)
})
