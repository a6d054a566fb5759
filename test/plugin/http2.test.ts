import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import Fastify from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import { secret } from '../helpers/app.ts'

// the types of this file are the test as well: a server with HTTP/2 takes the guard as any other does
t.test('a server with HTTP/2 over TLS guards its routes, and its users sign in', async t => {
  const { key, cert } = certificate(t.testdir())
  const app = Fastify({ http2: true, https: { allowHTTP1: true, key, cert } })
  t.teardown(() => app.close())
  await app.register(sessions, { secret })
  app.post('/login', async request => { await request.session.login('ada'); return {} })
  app.get('/me', { onRequest: app.requireSession }, async request => ({ userId: request.session.userId }))
  app.get('/list', { preHandler: [app.requireSession] }, async request => ({ userId: request.session.userId }))
  await app.register(async scope => {
    scope.addHook('onRequest', scope.requireSession)
    scope.addHook('preHandler', async (request, reply) => { await scope.requireSession(request, reply) })
    scope.get('/scoped', async request => ({ userId: request.session.userId }))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = connect(`https://127.0.0.1:${(app.server.address() as { port: number }).port}`, { ca: cert, servername: 'localhost' })
  t.teardown(() => { client.close() })
  const send = (path: string, headers: Record<string, string> = {}): Promise<{ status: number, cookie: string, body: string }> =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ':path': path, ...headers })
      let [status, cookie, body] = [0, '', '']
      stream.on('response', answer => {
        status = answer[':status'] ?? 0
        cookie = answer['set-cookie']?.[0]?.split(';')[0] ?? ''
      })
      stream.setEncoding('utf8').on('data', text => { body += String(text) }).on('end', () => { resolve({ status, cookie, body }) })
      stream.on('error', reject).end()
    })
  for (const path of ['/me', '/list', '/scoped']) t.equal((await send(path)).status, 401, path)
  const { cookie } = await send('/login', { ':method': 'POST' })
  t.match(cookie, /^__Host-sid=/)
  for (const path of ['/me', '/list', '/scoped']) t.match(await send(path, { cookie }), { status: 200, body: '{"userId":"ada"}' }, path)
})

/** A key and a certificate for this machine, as people make them for development. */
function certificate (dir: string): { key: string, cert: string } {
  const [key, cert] = ['key.pem', 'cert.pem'].map(name => join(dir, name)) as [string, string]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost']
  execFileSync('openssl', ['req', ...kind, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
