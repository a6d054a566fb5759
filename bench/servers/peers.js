import cookie from '@fastify/cookie'
import secureSession from '@fastify/secure-session'
import session from '@fastify/session'
import Fastify from 'fastify'
import { getIronSession } from 'iron-session'
import { secret, served } from './fastify.js'

/** @fastify/session. `recording`: the app keeps of each request what this package keeps. */
export async function fastifySession ({ recording = false, store, ...options } = {}) {
  const app = Fastify()
  app.register(cookie)
  app.register(session, {
    secret,
    cookie: { secure: false },
    saveUninitialized: false,
    ...(store === undefined ? {} : { store }),
    ...options
  })
  if (recording) {
    app.addHook('preHandler', function record (request, _reply, done) {
      if (request.session.userId !== undefined) recordOn(request.session, request)
      done()
    })
  }
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) => known(request.session.userId, reply))
  app.post('/login', async request => {
    const { userId } = request.body
    await request.session.regenerate()
    Object.assign(request.session, { userId, ip: request.ip, agent: request.headers['user-agent'], requests: 0, lastSeenAt: Date.now() })
    return { userId }
  })
  app.post('/logout', async request => {
    await request.session.destroy()
    return { done: true }
  })
  return served(app)
}

/** What a request adds to a session, on peers that keep an object of their own. */
export function recordOn (session, request) {
  session.ip = request.ip
  session.agent = request.headers['user-agent']
  session.requests = (session.requests ?? 0) + 1
  session.lastSeenAt = Date.now()
}

/** Stateless: everything is in the cookie, sealed. It can't be listed or ended. */
export async function fastifySecureSession () {
  const app = Fastify()
  app.register(secureSession, { key: Buffer.alloc(32, 7), cookie: { path: '/' } })
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) => known(request.session.get('userId'), reply))
  app.post('/login', async request => {
    request.session.set('userId', request.body.userId)
    return { userId: request.body.userId }
  })
  app.post('/logout', async request => {
    request.session.delete()
    return { done: true }
  })
  return served(app)
}

/** Stateless, too. */
export async function ironSession () {
  const app = Fastify()
  const options = { password: secret, cookieName: 'iron', cookieOptions: { secure: false } }
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) => known((await getIronSession(request.raw, reply.raw, options)).userId, reply))
  app.post('/login', async (request, reply) => {
    const session = await getIronSession(request.raw, reply.raw, options)
    session.userId = request.body.userId
    await session.save()
    return { userId: session.userId }
  })
  app.post('/logout', async (request, reply) => {
    (await getIronSession(request.raw, reply.raw, options)).destroy()
    return { done: true }
  })
  return served(app)
}

export function known (userId, reply) {
  return userId === undefined ? reply.code(401).send() : { userId }
}
