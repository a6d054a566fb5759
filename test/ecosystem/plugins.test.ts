import auth from '@fastify/auth'
import autoload from '@fastify/autoload'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import csrf from '@fastify/csrf-protection'
import flash from '@fastify/flash'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import oauth2 from '@fastify/oauth2'
import { Authenticator } from '@fastify/passport'
import rateLimit from '@fastify/rate-limit'
import sse from '@fastify/sse'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest, InjectOptions, LightMyRequestResponse } from 'fastify'
import { Strategy } from 'passport-local'
import t from 'tap'
import sessions from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { api, cookieOf, firefox, gate, secret, setCookies, testApp } from '../helpers/app.ts'

type Test = { teardown: (fn: () => unknown) => void }

/** An app that other plugins are registered on, before ours and after. */
async function neighbourhood (
  t: Test,
  options: SessionPluginOptions,
  { before, after }: { before?: (app: FastifyInstance) => unknown; after?: (app: FastifyInstance) => unknown }
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await before?.(app)
  await app.register(sessions, { secret, ...options })
  app.post('/login', async request => {
    await request.session.login((request.body as { userId: string }).userId)
    return {}
  })
  app.get('/me', { onRequest: app.requireSession }, async request => ({ userId: request.session.userId }))
  await after?.(app)
  await app.ready()
  return app
}

