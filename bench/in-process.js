// node bench/in-process.js [request|write|login …] [--against=dir,…] [--rounds=9] [--cookies=10000]: requests without sockets, in one
// process and in turns. `--against`: other trees of this package, built, to be compared with.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import cookie from '@fastify/cookie'
import secureSession from '@fastify/secure-session'
import session from '@fastify/session'
import Fastify from 'fastify'
import { median } from './median.js'
import { keysOf, userOf } from './servers/data.js'
import { secret } from './servers/fastify.js'
import { floorApp } from './servers/floor.js'

process.env.NODE_ENV = 'production'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    cookies: { type: 'string', default: '10000' },
    only: { type: 'string' },
    store: { type: 'string', default: 'memory' }
  }
})
const wanted = positionals.length === 0 ? ['request', 'write', 'login'] : positionals
const rounds = Number(values.rounds)
const count = Number(values.cookies)
const perRound = 4000
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'

/** A response as far as Fastify uses it; it goes nowhere. */
class Response {
  statusCode = 200
  headersSent = false
  finished = false
  headers = null
  constructor (done) { this.done = done }
  writeHead (status, headers) { this.statusCode = status; this.headers = headers; this.headersSent = true }
  end () { this.finished = true; this.done(this) }
  setHeader () {}
  getHeader () {}
  hasHeader () { return false }
  removeHeader () {}
  on () { return this }
  once () { return this }
  removeListener () { return this }
}

const socket = { remoteAddress: '203.0.113.77', encrypted: false, destroyed: false }

function send (app, method, url, cookie) {
  return new Promise(resolve => {
    const headers = { host: 'localhost', 'user-agent': agent, accept: 'application/json' }
    if (cookie !== undefined) headers.cookie = cookie
    app.routing({ method, url, headers, socket, httpVersion: '1.1', raw: null, on () {}, once () {}, removeListener () {} }, new Response(resolve))
  })
}

const apps = {
  bare: async () => {
    const app = Fastify()
    for (const path of ['/me', '/user', '/keys', '/write']) app.get(path, async () => ({ userId: 'user 1', email: 'e' }))
    app.get('/login', async () => ({ userId: 'user 1' }))
    app.get('/login-data', async () => ({ userId: 'user 1' }))
    app.get('/login-keys', async () => ({ userId: 'user 1' }))
    return app
  },
  floor: async () => floorApp(),
  ours: () => ours('..'),
  ...Object.fromEntries((values.against?.split(',') ?? []).map(dir => [dir, () => ours(dir.startsWith('/') ? dir : `${process.cwd()}/${dir}`)])),
  '@fastify/session, rolling: false': async () => {
    const app = Fastify()
    app.register(cookie)
    app.register(session, { secret, cookie: { secure: false }, saveUninitialized: false, rolling: false })
    addPeerRoutes(app, async (request, data) => {
      await request.session.regenerate()
      Object.assign(request.session, data)
    })
    return app
  },
  '@fastify/secure-session': async () => {
    const app = Fastify()
    app.register(secureSession, { key: Buffer.alloc(32, 7), cookie: { path: '/' } })
    addPeerRoutes(app, async (request, data) => {
      for (const key of Object.keys(data)) request.session[key] = data[key]
    })
    return app
  }
}

let n = 0

async function ours (dir) {
  const { default: sessions, memoryStore } = await import(`${dir}/dist/lib/index.js`)
  const store = values.store === 'memory' ? memoryStore({ max: Infinity }) : (await import(`${dir}/dist/lib/stores/sqlite.js`)).sqliteStore(join(tmpdir(), `in-process-${process.pid}-${n++}.db`))
  const app = Fastify()
  app.register(sessions, { secret, store })
  app.get('/me', async ({ session }) => ({ userId: session.userId }))
  app.get('/user', async ({ session }) => ({ userId: session.userId, email: session.user.email }))
  app.get('/keys', async ({ session }) => ({ userId: session.userId, email: session.user.email + session.cart.length + session.filters.length + session.seen.length + session.draft.length }))
  app.get('/write', async ({ session }) => { session.count = (session.count ?? 0) + 1; return { userId: session.userId, email: session.user.email } })
  app.get('/login', async ({ session }) => { await session.login(`user ${n++ % 10_000}`); return { userId: session.userId } })
  app.get('/login-data', async ({ session }) => { await session.login(`user ${n++ % 10_000}`, { data: { user: userOf(n) } }); return { userId: session.userId } })
  app.get('/login-keys', async ({ session }) => { await session.login(`user ${n++ % 10_000}`, { data: keysOf(n) }); return { userId: session.userId } })
  return app
}

