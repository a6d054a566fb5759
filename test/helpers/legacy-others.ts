import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Auth, skipCSRFCheck } from '@auth/core'
import type { Adapter } from '@auth/core/adapters'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import Fastify from 'fastify'
import type { FastifyPluginCallback } from 'fastify'
import { getIronSession, unsealData } from 'iron-session'
import Database from 'libsql'
import { fromAuthJs, fromBetterAuth, fromIronSession, fromSecureSession } from '../../lib/migration/index.ts'
import type { Sodium } from '../../lib/migration/index.ts'
import { firefox } from './app.ts'
import { Jar } from './demo.ts'
import { oldSecret, ownerInData, signedIn } from './legacy.ts'
import type { Old, Test } from './legacy.ts'

/** Imported without its types: two libraries cannot type `request.session` in one program. */
const untyped: string = '@fastify/secure-session'
const { default: secureSession } = await import(untyped) as { default: FastifyPluginCallback<Record<string, unknown>> }
const sodium = createRequire(import.meta.resolve(untyped))('sodium-native') as Sodium

/** Serves what speaks Fetch. */
async function serve (t: Test, handler: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const { method = 'GET', url = '/' } = request
      const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) }
      void handler(
        new Request(`http://${request.headers.host ?? ''}${url}`, { method, headers: request.headers as Record<string, string>, ...body })
      ).then(async answer => {
        response.writeHead(answer.status, [...answer.headers].flat())
        response.end(Buffer.from(await answer.arrayBuffer()))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => { server.on('listening', resolve) })
  t.teardown(() => { server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function oldSecureSession (t: Test, options: { secret?: boolean, salt?: string } = {}): Promise<Old> {
  const keys =
    options.secret === true
      ? { secret: oldSecret, ...(options.salt === undefined ? {} : { salt: options.salt }) }
      : { key: Buffer.alloc(32, 7) }
  const app = Fastify()
  app.register(secureSession, { ...keys, cookie: { path: '/', maxAge: 86_400 } })
  const sessionOf = (request: object): { set: (key: string, value: unknown) => void; get: (key: string) => unknown } =>
    (request as { session: never }).session
  app.post('/login', async request => {
    sessionOf(request).set('user', { id: (request.body as { userId: string }).userId })
    sessionOf(request).set('cart', ['book'])
    sessionOf(request).set('signIn', randomUUID())
  })
  app.post('/set', async request => {
    for (const [key, value] of Object.entries(request.body as object)) sessionOf(request).set(key, value)
  })
  app.get('/me', async request => ({ user: sessionOf(request).get('user') ?? null, cart: sessionOf(request).get('cart') ?? null }))
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url,
    cookie: 'session',
    stored: false,
    signIn: userId => signedIn(url, userId),
    adapter: fromSecureSession({ sodium, ...keys, remember: true }),
    resolveUserId: ownerInData
  }
}

export { sodium }

const password = 'the password of the old library, long enough'

export async function oldIronSession (
  t: Test,
  settings: { options?: { ttl?: number }; identity?: (data: Record<string, unknown>) => string } = {}
): Promise<Old> {
  const { options = { ttl: 86_400 }, identity } = settings
  const cookieName = 'app_session'
  const url = await serve(t, async request => {
    const response = new Response('{}')
    const session = await getIronSession<{ user?: { id: string }; cart?: string[]; signIn?: string }>(request, response, {
      password,
      cookieName,
      ...options,
      cookieOptions: { secure: false }
    })
    if (request.method === 'GET') return Response.json({ user: session.user ?? null, cart: session.cart ?? null })
    const body = (await request.json()) as { userId?: string }
    if (body.userId === undefined) Object.assign(session, body)
    else Object.assign(session, { user: { id: body.userId }, cart: ['book'], signIn: randomUUID() })
    await session.save()
    return response
  })
  return {
    url,
    cookie: cookieName,
    stored: false,
    signIn: userId => signedIn(url, userId),
    adapter: fromIronSession({
      unsealData,
      password: { 1: password },
      cookieName,
      ...options,
      ...(identity === undefined ? {} : { identity })
    }),
    resolveUserId: ownerInData
  }
}

export async function oldBetterAuth (t: Test): Promise<Old> {
  const db = { user: [], session: [], account: [], verification: [] }
  const auth = betterAuth({
    database: memoryAdapter(db),
    secret: oldSecret,
    baseURL: 'http://127.0.0.1',
    trustedOrigins: ['http://127.0.0.1:*'],
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    advanced: { disableCSRFCheck: true, useSecureCookies: false },
    session: { additionalFields: { cart: { type: 'string', required: false, defaultValue: 'book' } } }
  })
  const url = await serve(t, async request => {
    if (new URL(request.url).pathname !== '/me') return auth.handler(request)
    const session = await auth.api.getSession({ headers: request.headers })
    return Response.json({ user: session === null ? null : { id: session.user.id }, cart: session?.session.cart ?? null })
  })
  return {
    url, cookie: 'better-auth.session_token', stored: true,
    async signIn (userId) {
      const jar = new Jar(url, firefox)
      const created = await jar.post('/api/auth/sign-up/email', { name: userId, email: `${userId}@example.com`, password: 'correct horse' })
      if (!created.ok) throw new Error(await created.text())
      return jar
    },
    idOf: async jar => (await (await jar.get('/me')).json() as { user: { id: string } }).user.id,
    adapter: fromBetterAuth({ auth, secret: oldSecret })
  }
}

/** Sessions and users in a table as Auth.js documents it, signed in by a link that is sent by mail. */
export async function oldAuthJs (t: Test): Promise<Old> {
  const db = new Database(':memory:')
  t.teardown(() => { db.close() })
  const adapter = sqliteAdapter(db)
  const letters = new Map<string, string>()
  const config = {
    adapter,
    secret: oldSecret,
    trustHost: true,
    basePath: '/auth',
    session: { strategy: 'database' as const },
    skipCSRFCheck,
    logger: { error () {}, warn () {} },
    providers: [
      {
        id: 'mail',
        type: 'email' as const,
        name: 'Mail',
        from: 'app@example.com',
        maxAge: 3600,
        options: {},
        async sendVerificationRequest ({ identifier, url }: { identifier: string; url: string }) {
          letters.set(identifier, url)
        }
      }
    ]
  }
  const auth = async (request: Request): Promise<Response> => await Auth(request, config as never) as unknown as Response
  const url = await serve(t, async request => {
    if (new URL(request.url).pathname !== '/me') return auth(request)
    const session = (await (await auth(new Request(new URL('/auth/session', request.url), { headers: request.headers }))).json()) as {
      user?: { email: string }
    } | null
    const user = session?.user === undefined ? null : await adapter.getUserByEmail?.(session.user.email)
    return Response.json({ user: user == null ? null : { id: user.id }, cart: user == null ? null : 'book' })
  })
  return {
    url, cookie: 'authjs.session-token', stored: true,
    async signIn (userId) {
      const jar = new Jar(url, firefox)
      const email = `${userId}@example.com`
      await jar.post('/auth/signin/mail', { email })
      const link = new URL(letters.get(email) ?? '')
      await jar.get(link.pathname + link.search)
      return jar
    },
    idOf: async jar => (await (await jar.get('/me')).json() as { user: { id: string } }).user.id,
    adapter: fromAuthJs({ adapter })
  }
}

interface SessionRow { sessionToken: string, userId: string, expires: number, cart: string }

function sqliteAdapter (db: InstanceType<typeof Database>): Adapter {
  db.exec(`CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE, emailVerified INTEGER, name TEXT, image TEXT);
    CREATE TABLE sessions (sessionToken TEXT PRIMARY KEY, userId TEXT NOT NULL REFERENCES users (id), expires INTEGER NOT NULL, cart TEXT DEFAULT 'book');
    CREATE TABLE verification_token (identifier TEXT, token TEXT, expires INTEGER, PRIMARY KEY (identifier, token))`)
  const toUser = (row: unknown) => row === undefined ? null : { ...row as { id: string, email: string }, emailVerified: null }
  const toSession = (row: unknown) => row === undefined ? null : { ...row as SessionRow, expires: new Date((row as SessionRow).expires) }
  const sessionBy = (token: string) => toSession(db.prepare('SELECT * FROM sessions WHERE sessionToken = ?').get(token))
  const userBy = (id: string) => toUser(db.prepare('SELECT * FROM users WHERE id = ?').get(id))
  return {
    createUser: async user => {
      db.prepare('INSERT INTO users (id, email) VALUES (?, ?)').run(user.id, user.email)
      return user
    },
    getUser: async id => userBy(id),
    getUserByEmail: async email => toUser(db.prepare('SELECT * FROM users WHERE email = ?').get(email)),
    getUserByAccount: async () => null,
    updateUser: async user => ({ ...(userBy(user.id) as { id: string; email: string; emailVerified: null }), ...user }),
    linkAccount: async () => {},
    createSession: async session => {
      db.prepare('INSERT INTO sessions (sessionToken, userId, expires) VALUES (?, ?, ?)').run(
        session.sessionToken,
        session.userId,
        Number(session.expires)
      )
      return session
    },
    async getSessionAndUser (token) {
      const session = sessionBy(token)
      const user = session === null ? null : userBy(session.userId)
      return session === null || user === null ? null : { session, user }
    },
    async updateSession ({ sessionToken, expires }) {
      if (expires !== undefined) db.prepare('UPDATE sessions SET expires = ? WHERE sessionToken = ?').run(Number(expires), sessionToken)
      return sessionBy(sessionToken)
    },
    async deleteSession (token) {
      db.prepare('DELETE FROM sessions WHERE sessionToken = ?').run(token)
    },
    createVerificationToken: async token => {
      db.prepare('INSERT INTO verification_token VALUES (?, ?, ?)').run(token.identifier, token.token, Number(token.expires))
      return token
    },
    async useVerificationToken ({ identifier, token }) {
      const row = db.prepare('DELETE FROM verification_token WHERE identifier = ? AND token = ? RETURNING *').get(identifier, token) as
        { identifier: string; token: string; expires: number } | undefined
      return row === undefined ? null : { ...row, expires: new Date(row.expires) }
    }
  }
}