/** A browser: keeps every cookie it is given. */
function browser (app: FastifyInstance): (url: string, options?: Partial<InjectOptions>) => Promise<LightMyRequestResponse> {
  const jar = new Map<string, string>()
  return async (url, { headers, ...options } = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response: LightMyRequestResponse = await app.inject({
      ...options,
      url,
      headers: { 'user-agent': firefox, ...(cookie === '' ? {} : { cookie }), ...headers }
    })
    for (const set of setCookies(response)) {
      const [name = '', value = ''] = set.split(';', 1).join('').split(/=(.*)/s)
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
}

for (const sessionPlugin of ['@fastify/session', '@fastify/secure-session'] as const) {
  t.test(`@fastify/csrf-protection works as with ${sessionPlugin}`, async t => {
    const app = await neighbourhood(t, { keepOnLogin: ['_csrf'] }, {
      async after (app) {
        await app.register(csrf, { sessionPlugin })
        app.get('/token', async (_request, reply) => ({ token: reply.generateCsrf() }))
        app.post('/pay', { preHandler: app.csrfProtection }, async () => 'paid')
      }
    })
    const send = browser(app)
    t.equal((await send('/pay', { method: 'POST' })).statusCode, 403)
    await send('/login', { method: 'POST', payload: { userId: 'ada' } })
    const { token } = (await send('/token')).json<{ token: string }>()
    t.equal((await send('/pay', { method: 'POST', headers: { 'csrf-token': token } })).statusCode, 200)
    t.equal((await send('/pay', { method: 'POST', headers: { 'csrf-token': `${token}x` } })).statusCode, 403)
    t.equal((await browser(app)('/pay', { method: 'POST', headers: { 'csrf-token': token } })).statusCode, 403, 'a token is of one session')
  })
}

t.test('@fastify/flash keeps a message until it is read', async t => {
  const app = await neighbourhood(t, {}, {
    async after (app) {
      await app.register(flash)
      app.post('/warn', async (request, reply) => { request.flash('warning', 'careful'); return reply.redirect('/messages', 303) })
      app.get('/messages', async (_request, reply) => ({ messages: reply.flash('warning') as string[] }))
    }
  })
  const send = browser(app)
  t.equal((await send('/warn', { method: 'POST' })).statusCode, 303)
  t.strictSame((await send('/messages')).json(), { messages: ['careful'] })
  t.strictSame((await send('/messages')).json(), { messages: [] })
})

t.test('@fastify/passport signs in and out, and its users have device lists', async t => {
  for (const keepSessionInfo of [false, true]) {
    const passport = new Authenticator()
    passport.use('local', new Strategy((name, password, done) => { done(null, password === 'right' ? { name } : false) }))
    passport.registerUserSerializer(async (user: { name: string }) => user.name)
    passport.registerUserDeserializer(async (name: string) => ({ name }))
    const created: string[] = []
    const app = await neighbourhood(t, { resolveUserId: data => data['passport'] as string | undefined }, {
      async after (app) {
        app.sessions.on('created', ({ userId }) => { created.push(String(userId)) })
        await app.register(passport.initialize())
        await app.register(passport.secureSession())
        app.post('/sign-in', { preValidation: passport.authenticate('local', { keepSessionInfo } as object) }, async request => ({
          user: request.user
        }))
        app.post('/sign-out', async request => { await request.logOut(); return {} })
        app.get('/profile', async request => ({
          user: request.user ?? null,
          basket: request.session.get('basket') ?? null,
          authenticated: request.isAuthenticated()
        }))
        app.post('/basket', async request => { request.session.set('basket', 'apples'); return {} })
      }
    })
    const send = browser(app)
    await send('/basket', { method: 'POST' })
    t.equal((await send('/sign-in', { method: 'POST', payload: { username: 'ada', password: 'wrong' } })).statusCode, 401)
    t.strictSame(created.splice(0), ['null'], 'a guest, for the basket')
    const signedIn = await send('/sign-in', { method: 'POST', payload: { username: 'ada', password: 'right' } })
    t.equal(signedIn.statusCode, 200)
    t.strictSame(created.splice(0), ['ada'], 'one sign-in makes one session')
    t.strictSame((await send('/profile')).json(), { user: { name: 'ada' }, basket: keepSessionInfo ? 'apples' : null, authenticated: true })
    await browser(app)('/sign-in', { method: 'POST', payload: { username: 'ada', password: 'right' } })
    const { sessions } = (await send(api)).json<{ sessions: { current: boolean }[] }>()
    t.strictSame(sessions.map(({ current }) => current), [true, false])
    t.equal((await send('/sign-out', { method: 'POST' })).statusCode, 200)
    t.strictSame((await send('/profile')).json<{ user: null }>().user, null)
    t.equal(await app.sessions.count({ userId: 'ada' }), 1, 'the other browser stays signed in')
  }
})

t.test('@fastify/oauth2 creates a session after the provider redirects back', async t => {
  const provider = Fastify()
  t.teardown(() => provider.close())
  provider.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body as string)))
  })
  provider.post('/token', async () => ({ access_token: 'a token', token_type: 'bearer', expires_in: 60 }))
  const url = await provider.listen({ port: 0, host: '127.0.0.1' })
  const app = await neighbourhood(t, {}, {
    async before (app) {
      await app.register(oauth2, {
        name: 'example',
        credentials: {
          client: { id: 'id', secret: 'secret' },
          auth: { authorizeHost: url, authorizePath: '/authorize', tokenHost: url, tokenPath: '/token' }
        },
        startRedirectPath: '/start',
        callbackUri: 'http://localhost/callback'
      })
    },
    after (app) {
      app.get('/callback', async (request, reply) => {
        const example = (
          app as unknown as {
            example: {
              getAccessTokenFromAuthorizationCodeFlow: (request: FastifyRequest) => Promise<{ token: { access_token: string } }>
            }
          }
        ).example
        const { token } = await example.getAccessTokenFromAuthorizationCodeFlow(request)
        await request.session.login(`user of ${token.access_token}`, { method: 'oauth2:example' })
        return reply.redirect('/me')
      })
    }
  })
  const send = browser(app)
  const { location = '' } = (await send('/start')).headers
  const state = new URL(location).searchParams.get('state') ?? ''
  const back = await send(`/callback?code=1&state=${state}`)
  t.equal(back.statusCode, 302)
  t.equal(setCookies(back).filter(cookie => cookie.startsWith('sid=')).length, 1, 'beside the cookies of the other plugin')
  t.strictSame((await send('/me')).json(), { userId: 'user of a token' })
})

t.test('@fastify/jwt sets request.user, and @fastify/auth accepts a session or a token', async t => {
  const app = await neighbourhood(t, {}, {
    async after (app) {
      await app.register(jwt, { secret: 'a secret for tokens, long enough too' })
      await app.register(auth)
      const verify = async (request: FastifyRequest): Promise<void> => { await request.jwtVerify() }
      app.get(
        '/either',
        { onRequest: app.auth([async (request, reply) => app.requireSession(request, reply), verify]) },
        async request => ({ session: request.session.userId, token: request.user ?? null })
      )
      app.get(
        '/both',
        { onRequest: app.auth([async (request, reply) => app.requireSession(request, reply), verify], { relation: 'and' }) },
        async () => ({})
      )
    }
  })
  const send = browser(app)
  const headers = { authorization: `Bearer ${app.jwt.sign({ name: 'machine' })}` }
  t.equal((await send('/either')).statusCode, 401)
  t.match((await send('/either', { headers })).json(), { session: null, token: { name: 'machine' } })
  await send('/login', { method: 'POST', payload: { userId: 'ada' } })
  t.match((await send('/either')).json(), { session: 'ada', token: null })
  t.equal((await send('/both')).statusCode, 401)
  t.equal((await send('/both', { headers })).statusCode, 200)
})

