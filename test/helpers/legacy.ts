import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import express from 'express'
import expressSession from 'express-session'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import { memoryStore } from '../../lib/index.ts'
import type { SessionEventOf, SessionEventType, SessionPluginOptions, Store } from '../../lib/index.ts'
import { fromExpressSession, fromFastifySession } from '../../lib/migration/index.ts'
import type { CallbackStore, LegacyAdapter, MigrationOptions } from '../../lib/migration/index.ts'
import { firefox, testApp } from './app.ts'
import type { TestApp } from './app.ts'
import { Jar } from './demo.ts'

export type Test = { teardown: (fn: () => unknown) => void }
type Data = Record<string, unknown>

/** An app that runs an old library, and what takes its sessions over. */
export interface Old {
  readonly url: string
  /** A browser that has signed in over HTTP. */
  signIn (userId: string): Promise<Jar>
  /** The user's id there; absent: the name that they signed in with. */
  idOf? (jar: Jar): Promise<string>
  readonly adapter: LegacyAdapter
  /** How the app finds the owner in the old data; absent where the record names it. */
  readonly resolveUserId?: (data: Data) => string | undefined
  /** The name of its cookie. */
  readonly cookie: string
  /** The old record stays after the switch; a sealed cookie is its own record. */
  readonly stored: boolean
}

/** Imported without its types: two libraries cannot type `request.session` in one program. */
const untyped: string = '@fastify/session'
const { default: fastifySession } = (await import(untyped)) as {
  default: FastifyPluginCallback<Data> & { MemoryStore: new () => CallbackStore }
}

export const oldSecret = 'the secret of the old library, long enough'
export const hour = 3_600_000
export const day = 24 * hour

/** The owner, where the old apps of the tests put it. */
export const ownerInData = (data: Data): string | undefined => (data['user'] as { id: string } | undefined)?.id

/** Signs a user in by `POST /login`, and answers who it is by `GET /me`. */
export async function signedIn (url: string, userId: string): Promise<Jar> {
  const jar = new Jar(url, firefox)
  await jar.post('/login', { userId })
  return jar
}

/** Options: the old library's, over the defaults of the tests. */
export async function oldFastifySession (
  t: Test,
  options: { maxAge?: number; cookiePrefix?: string; store?: CallbackStore } = {}
): Promise<Old> {
  const { maxAge = 24 * hour, cookiePrefix = '', store = new fastifySession.MemoryStore() } = options
  const app = Fastify()
  app.register(cookie)
  app.register(fastifySession, {
    secret: oldSecret,
    store,
    cookiePrefix,
    saveUninitialized: false,
    cookie: { secure: false, ...(maxAge === 0 ? {} : { maxAge }) }
  })
  const sessionOf = (request: object): Data => (request as { session: Data }).session
  app.post('/login', async request => {
    Object.assign(sessionOf(request), { user: { id: (request.body as { userId: string }).userId }, cart: ['book'] })
  })
  app.post('/set', async request => {
    Object.assign(sessionOf(request), request.body)
  })
  app.get('/me', async request => {
    const { user = null, cart = null } = sessionOf(request)
    return { user, cart }
  })
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url,
    cookie: 'sessionId',
    stored: true,
    signIn: userId => signedIn(url, userId),
    adapter: fromFastifySession({ secret: oldSecret, store, cookiePrefix }),
    resolveUserId: ownerInData
  }
}

export async function oldExpressSession (
  t: Test,
  options: { maxAge?: number; rolling?: boolean } = {}
): Promise<Old & { store: expressSession.MemoryStore }> {
  const { maxAge = 24 * hour, rolling = false } = options
  const store = new expressSession.MemoryStore()
  const app = express()
  app.use(
    expressSession({
      secret: oldSecret,
      store,
      rolling,
      resave: false,
      saveUninitialized: false,
      cookie: maxAge === 0 ? {} : { maxAge }
    }),
    express.json()
  )
  app.post('/login', (request, response) => {
    Object.assign(request.session, { user: { id: (request.body as { userId: string }).userId }, cart: ['book'] })
    response.json({})
  })
  app.post('/set', (request, response) => {
    Object.assign(request.session, request.body)
    response.json({})
  })
  app.get('/me', (request, response) => {
    const { user = null, cart = null } = request.session as unknown as Data
    response.json({ user, cart })
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => {
    server.on('listening', resolve)
  })
  t.teardown(() => {
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    cookie: 'connect.sid',
    stored: true,
    store,
    signIn: userId => signedIn(url, userId),
    adapter: fromExpressSession({ secret: [oldSecret], store, rolling }),
    resolveUserId: ownerInData
  }
}

/** The next event of a type that has these details. */
export function once<T extends SessionEventType> (
  app: FastifyInstance,
  type: T,
  details: Partial<SessionEventOf<T>> = {}
): Promise<SessionEventOf<T>> {
  return new Promise(resolve => {
    const stop = app.sessions.on(type, event => {
      if (!Object.entries(details).every(([key, value]) => event[key as keyof typeof event] === value)) return
      stop()
      resolve(event)
    })
  })
}

/** The app after the switch, on our plugin; its clock starts now, because old libraries know no other. */
export async function newApp (
  t: Test,
  old: Old,
  migrate: Partial<MigrationOptions> = {},
  options: SessionPluginOptions = {}
): Promise<TestApp & { url: string }> {
  const clock = { now: Date.now() }
  const app = await testApp(
    t,
    {
      now: () => clock.now,
      maxSessions: 10,
      absoluteTimeout: '30d',
      idleTimeout: '10d',
      migrate: {
        adapters: [old.adapter],
        until: clock.now + 90 * 24 * hour,
        ...(old.resolveUserId === undefined ? {} : { resolveUserId: old.resolveUserId }),
        ...migrate
      },
      ...options
    },
    app => {
      app.get('/cached', async (_request, reply) => {
        reply.header('cache-control', 'public, max-age=60')
        return {}
      })
    }
  )
  return { ...app, clock, url: await app.app.listen({ port: 0, host: '127.0.0.1' }) }
}

/** A store of ours that can do everything but create. */
export function withoutCreate (): Store {
  return new Proxy<Store>(memoryStore(), {
    get (store, verb: keyof Store) {
      if (verb === 'create') return () => { throw new Error('down') }
      const value = store[verb] as unknown
      return typeof value === 'function' ? value.bind(store) as unknown : value
    }
  })
}
