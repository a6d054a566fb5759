import { Redis } from 'ioredis'
import t from 'tap'
import { redisStore } from '../../../lib/stores/redis.ts'
import { created, recordOf, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()

t.test('a write whose caller has given up is not done later', { skip: missing(main) }, async t => {
  const server = await new RedisServer(main).start()
  // as @fastify/redis makes it: commands wait in the client until the server is back
  const client = new Redis(server.socket)
  client.on('error', () => {})
  t.teardown(async () => { client.disconnect(); await server.close() })
  const store = redisStore(client)
  const giveUp = 500
  await store.open({ now: null, history: 86_400_000, historyPerUser: 20, giveUp, warn: () => {} })
  const [kept, data] = [await created(store, 'ada'), await created(store, 'bob')]
  const late = recordOf('ada')
  const limit = { max: 1, onExceeded: 'evict-oldest' } as const
  server.kill('SIGSTOP')
  const asked = performance.now()
  const refused = [
    t.rejects(async () => store.create(late, { at: Date.now(), limit, replaces: null, adopts: null }), /more than 500 ms after/),
    t.rejects(async () => store.end({ userId: 'ada' }, { reason: 'revoked', by: null }), /more than 500 ms after/),
    t.rejects(async () => store.update(data, { set: { color: '"red"' } }), /more than 500 ms after/),
    t.rejects(async () => store.touch([{ id: data, requestCount: 1, seenAt: Date.now(), generation: 0 }], Date.now()), /more than 500/)
  ]
  await until(async () => performance.now() - asked > giveUp + 200)
  server.kill('SIGCONT')
  await Promise.all(refused)
  t.equal(await stateOf(store, late.id), 'none')
  t.equal(await stateOf(store, kept), 'live', 'no login evicted it, no revocation ended it')
  t.match(await store.read(data), { data: {}, requestCount: 0 })
  t.equal((await Promise.resolve(store.end({ userId: 'ada' }, { reason: 'revoked', by: null }))).ended.length, 1)
})
