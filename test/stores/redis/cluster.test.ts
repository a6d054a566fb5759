import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import t from 'tap'
import { redisStore } from '../../../lib/stores/redis.ts'
import { passesConformanceTests } from '../../helpers/laws.ts'
import { RedisCluster } from '../../helpers/redis-cluster.ts'
import { binaries, environmentOn, missing } from '../../helpers/redis.ts'

const [main] = binaries()

t.test(`sessions in a cluster of ${main?.name ?? 'Redis'}`, { skip: missing(main) }, async t => {
  const cluster = await RedisCluster.start(main)
  const nodes = cluster.ports.map(port => ({ host: '127.0.0.1', port }))
  const keys = new Cluster(nodes)
  t.teardown(async () => { keys.disconnect(); await cluster.close() })
  const countEntries = async (prefix: string): Promise<number> =>
    (await Promise.all(keys.nodes('master').map(node => node.keys(`${prefix}*`)))).flat().length

  await t.test('keep every law through ioredis', async t => {
    const client = new Cluster(nodes)
    t.teardown(() => { client.disconnect() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })

  await t.test('keep every law through node-redis', async t => {
    const client = createCluster({ rootNodes: nodes.map(socket => ({ socket })) })
    await client.connect()
    t.teardown(() => { client.destroy() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })
})
