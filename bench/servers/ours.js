import { monitorEventLoopDelay } from 'node:perf_hooks'
import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import sessions, { SessionManager, memoryStore } from '../../dist/lib/index.js'
import { toCookieAttributes } from '../../dist/lib/cookie/attributes.js'
import { SessionCookie } from '../../dist/lib/cookie/cookie.js'
import { secret, served } from './fastify.js'

const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/'

/** This package, on a store. `beside`: the app registers @fastify/cookie too. */
export async function ours ({ store = memoryStore({ max: Infinity }), beside = false } = {}) {
  const app = Fastify()
  if (beside) app.register(cookie)
  app.register(sessions, { secret, store })
  app.get('/hello', async () => ({ hello: 'world' }))
  app.get('/me', { config: { session: { required: true } } }, async request => ({ userId: request.session.userId }))
  app.post('/login', async request => {
    const { userId } = request.body
    await request.session.login(userId, { method: 'password' })
    return { userId }
  })
  app.post('/logout', { config: { session: { required: true } } }, async request => {
    await request.session.logout()
    return { loggedOut: true }
  })
  return served(app, atScale(app))
}

/** What is asked of a process that holds many sessions. */
function atScale (app) {
  return {
    /** Creates sessions, so many a user; answers the Cookie headers of `cookies` of them, spread over all. */
    async fill ({ sessions, perUser = 1, cookies = 0 }) {
      const jar = new SessionCookie(toCookieAttributes({}), [secret])
      const every = Math.floor(sessions / Math.max(cookies, 1))
      const headers = []
      for (let i = 0; i < sessions; i++) {
        const { token } = await app.sessions.create({
          userId: `user ${Math.floor(i / perUser)}`,
          method: 'password',
          ip: `192.0.2.${i % 200}`,
          userAgent: `${agent}${100 + (i % 45)}.0`
        })
        if (headers.length < cookies && i % every === 0) headers.push(jar.write(token).split(';', 1)[0])
      }
      return headers
    },
    /** Lists all sessions of users, one after the other; microseconds each. */
    async list ({ times, users }) {
      for (let i = 0; i < times; i++) await app.sessions.listByUser(`user ${(i * 7919) % users}`)
      const started = performance.now()
      for (let i = 0; i < times; i++) await app.sessions.listByUser(`user ${(i * 104_729) % users}`)
      return (performance.now() - started) * 1000 / times
    }
  }
}

/** A manager without a server, whose clock can be moved: fills itself, lets everything expire, and cleans up. */
export async function cleaningUp () {
  let passed = 0
  const manager = await new SessionManager({ secret, store: memoryStore({ max: Infinity }), now: () => Date.now() + passed }).open()
  return {
    listen: async () => 0,
    async fill ({ sessions, perUser }) {
      for (let i = 0; i < sessions; i++) {
        await manager.create({
          userId: `user ${Math.floor(i / perUser)}`,
          ip: `192.0.2.${i % 200}`,
          userAgent: `${agent}${100 + (i % 45)}.0`
        })
      }
    },
    async cleanup () {
      passed += 3_600_000
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      await new Promise(resolve => { setTimeout(resolve, 50) })
      delay.reset()
      const started = performance.now()
      const ended = await manager.cleanup()
      const seconds = (performance.now() - started) / 1000
      await new Promise(resolve => { setTimeout(resolve, 5) })
      delay.disable()
      // the histogram counts from one tick to the next, which are a millisecond apart when nothing is in the way
      return { ended, seconds, p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
    }
  }
}
