import t from 'tap'
import { SessionManager } from '../../../lib/index.ts'
import type { EndResult, Store } from '../../../lib/index.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import { clientOf, created, opened, recordOf, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, missing, RedisServer } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)
const count = Number(process.env['SESSIONS'] ?? 1000)
const revoked = { reason: 'revoked', by: null } as const
/** How many sessions one script may end: it takes less than 5 ms. */
const most = 50

t.test('a user with very many sessions', { skip, timeout: 600_000 }, async t => {
  const server = await new RedisServer(main).start()
  const client = clientOf(server.socket)
  t.teardown(async () => { client.disconnect(); await server.close() })
  const createMany = async (store: Store): Promise<string[]> => {
    const ids: string[] = []
    while (ids.length < count) ids.push(...await Promise.all(Array.from({ length: 100 }, () => created(store))))
    return ids
  }
  const calls = async (): Promise<number> => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])

  await t.test('is revoked in steps between which others are served, and each end is reported', async t => {
    const store = redisStore(client, { prefix: 'steps:' })
    const manager = await new SessionManager({
      secret: 'a secret of the tests, long enough',
      warn: () => {},
      storeTimeout: '20s',
      store
    }).open()
    t.teardown(() => manager.close())
    const ids = await createMany(store)
    const kept = ids[count / 2] as string
    const reported = new Set<string>()
    manager.on('ended', ({ session }) => { reported.add(session.id) })
    await client.call('config', 'resetstat')
    const ended = await manager.revokeUser('ada', { except: kept })
    t.equal(ended.length, count - 1)
    t.equal(reported.size, count - 1)
    t.ok(await calls() >= count / most, `${await calls()} scripts`)
    t.comment(String(/cmdstat_evalsha:.*/.exec(await client.info('commandstats'))?.[0]))
    t.strictSame((await manager.listByUser('ada')).map(({ id }) => id), [kept])
    t.equal((await manager.revokeUser('ada')).length, 1)
  })

  await t.test('may sign in meanwhile: the new session lives on', async t => {
    const store = await opened(client, { prefix: 'meanwhile:' })
    await createMany(store)
    const step = (cursor: string | null): PromiseLike<EndResult> => Promise.resolve(store.end({ userId: 'ada', cursor }, revoked))
    let result = await step(null)
    let ended = result.ended.length
    const now = Number(await store.now?.())
    const later = await created(store, 'ada', { createdAt: now + 1000 })
    while (result.cursor !== null) {
      result = await step(result.cursor)
      ended += result.ended.length
    }
    t.equal(ended, count)
    t.equal(await stateOf(store, later), 'live')
    await t.rejects(async () => store.end({ userId: 'bob', cursor: 'x' }, revoked), { code: 'FST_SESSION_INVALID_CURSOR' })
  })

  await t.test('a session from before the server\'s clock was set back ends, too', async t => {
    const store = await opened(client, { prefix: 'back:' })
    const at = Date.now()
    const record = recordOf('ada', { createdAt: at + 3_600_000 })
    await store.create(record, { at, limit: null, replaces: null, adopts: null })
    t.strictSame((await Promise.resolve(store.end({ userId: 'ada' }, revoked))).ended.map(({ id }) => id), [record.id])
  })
})