t.test('@fastify/rate-limit applies the limits of the session routes, and limits other routes per user', async t => {
  const app = await neighbourhood(
    t,
    { admin: { authorize: () => true } },
    {
      async before (app) {
        await app.register(rateLimit, { global: true, max: 3, keyGenerator: request => request.session.userId ?? request.ip })
      }
    }
  )
  const [ada, grace] = [browser(app), browser(app)]
  await ada('/login', { method: 'POST', payload: { userId: 'ada' } })
  await grace('/login', { method: 'POST', payload: { userId: 'grace' } })
  const codes: number[] = []
  for (let i = 0; i < 4; i++) codes.push((await ada('/me')).statusCode)
  t.strictSame(codes, [200, 200, 200, 429])
  t.equal((await grace('/me')).statusCode, 200)
  t.equal((await ada(`${api}/current`)).headers['x-ratelimit-limit'], '120')
  t.equal((await ada('/api/v1/admin/sessions')).headers['x-ratelimit-limit'], '300')
})

t.test('@fastify/helmet and @fastify/cors set their headers on the session routes', async t => {
  const app = await neighbourhood(t, {}, {
    async before (app) {
      await app.register(helmet)
      await app.register(cors, { origin: ['https://app.example'], credentials: true })
    }
  })
  const send = browser(app)
  await send('/login', { method: 'POST', payload: { userId: 'ada' } })
  const answer = await send(api, { headers: { origin: 'https://app.example' } })
  t.match(answer.headers, {
    'access-control-allow-origin': 'https://app.example',
    'access-control-allow-credentials': 'true',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store'
  })
  t.match(String(answer.headers.vary), /Origin/)
  t.ok(answer.headers['content-security-policy'])
  const preflight = await send(`${api}/logout`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' }
  })
  t.equal(preflight.statusCode, 204)
  t.strictSame(setCookies(preflight), [])
  const foreign = await send(`${api}/logout`, {
    method: 'POST',
    payload: {},
    headers: { origin: 'https://app.example', host: 'api.example' }
  })
  t.equal(foreign.statusCode, 403, 'what may read may not change: another origin is another site')
})

t.test('@fastify/swagger documents the session routes, and @fastify/swagger-ui shows them', async t => {
  const app = await neighbourhood(t, { routes: { security: 'sessionCookie' }, admin: { authorize: () => true } }, {
    async before (app) {
      await app.register(swagger, {
        openapi: {
          openapi: '3.1.0',
          info: { title: 'An app', version: '1' },
          components: { securitySchemes: { sessionCookie: { type: 'apiKey', in: 'cookie', name: '__Host-sid' } } }
        }
      })
      await app.register(swaggerUi, { routePrefix: '/docs' })
    }
  })
  const document = app.swagger() as unknown as {
    paths: Record<string, Record<string, { operationId?: string; security?: object[]; responses?: object }>>
  }
  t.strictSame(
    Object.keys(document.paths)
      .filter(path => path.startsWith(api))
      .sort(),
    ['/', '/current', '/events', '/logout', '/refresh', '/revoke', '/{id}'].map(path => `${api}${path}`)
  )
  t.match(document.paths[`${api}/`]?.['get'], { operationId: 'listSessions', security: [{ sessionCookie: [] }], responses: { 200: {} } })
  const ids = Object.values(document.paths).flatMap(methods => Object.values(methods).flatMap(({ operationId }) => operationId ?? []))
  t.equal(new Set(ids).size, ids.length, 'no operation has the name of another')
  t.equal((await app.inject('/docs/json')).statusCode, 200)
  t.match((await app.inject('/docs/')).body, /swagger-ui/)
})

t.test('@fastify/under-pressure can check the health of the store', async t => {
  const app = await neighbourhood(
    t,
    {},
    {
      async after (app) {
        await app.register(underPressure, {
          exposeStatusRoute: '/health',
          healthCheck: async () => {
            await app.sessions.ping()
            return true
          },
          healthCheckInterval: 60_000
        })
      }
    }
  )
  t.strictSame((await app.inject('/health')).json(), { status: 'ok' })
})

