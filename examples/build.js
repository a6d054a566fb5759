import { readFile } from 'node:fs/promises'
import { scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const file = name => readFile(new URL(`demo/${name}`, import.meta.url))
const derive = promisify(scrypt)

// Who may sign in is yours; this demo knows three people, whose password is their name.
const users = new Map(await Promise.all(['ada', 'grace', 'linus'].map(async name => [name, await derive(name, `demo ${name}`, 32)])))

async function checkPassword ({ name, password }) {
  const stored = users.get(name)
  const given = await derive(password, `demo ${name}`, 32)
  return stored !== undefined && timingSafeEqual(stored, given)
}

/** The app: a sign-in, a page, and the sessions. `options` goes to the session plugin. */
export async function build (Fastify, sessions, options = {}) {
  const app = Fastify()
  await app.register(sessions, {
    maxSessions: 3,
    devicesPage: { path: '/account/sessions', login: '/' },
    admin: { authorize: request => request.session.userId === 'ada', console: { path: '/admin/sessions', login: '/' } },
    ...options
  })

  app.post('/login', {
    config: { session: { sameOrigin: true } },
    schema: {
      body: {
        type: 'object',
        required: ['name', 'password'],
        properties: { name: { type: 'string', maxLength: 64 }, password: { type: 'string', maxLength: 256 }, remember: { type: 'boolean' } }
      }
    }
  }, async (request, reply) => {
    if (!await checkPassword(request.body)) return reply.code(401).send({ message: 'Wrong name or password.' })
    await request.session.login(request.body.name, { remember: request.body.remember === true, method: 'password' })
    return { userId: request.session.userId }
  })

  app.get('/me', { config: { session: { required: true } } }, async request => {
    request.session.visits = (request.session.visits ?? 0) + 1
    return { userId: request.session.userId, visits: request.session.visits, expiresAt: request.session.info.expiresAt }
  })

  app.get('/public', { config: { session: false } }, async () => ({ hello: 'world' }))

  for (const [path, name, type] of [['/', 'index.html', 'text/html'], ['/demo.js', 'demo.js', 'text/javascript'], ['/demo.css', 'demo.css', 'text/css']]) {
    app.get(path, { config: { session: false } }, async (request, reply) => reply
      .header('content-security-policy', "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
      .type(`${type}; charset=utf-8`)
      .send(await file(name)))
  }
  return app
}
