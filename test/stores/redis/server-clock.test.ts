import { Cluster } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { Store } from '../../../lib/index.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import type { AnyRedis } from '../../../lib/stores/redis.ts'
import { RedisCluster } from '../../helpers/redis-cluster.ts'
import { clientOf, created, opened, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)
const users = Array.from({ length: 8 }, (_, n) => `user ${n}`)

/** Law 1 on the server's own clock: what has expired is expired on a node that has not written in its shard yet. */
async function expiresOnNewNodes (t: Test, client: AnyRedis, prefix: string): Promise<void> {
  const store = await opened(client, { prefix })
  const node = await opened(client, { prefix })
  const ids = await Promise.all(users.map(user => created(store, user, { idleTimeout: 100 })))
  const live = await Promise.all(users.map(user => created(store, user)))
  await until(async () => (await Promise.all(ids.map(id => stateOf(store, id)))).every(state => state === 'idle-timeout'))
  for (const id of ids) t.equal(await stateOf(node, id), 'idle-timeout')
  for (const id of live) t.equal(await stateOf(node, id), 'live')
  for (const user of users) t.equal((await node.list({ userId: user }, { limit: 10, cursor: null, order: 'oldest' })).items.length, 1)
}

t.test('a node that is new to a shard knows the time of its server', { skip }, async t => {
  const server = await new RedisServer(main).start()
  const client = clientOf(server.socket)
  t.teardown(async () => { client.disconnect(); await server.close() })
  await t.test('an expired session is expired there', async t => { await expiresOnNewNodes(t, client, 'new:') })

  await t.test('and its first write in a shard is one command', async t => {
    const store = await opened(client, { prefix: 'first:' })
    await client.call('config', 'resetstat')
    for (const user of users) await created(store, user)
    const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])
    t.equal(calls, users.length)
  })

  await t.test('a listener of an end on such a node is called when the session expires, after few reads', async t => {
    const store = (): Store => redisStore(client, { prefix: 'end:' })
    const options = { secret: 'a secret of the tests, long enough', warn: () => {}, idleTimeout: 1000, flushInterval: 100 }
    const [here, there] = [new SessionManager({ ...options, store: store() }), new SessionManager({ ...options, store: store() })]
    await Promise.all([here.open(), there.open()])
    t.teardown(async () => Promise.all([here.close(), there.close()]))
    const { session } = await here.create({ userId: 'ada' })
    await client.call('config', 'resetstat')
    const reason = await new Promise(resolve => { there.onEnd(session, ended => { resolve(ended.reason) }) })
    t.equal(reason, 'idle-timeout')
    const reads = Number(/cmdstat_hgetall:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])
    t.ok(reads < 10, `${reads} reads`)
  })
})

t.test('so it does in a cluster', { skip }, async t => {
  const cluster = await RedisCluster.start(main)
  const client = new Cluster(cluster.ports.map(port => ({ host: '127.0.0.1', port })))
  t.teardown(async () => { client.disconnect(); await cluster.close() })
  await expiresOnNewNodes(t, client, 'new:')
})
