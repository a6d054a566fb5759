import { createHmac, randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import { secret, served } from './fastify.js'

/**
 * The least that a server-side session can do: find the cookie, know its value from before, look the session up, count. No policy, no
 * expiry, no store but a Map, no second look at anything. What a session library costs more than this is its own.
 */
export async function floor () {
  const app = Fastify()
  const verified = new Map()
  const sessions = new Map()
  app.decorateRequest('userId', null)
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
    }
    done()
  })
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) => request.userId === null ? reply.code(401).send() : { userId: request.userId })
  app.post('/login', async (request, reply) => {
    const { userId } = request.body
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, { id, userId, ip: request.ip, agent: request.headers['user-agent'], createdAt: Date.now(), lastSeenAt: Date.now(), requests: 0 })
    reply.header('set-cookie', `sid=${id}.${sign(id)}; Path=/; HttpOnly; SameSite=Lax`)
    return { userId }
  })
  app.post('/logout', async (request, reply) => {
    const value = request.headers.cookie.slice(4)
    sessions.delete(verified.get(value))
    verified.delete(value)
    reply.header('set-cookie', 'sid=; Path=/; Max-Age=0')
    return { done: true }
  })
  return served(app)

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
