import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { fromNodeHeaders } from 'better-auth/node'
import Fastify from 'fastify'
import { secret, served } from './fastify.js'
import { known } from './peers.js'

/** better-auth with its sessions in a Map (its memory adapter looks through all rows), and passwords that cost nothing to check. */
export async function better () {
  const sessions = new Map()
  const auth = betterAuth({
    secret,
    baseURL: 'http://localhost',
    logger: { disabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    advanced: { useSecureCookies: false, disableCSRFCheck: true },
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    secondaryStorage: {
      get: key => sessions.get(key) ?? null,
      set: (key, value) => {
        sessions.set(key, value)
      },
      delete: key => {
        sessions.delete(key)
      }
    },
    emailAndPassword: {
      enabled: true,
      password: { hash: async password => password, verify: async ({ hash, password }) => hash === password }
    }
  })
  const app = Fastify()
  const users = new Set()
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async (request, reply) =>
    known((await auth.api.getSession({ headers: fromNodeHeaders(request.headers) }))?.user.name, reply)
  )
  app.post('/login', async (request, reply) => {
    const { userId } = request.body
    const credentials = { email: `${userId.replace(' ', '.')}@example.com`, password: 'a password' }
    const response = users.has(userId)
      ? await auth.api.signInEmail({ body: credentials, headers: fromNodeHeaders(request.headers), asResponse: true })
      : await auth.api.signUpEmail({ body: { ...credentials, name: userId }, headers: fromNodeHeaders(request.headers), asResponse: true })
    users.add(userId)
    reply.code(response.status).header('set-cookie', response.headers.getSetCookie())
    return { userId }
  })
  app.post('/logout', async (request, reply) => {
    const response = await auth.api.signOut({ headers: fromNodeHeaders(request.headers), asResponse: true })
    reply.code(response.status)
    return { done: true }
  })
  return served(app)
}
