import { Redis } from 'ioredis'
import t from 'tap'
import { redisStore } from '../../lib/stores/redis.ts'
import { RedisServer, binaries, groundOn, missing } from '../helpers/redis.ts'
import { keepsTheLaws } from '../helpers/laws.ts'

const [main] = binaries()

t.test('sessions keep every law', { skip: missing(main) }, async t => {
  const server = await new RedisServer(main).start()
  const client = new Redis(server.socket)
  t.teardown(async () => { client.disconnect(); await server.close() })
  await keepsTheLaws(t, () => groundOn({
    open: prefix => redisStore(client, { prefix }),
    remains: async prefix => (await client.keys(`${prefix}*`)).length
  }))
})
