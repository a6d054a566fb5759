import express from 'express'
import expressSession from 'express-session'
import { secret } from './fastify.js'
import { recordOn } from './peers.js'

export async function bareExpress () {
  const app = newApp()
  app.get('/me', (_request, response) => { response.json({ userId: 'user 1' }) })
  app.post('/login', (request, response) => { response.json({ userId: request.body.userId }) })
  app.post('/logout', (_request, response) => { response.json({ done: true }) })
  return served(app)
}

/** express-session, keeping of each request what this package keeps. */
export async function express5 ({ store } = {}) {
  const app = newApp()
  app.use(expressSession({ secret, resave: false, saveUninitialized: false, ...store === undefined ? {} : { store } }))
  app.get('/me', (request, response) => {
    const { session } = request
    if (session.userId === undefined) { response.sendStatus(401); return }
    recordOn(session, request)
    response.json({ userId: session.userId })
  })
  app.post('/login', (request, response, next) => {
    const { userId } = request.body
    request.session.regenerate(error => {
      if (error) { next(error); return }
      Object.assign(request.session, { userId, ip: request.ip, agent: request.headers['user-agent'], requests: 0, lastSeenAt: Date.now() })
      response.json({ userId })
    })
  })
  app.post('/logout', (request, response, next) => {
    request.session.destroy(error => { if (error) next(error); else response.json({ done: true }) })
  })
  return served(app)
}

function newApp () {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(express.json())
  app.get('/hello', (_request, response) => { response.json({ hello: 'world' }) })
  return app
}

function served (app) {
  return {
    listen: () => new Promise(resolve => {
      const server = app.listen(0, '127.0.0.1', () => { resolve(server.address().port) })
      // as Fastify does: the client's connections stay open between rounds
      server.keepAliveTimeout = 72_000
    })
  }
}
