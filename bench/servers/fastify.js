import cookie from '@fastify/cookie'
import Fastify from 'fastify'

export const secret = 'a secret of the benchmarks, long enough'

/** A Fastify app as the bench wants it. */
export function served (app, more = {}) {
  return {
    ...more,
    async listen () {
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app.server.address().port
    }
  }
}

/** Fastify that knows nobody. */
export async function bare () {
  const app = Fastify()
  addRoutes(app)
  return served(app)
}

/** And parses the cookies. */
export async function cookieAlone () {
  const app = Fastify()
  app.register(cookie)
  addRoutes(app)
  return served(app)
}

function addRoutes (app) {
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', async () => ({ userId: 'user 1' }))
  app.post('/login', async request => ({ userId: request.body.userId }))
  app.post('/logout', async () => ({ done: true }))
}
