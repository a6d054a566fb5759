import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createClientPool } from 'redis'
import t from 'tap'
import { redisStore } from '../../../lib/stores/redis.ts'
import { passesConformanceTests } from '../../helpers/laws.ts'
import { binaries, environmentOn, missing, RedisServer } from '../../helpers/redis.ts'

const [main, ...others] = binaries()

t.test(`sessions in ${main?.name ?? 'Redis'}`, { skip: missing(main) }, async t => {
  const server = await new RedisServer(main).start()
  const keys = new Redis(server.socket)
  t.teardown(async () => { keys.disconnect(); await server.close() })
  const countEntries = async (prefix: string): Promise<number> => (await keys.keys(`${prefix}*`)).length

  await t.test('keep every law through ioredis', async t => {
    const client = new Redis(server.socket)
    t.teardown(() => { client.disconnect() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })

  await t.test('keep every law through iovalkey', async t => {
    const client = new Valkey(server.socket)
    t.teardown(() => { client.disconnect() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })

  await t.test('keep every law through a pool of node-redis', async t => {
    const client = createClientPool({ socket: { path: server.socket, tls: false } }, { minimum: 3 })
    await client.connect()
    t.teardown(() => { client.destroy() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })

  await t.test('keep every law through node-redis', async t => {
    const client = createClient({ socket: { path: server.socket, tls: false } })
    await client.connect()
    t.teardown(() => { client.destroy() })
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })
})

for (const binary of others) {
  t.test(`sessions in ${binary.name} keep every law`, async t => {
    const server = await new RedisServer(binary).start()
    const client = new Redis(server.socket)
    t.teardown(async () => { client.disconnect(); await server.close() })
    await passesConformanceTests(t, () =>
      environmentOn({
        open: prefix => redisStore(client, { prefix }),
        countEntries: async prefix => (await client.keys(`${prefix}*`)).length
      })
    )
  })
}
