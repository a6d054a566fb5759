import { createHmac, randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import { keysOf, userOf } from './data.js'
import { secret, served } from './fastify.js'

/**
 * The least that a server-side session can do: find the cookie, know its value from before, look the session up, count. No policy, no
 * expiry, no store but a Map, no second look at anything. What a session library costs more than this is its own.
 */
export async function floor () {
  return served(floorApp())
}

/** The app of the floor. */
export function floorApp () {
  const app = Fastify()
  const verified = new Map()
  const sessions = new Map()
  let signIns = 0
  app.decorateRequest('userId', null)
  app.decorateRequest('session', null)
  app.addHook('onRequest', function (request, _reply, done) {
    const header = request.headers.cookie
    const at = header === undefined ? -1 : header.indexOf('sid=')
    if (at === -1) { done(); return }
    const end = header.indexOf(';', at)
    const value = header.slice(at + 4, end === -1 ? header.length : end)
    const id = verified.get(value) ?? verify(value)
    const session = sessions.get(id)
    if (session !== undefined) {
      session.lastSeenAt = Date.now()
      session.requests++
      if (session.ip !== request.ip) session.ip = request.ip
      const agent = request.headers['user-agent']
      if (session.agent !== agent) session.agent = agent
      request.userId = session.userId
      request.session = session
    }
    done()
  })
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) => request.userId === null ? reply.code(401).send() : { userId: request.userId })
  app.get('/user', async ({ session: { userId, data } }) => ({ userId, email: data.user.email }))
  app.get('/keys', async ({ session: { userId, data } }) => ({
    userId,
    email: data.user.email + data.cart.length + data.filters.length + data.seen.length + data.draft.length
  }))
  app.get('/write', async ({ session: { userId, data } }) => {
    data.count = (data.count ?? 0) + 1
    return { userId, email: data.user.email }
  })
  app.post('/login', async (request, reply) => login(request, reply, request.body.userId, {}))
  app.get('/login', async (request, reply) => login(request, reply, `user ${signIns++ % 10_000}`, {}))
  app.get('/login-data', async (request, reply) => login(request, reply, `user ${signIns++ % 10_000}`, { user: userOf(signIns) }))
  app.get('/login-keys', async (request, reply) => login(request, reply, `user ${signIns++ % 10_000}`, keysOf(signIns)))
  app.post('/logout', async (request, reply) => {
    const value = request.headers.cookie.slice(4)
    sessions.delete(verified.get(value))
    verified.delete(value)
    reply.header('set-cookie', 'sid=; Path=/; Max-Age=0')
    return { done: true }
  })
  return app

  function login (request, reply, userId, data) {
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, {
      id,
      userId,
      data,
      ip: request.ip,
      agent: request.headers['user-agent'],
      createdAt: Date.now(),
      lastSeenAt: Date.now(),
      requests: 0
    })
    reply.header('set-cookie', `sid=${id}.${sign(id)}; Path=/; HttpOnly; SameSite=Lax`)
    return { userId }
  }

  function verify (value) {
    const [id, signature] = value.split('.')
    if (signature !== sign(id)) return undefined
    verified.set(value, id)
    return id
  }
}

function sign (id) {
  return createHmac('sha256', secret).update(id).digest('base64url')
}
