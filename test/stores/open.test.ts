import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { SessionError, SessionManager } from '../../lib/index.ts'
import type { Store } from '../../lib/index.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import { connect } from '../../lib/stores/redis/connect.ts'
import { toOpenError } from '../../lib/stores/open-error.ts'
import { skip as noPostgres, startPostgres } from '../helpers/postgres.ts'
import { binaries, freePorts, missing, RedisServer } from '../helpers/redis.ts'

const secret = 'a secret of the tests, long enough'
const [redis] = binaries()

/** Returns the error of a start. */
async function startError (store: Store | string): Promise<SessionError> {
  const manager = new SessionManager({ secret, warn () {}, store, storeTimeout: '5s' })
  return manager.open().then(
    async () => {
      await manager.close()
      throw new Error('it started')
    },
    (error: unknown) => error as SessionError
  )
}

/** Expects a start to be refused, saying what was tried and what to do, without credentials. */
async function refuses (t: Test, store: Store | string, expected: { readonly tried?: string, readonly text: RegExp }): Promise<void> {
  const error = await startError(store)
  t.type(error, SessionError)
  t.equal(error.code, 'FST_SESSION_STORE_NOT_OPENED', error.message)
  t.match(error.message, expected.text)
  if (expected.tried !== undefined) t.match(error.message, `Tried: ${expected.tried}. Cause: `)
  t.notMatch(`${error.message} ${error.stack ?? ''} ${JSON.stringify(error)} ${String(error.cause)}`, /hunter2/)
}

t.test('a Redis URL that cannot work is refused at the start', { skip: missing(redis) }, async t => {
  const [port, closed] = await freePorts(2) as [number, number]
  const server = new RedisServer(redis, ['--port', String(port)])
  t.teardown(() => server.close())
  await server.start()
  const url = (rest: string): string => `redis://app:hunter2@${rest}`

  await refuses(t, `redis://127.0.0.1:${port}/99`, { tried: `redis://127.0.0.1:${port}/99`, text: /DB index.*`databases` in redis.conf/ })
  await refuses(t, url(`127.0.0.1:${closed}/1`), { tried: `redis://127.0.0.1:${closed}/1`, text: /ECONNREFUSED.*start the server/ })
  await refuses(t, url('no-such-host.invalid'), { tried: 'redis://no-such-host.invalid', text: /ENOTFOUND|EAI_AGAIN/ })
  await refuses(t, url(`127.0.0.1:${port}`), { text: /WRONGPASS.*refuses user or password/ })
  await refuses(t, `rediss://127.0.0.1:${port}`, { tried: `rediss://127.0.0.1:${port}`, text: /TLS/ })
  await refuses(t, 'redis://app:hunter2@host:999999/0', { text: /Invalid URL.*encodeURIComponent/ })
  const error = await startError(`redis://127.0.0.1:${port}/sessions`)
  t.match(error, { code: 'FST_SESSION_INVALID_OPTION', message: /number of a database/ })

  for (const name of ['iovalkey', 'redis']) {
    const load = async (each: string): Promise<unknown> => {
      if (each === name) return import(each) as Promise<unknown>
      throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
    }
    for (const [wrong, text] of [
      [`redis://127.0.0.1:${port}/99`, /DB index/],
      [`redis://127.0.0.1:${closed}`, /ECONNREFUSED/],
      [url(`127.0.0.1:${port}`), /WRONGPASS/]
    ] as const) {
      await t.rejects(
        connect(wrong, load).catch((error: unknown) => {
          throw toOpenError(error, wrong)
        }),
        { code: 'FST_SESSION_STORE_NOT_OPENED', message: text },
        `${name} ${wrong}`
      )
    }
  }

  const client = new Redis({ port, db: 99 })
  client.on('error', () => {})
  t.teardown(() => { client.disconnect() })
  await refuses(t, redisStore(client), { tried: 'store `redis`', text: /database 0/ })
  const right = new Redis({ port, db: 5 })
  t.teardown(() => { right.disconnect() })
  const manager = await new SessionManager({ secret, warn () {}, store: redisStore(right) }).open()
  await manager.close()
})

t.test('a PostgreSQL URL that cannot work is refused at the start', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.remove())
  const [closed] = await freePorts(1) as [number]
  const at = `127.0.0.1:${server.port}`
  await refuses(t, `postgres://sessions:hunter2@${at}/nowhere`, { tried: `postgres://${at}/nowhere`, text: /3D000.*Create it/ })
  await refuses(t, `postgres://stranger:hunter2@${at}/postgres`, { text: /28000.*refuses user or password/ })
  await refuses(t, `postgres://127.0.0.1:${closed}/postgres?user=sessions&password=hunter2`, {
    tried: `postgres://127.0.0.1:${closed}/postgres`,
    text: /ECONNREFUSED/
  })
  await refuses(t, `postgres://sessions:hunter2@${at}/postgres?sslmode=require`, { text: /speaks no TLS/ })
  await refuses(t, 'postgres://sessions:hunter2@no-such-host.invalid/x', { text: /ENOTFOUND|EAI_AGAIN/ })
})

t.test('a server that closes each connection, as one that expects TLS does, is refused', async t => {
  const server = createServer(socket => {
    socket.once('data', () => {
      socket.destroy()
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  await refuses(t, `redis://app:hunter2@127.0.0.1:${port}`, { tried: `redis://127.0.0.1:${port}`, text: /TLS/ })
  await refuses(t, `postgres://app:hunter2@127.0.0.1:${port}/x`, { tried: `postgres://127.0.0.1:${port}/x`, text: /TLS/ })
})

t.test('a file URL that cannot work is refused at the start', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'fsm-open-'))
  t.teardown(() => { rmSync(dir, { recursive: true }) })
  writeFileSync(join(dir, 'notes.txt'), 'no database'.repeat(1000))
  await refuses(t, `file:${dir}/none/sessions.db`, { tried: `file:${dir}/none/sessions.db`, text: /ENOENT.*directory does not exist/ })
  await refuses(t, `file:${dir}/notes.txt`, { text: /not a database.*Use another path/ })
  await refuses(t, `file:${dir}`, { text: /directory/ })
  await refuses(t, 'file://elsewhere/sessions.db', { text: /ERR_INVALID_FILE_URL_HOST.*URL is invalid/ })
})

t.test('an error of an unknown kind has the store and its own text', async t => {
  const store = { name: 'mine' } as unknown as Store
  t.equal(
    toOpenError(new Error('out of luck'), store).message,
    'The session store could not be opened. Tried: store `mine`. Cause: out of luck. Check the option `store` and the server.'
  )
  t.match(
    toOpenError(new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')], ''), store)
      .message,
    /::1:1, connect ECONNREFUSED 127/
  )
  const own = new SessionError('FST_SESSION_CLOSED')
  t.equal(toOpenError(own, store), own)
})