t.test('@fastify/websocket handlers have the session, and sockets close when it ends', async t => {
  const closed = gate()
  const { app, signIn } = await testApp(t, {}, app => {
    app.register(websocket)
    app.register(async app => {
      app.get('/live', { websocket: true, config: { session: { required: true, sameOrigin: true } } }, (socket, request) => {
        // the pipe that stands for a network has no end of its own
        request.session.onEnd(({ reason }) => { socket.close(4401, reason); setImmediate(() => { socket.terminate() }) })
        socket.on('message', () => { socket.send(String(request.session.userId)) })
      })
    })
  })
  const cookie = await signIn()
  const socket = await app.injectWS('/live', { headers: { cookie } })
  const heard = new Promise(resolve => { socket.once('message', (data: Buffer) => { resolve(data.toString()) }) })
  socket.send('who am I?')
  t.equal(await heard, 'ada')
  socket.once('close', (code, reason) => { t.strictSame([code, String(reason)], [4401, 'revoked']); closed.open() })
  await app.sessions.revokeUser('ada')
  await closed.opened
  await t.rejects(app.injectWS('/live', {}), /401/)
})

t.test('@fastify/sse streams to a signed-in user, and save() stores the data', async t => {
  const app = await neighbourhood(t, {}, {
    async after (app) {
      await app.register(sse as unknown as Parameters<FastifyInstance['register']>[0], { heartbeatInterval: 0 } as object)
      app.get('/feed', { sse: true, config: { session: { required: true } } } as object, async (request, reply) => {
        request.session.set('feed', 'seen')
        await request.session.save()
        await (reply as unknown as { sse: { send: (message: { data: string }) => Promise<void> } }).sse.send({
          data: String(request.session.userId)
        })
      })
      app.get('/seen', async request => ({ feed: request.session.get('feed') }))
    }
  })
  const send = browser(app)
  t.equal((await send('/feed', { headers: { accept: 'text/event-stream' } })).statusCode, 401)
  await send('/login', { method: 'POST', payload: { userId: 'ada' } })
  const feed = await send('/feed', { headers: { accept: 'text/event-stream' } })
  t.match(feed.headers['content-type'], 'text/event-stream')
  t.match(feed.body, 'ada')
  t.strictSame((await send('/seen')).json(), { feed: 'seen' })
})

t.test('@fastify/autoload loads the plugin from a folder', async t => {
  const lib = new URL('../../lib/index.ts', import.meta.url).href
  const dir = t.testdir({
    package: '',
    plugins: {
      'sessions.mjs': `import sessions from '${lib}'\nconst plugin = async app => { await app.register(sessions, { secret: '${secret}' }) }\nplugin[Symbol.for('skip-override')] = true\nexport default plugin\n`
    },
    routes: {
      'me.mjs':
        'export default async app => { app.get("/me", { onRequest: app.requireSession }, async request => ({ userId: request.session.userId }))\n app.post("/login", async request => { await request.session.login("ada"); return {} }) }\n'
    }
  })
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(autoload, { dir: `${dir}/plugins` })
  app.register(autoload, { dir: `${dir}/routes`, options: { prefix: '/app' } })
  t.equal((await app.inject('/app/me')).statusCode, 401)
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/app/login' }))
  t.strictSame((await app.inject({ url: '/app/me', headers: { cookie } })).json(), { userId: 'ada' })
})

t.test('@fastify/cookie can be registered before, after or not at all, and its cookies are sent, too', async t => {
  for (const when of ['before', 'after', 'never'] as const) {
    const other = async (app: FastifyInstance): Promise<void> => {
      if (when !== 'never') await app.register(cookie, { secret: 'another secret' })
    }
    const app = await neighbourhood(t, {}, {
      before: async app => { if (when === 'before') await other(app) },
      after: async app => {
        if (when === 'after') await other(app)
        app.post('/both', async (request, reply) => {
          await request.session.login('ada')
          if (when !== 'never') reply.setCookie('theme', 'dark')
          return { parsed: when === 'never' ? {} : request.cookies }
        })
      }
    })
    const send = browser(app)
    t.equal(setCookies(await send('/both', { method: 'POST' })).length, when === 'never' ? 1 : 2)
    t.strictSame((await send('/me')).json(), { userId: 'ada' })
    if (when !== 'never') { t.strictSame(Object.keys((await send('/both', { method: 'POST' })).json<{ parsed: object }>().parsed).sort(), ['sid', 'theme']) }
  }
})
