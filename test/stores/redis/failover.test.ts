import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import t from 'tap'
import type { Store } from '../../../lib/index.ts'
import { offsetOf, RedisCluster } from '../../helpers/redis-cluster.ts'
import { clientOf, created, opened, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, freePorts, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)

/** Does something until it works. What goes wrong to the last is said before the test's own time is over. */
async function untilDone <T> (task: () => PromiseLike<T> | T): Promise<T> {
  const giveUp = performance.now() + 120_000
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (performance.now() > giveUp) throw error
      await delay(10)
    }
  }
}

/** Sessions of many users, so that every master has some. */
async function createMany (store: Store, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => created(store, `user ${n}`)))
}

t.test('a master of a cluster that dies under load: what was acknowledged stays so', { skip, timeout: 180_000 }, async t => {
  const cluster = await RedisCluster.start(main)
  const nodes = cluster.ports.map(port => ({ host: '127.0.0.1', port }))
  const client = new Cluster(nodes, { clusterRetryStrategy: () => 50, slotsRefreshTimeout: 500, redisOptions: { maxRetriesPerRequest: 0 } })
  client.on('error', () => {})
  const other = createCluster({ rootNodes: nodes.map(socket => ({ socket })) })
  other.on('error', () => {})
  await other.connect()
  t.teardown(async () => { client.disconnect(); other.destroy(); await cluster.close() })
  const [store, node] = [await opened(client), await opened(other)]
  let lost = 0
  const heard = new Set<string>()
  const watches = await Promise.all(
    [store, node].map(async each =>
      each.subscribe?.({
        ended: ({ id }) => {
          heard.add(id)
        },
        changed () {},
        lost: () => {
          lost++
        }
      })
    )
  )
  const live = await createMany(store, 60)
  const victims = await createMany(store, 60)
  await cluster.replicated()
  await cluster.patience(1000)
  const ended: string[] = []
  let failed = 0
  const load = (async () => {
    for (const id of victims) {
      await untilDone(async () => {
        try {
          await store.end({ ids: [id] }, { reason: 'logout', by: null })
        } catch (error) {
          failed++
          throw error
        }
      })
      ended.push(id)
    }
  })()
  while (ended.length < 10) await new Promise(resolve => { setImmediate(resolve) })
  await cluster.servers[0]?.stop()
  await load
  for (const id of live) t.equal(await untilDone(() => stateOf(store, id)), 'live')
  for (const id of [...live, ...victims]) {
    const expected = live.includes(id) ? 'live' : 'logout'
    t.equal(await untilDone(() => stateOf(node, id)), expected)
  }
  t.comment(`${failed} attempts failed meanwhile, and were made again`)
  t.ok(lost > 0, 'whoever listened knows that something may have been missed')
  for (const watch of watches) await untilDone(async () => watch?.probe())
  heard.clear()
  for (const id of live.slice(0, 20)) await store.end({ ids: [id] }, { reason: 'revoked', by: null })
  for (const watch of watches) await watch?.probe()
  t.equal(heard.size, 20, 'and hears everything again')
  for (const watch of watches) await watch?.close()
})

t.test('after a Sentinel failover sessions are live, and ends that the replica never received are repeated', { skip, timeout: 180_000 }, async t => {
  const [primaryPort, replicaPort, sentinelPort] = await freePorts(3)
  const primary = new RedisServer(main, ['--port', String(primaryPort)])
  const replica = new RedisServer(main, ['--port', String(replicaPort), '--replicaof', '127.0.0.1', String(primaryPort)])
  await primary.start()
  await replica.start()
  const [first, second] = [clientOf(primary.socket), clientOf(replica.socket)]
  await until(async () => (await second.info('replication')).includes('master_link_status:up'))
  const config = join(primary.dir, 'sentinel.conf')
  writeFileSync(
    config,
    `port ${sentinelPort}\nsentinel monitor app 127.0.0.1 ${primaryPort} 1\nsentinel down-after-milliseconds app 60000\nsentinel failover-timeout app 2000\n`
  )
  const watcher = spawn(main?.path ?? 'redis-server', [config, '--sentinel'], { stdio: 'ignore' })
  const sentinels = [{ host: '127.0.0.1', port: Number(sentinelPort) }]
  const client = new Redis({ sentinels, name: 'app', maxRetriesPerRequest: 0, retryStrategy: () => 50, sentinelRetryStrategy: () => 50 })
  client.on('error', () => {})
  const asker = clientOf(Number(sentinelPort), 20)
  await until(async () => JSON.stringify(await asker.call('sentinel', 'replicas', 'app').catch(() => '')).includes(`:${replicaPort}`))
  const other = await createSentinel({ name: 'app', sentinelRootNodes: sentinels, scanInterval: 100, reserveClient: true }).connect()
  other.on('error', () => {})
  t.teardown(async () => {
    const exit = once(watcher, 'exit')
    watcher.kill('SIGKILL')
    client.disconnect()
    other.destroy()
    for (const each of [first, second, asker]) each.disconnect()
    await exit
    await Promise.all([primary.close(), replica.close()])
  })
  const [store, node] = [await opened(client), await opened(other)]
  const watch = await node.subscribe?.({ ended () {}, changed () {}, lost () {} })
  const [kept = '', gone = ''] = await createMany(store, 2)
  // what both were written of is with the replica: to wait on a connection is to wait for that connection's own writes
  const written = offsetOf(await first.info('replication'), 'master_repl_offset')
  await until(async () => offsetOf(await second.info('replication'), 'slave_repl_offset') >= written)
  // the replica falls silent: what comes now it never gets
  replica.kill('SIGSTOP')
  t.equal((await store.end({ ids: [gone] }, { reason: 'revoked', by: 'user' })).ended.length, 1)
  await primary.stop()
  replica.kill('SIGCONT')
  // not before: a machine that is slow for a moment is no reason to change the primary
  await asker.call('sentinel', 'set', 'app', 'down-after-milliseconds', '500')
  t.equal(await untilDone(() => stateOf(store, kept)), 'live')
  t.equal(await stateOf(store, gone), 'revoked')
  await untilDone(async () => { if (await stateOf(node, gone) !== 'revoked') throw new Error('not yet') })
  t.equal(await untilDone(() => stateOf(node, kept)), 'live')
  await untilDone(async () => watch?.probe())
  await watch?.close()
})