function addPeerRoutes (app, login) {
  app.get('/me', async ({ session }) => ({ userId: session.userId }))
  app.get('/user', async ({ session }) => ({ userId: session.userId, email: session.user.email }))
  app.get('/keys', async ({ session }) => ({ userId: session.userId, email: session.user.email + session.cart.length + session.filters.length + session.seen.length + session.draft.length }))
  app.get('/write', async ({ session }) => { session.count = (session.count ?? 0) + 1; return { userId: session.userId, email: session.user.email } })
  app.get('/login', async request => { const userId = `user ${n++ % 10_000}`; await login(request, { userId }); return { userId } })
  app.get('/login-data', async request => { const userId = `user ${n++ % 10_000}`; await login(request, { userId, user: userOf(n) }); return { userId } })
  app.get('/login-keys', async request => { const userId = `user ${n++ % 10_000}`; await login(request, { userId, ...keysOf(n) }); return { userId } })
}

const kinds = {
  request: [['no data', '/login', '/me'], ['150 bytes, read', '/login-data', '/user'], ['2 KB in 5 keys, read', '/login-keys', '/keys']],
  write: [['150 bytes, one key written', '/login-data', '/write'], ['2 KB in 5 keys, one key written', '/login-keys', '/write']],
  login: [['no data', null, '/login'], ['150 bytes', null, '/login-data'], ['2 KB in 5 keys', null, '/login-keys']]
}

const chosen = Object.entries(apps).filter(([name]) => name === 'bare' || values.only === undefined || values.only.split(',').some(part => name.includes(part)))
for (const kind of wanted) {
  for (const [title, login, path] of kinds[kind]) {
    const running = new Map()
    for (const [name, build] of chosen) {
      const app = await build()
      await app.ready()
      const cookies = []
      for (let i = 0; i < (login === null ? 0 : count); i++) {
        const { headers } = await send(app, 'GET', login)
        const set = [headers?.['set-cookie'] ?? []].flat().map(text => text.split(';', 1)[0])
        cookies.push(set.length === 0 ? undefined : set.join('; '))
      }
      running.set(name, { app, cookies, results: [], bytes: [] })
    }
    for (let round = -2; round < rounds; round++) {
      for (const run of running.values()) {
        globalThis.gc?.()
        const heap = process.memoryUsage().heapUsed
        const before = process.cpuUsage()
        let used = 0
        for (let i = 0; i < perRound; i++) {
          const response = await send(run.app, 'GET', path, run.cookies[(i + (round + 2) * 7) % count])
          if (response.statusCode !== 200) throw new Error(`${response.statusCode}`)
          if (path === '/write' && response.headers['set-cookie'] !== undefined) run.cookies[(i + (round + 2) * 7) % count] = String(response.headers['set-cookie']).split(';', 1)[0]
          if (i === 1000) used = process.memoryUsage().heapUsed - heap
        }
        const { user, system } = process.cpuUsage(before)
        if (round >= 0) { run.results.push((user + system) / perRound); run.bytes.push(used / 1000) }
      }
    }
    const bare = running.get('bare')
    console.log(`\n${kind}, ${title}; ${values.store} store, ${count} cookies, median of ${rounds} rounds, µs over bare (bare: ${median(bare.results).toFixed(1)}; least in brackets)`)
    for (const [name, { app, results, bytes }] of running) {
      const over = results.map((cpu, i) => cpu - bare.results[i])
      const line = `${median(over).toFixed(1)} (${(Math.min(...results) - Math.min(...bare.results)).toFixed(1)})`
      if (name !== 'bare') console.log(`  ${name.padEnd(36)} ${line.padStart(16)}   garbage over bare: ${Math.round(median(bytes) - median(bare.bytes))} B`)
      await app.close()
    }
  }
}
