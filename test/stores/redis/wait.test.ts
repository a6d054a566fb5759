import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { Store } from '../../../lib/index.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import { clientOf, created, opened } from '../../helpers/redis-stage.ts'
import { binaries, freePorts, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)
const secret = 'a secret of the tests, long enough'
/** Whether the replica receives again what the primary writes. */
async function confirms (store: Store): Promise<boolean> {
  try {
    await store.end({ ids: [await created(store, 'ada')] }, revoked)
    return true
  } catch {
    return false
  }
}

const revoked = { reason: 'revoked', by: null } as const

t.test('with `wait`, each end is reported to its own caller, once', { skip }, async t => {
  const [port] = await freePorts(1)
  const server = new RedisServer(main, ['--port', String(port), '--repl-diskless-sync-delay', '0'])
  const replica = new RedisServer(main, ['--port', '0', '--replicaof', '127.0.0.1', String(port)])
  await server.start()
  await replica.start()
  const client = clientOf(server.socket)
  t.teardown(async () => { client.disconnect(); await Promise.all([server.close(), replica.close()]) })
  await until(async () => (await client.info('replication')).includes('state=online'))
  const ids = (sessions: readonly { id: string }[]): string[] => sessions.map(({ id }) => id)
  /** Ends while the replica receives nothing: each is done on the primary, and rejects. */
  const unconfirmed = async (task: () => PromiseLike<unknown>): Promise<void> => {
    replica.kill('SIGSTOP')
    await t.rejects(async () => task(), /0 of 1 replicas/)
    replica.kill('SIGCONT')
  }

  await t.test('ends in parallel', async t => {
    const store = redisStore(client, { prefix: 'parallel:', wait: { replicas: 1, timeout: '20s' } })
    const manager = await new SessionManager({ secret, warn: () => {}, storeTimeout: '20s', store }).open()
    t.teardown(() => manager.close())
    const ended: string[] = []
    manager.on('ended', ({ session }) => { ended.push(session.id) })
    const sessions = await Promise.all(Array.from({ length: 20 }, async () => (await manager.create({ userId: 'ada' })).session.id))
    const results = await Promise.all(sessions.map(id => manager.revoke(id)))
    t.strictSame(results.map(result => result?.id), sessions)
    t.strictSame([...ended].sort(), [...sessions].sort())
  })

  await t.test('an end that was not confirmed is reported to the caller that repeats it', async t => {
    const store = await opened(client, { prefix: 'repeat:', wait: { replicas: 1, timeout: 300 } })
    const [ada, bob] = [await created(store, 'ada'), await created(store, 'ada')]
    await unconfirmed(async () => store.end({ ids: [ada] }, revoked))
    await until(() => confirms(store))
    t.strictSame(ids((await store.end({ ids: [bob] }, revoked)).ended), [bob], 'and to no other')
    t.strictSame(ids((await store.end({ ids: [ada] }, revoked)).ended), [ada])
    t.strictSame(ids((await store.end({ ids: [ada] }, revoked)).ended), [])
  })

  await t.test('an end of a user that nobody repeats is reported by the next cleanup', async t => {
    const store = await opened(client, { prefix: 'user:', wait: { replicas: 1, timeout: 300 } })
    const [first, second] = [await created(store, 'ada'), await created(store, 'bob')]
    await unconfirmed(async () => store.end({ userId: 'ada' }, revoked))
    await unconfirmed(async () => store.end({ userId: 'bob' }, revoked))
    await until(() => confirms(store))
    t.strictSame(ids((await store.end({ userId: 'bob' }, revoked)).ended), [second])
    t.strictSame(ids((await store.cleanup(100)).ended), [first])
    t.strictSame((await store.cleanup(100)).ended, [])
  })
})
