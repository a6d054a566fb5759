import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import t from 'tap'
import type { Test } from 'tap'
import type { Store } from '../../../lib/index.ts'
import { shardOfUser } from '../../../lib/stores/redis/shard.ts'
import { RedisCluster } from '../../helpers/redis-cluster.ts'
import { opened, recordOf, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, missing } from '../../helpers/redis.ts'
import { SlotMove } from '../../helpers/resharding.ts'

const [main] = binaries()

/** Signs a user in under a limit of two, and returns the new id and those that it evicted. */
async function signIn (store: Store, userId = 'ada'): Promise<{ id: string, evicted: string[] }> {
  const record = recordOf(userId)
  const limit = { max: 2, onExceeded: 'evict-oldest' } as const
  const created = await store.create(record, { at: Date.now(), limit, replaces: null, adopts: null })
  if (created.status !== 'created') throw new Error(created.status)
  return { id: record.id, evicted: created.ended.map(({ id }) => id) }
}

async function liveIds (store: Store, userId = 'ada'): Promise<string[]> {
  const { items } = await store.list({ userId }, { limit: 100, cursor: null, order: 'oldest' })
  return items.map(({ id }) => id)
}

const logout = { reason: 'logout', by: null } as const
/** What has moved when the operations begin: nothing, the sessions, or all but the sessions. */
const phases: Readonly<Record<string, (key: string) => boolean>> = {
  'no key has moved': () => false,
  'the sessions have moved': key => key.includes(':s:'),
  'one session has moved': key => key.includes(':s:'),
  'the indexes have moved': key => !key.includes(':s:')
}

t.test(`a cluster of ${main?.name ?? 'Redis'} in which a slot moves`, { skip: missing(main) }, async t => {
  const cluster = await RedisCluster.start(main)
  const nodes = cluster.ports.map(port => ({ host: '127.0.0.1', port }))
  t.teardown(() => cluster.close())

  const clients = {
    ioredis (t: Test) {
      const client = new Cluster(nodes)
      t.teardown(() => { client.disconnect() })
      return client
    },
    async 'node-redis' (t: Test) {
      const client = createCluster({ rootNodes: nodes.map(socket => ({ socket })) })
      await client.connect()
      t.teardown(() => { client.destroy() })
      return client
    }
  }
  for (const [name, connect] of Object.entries(clients)) {
    for (const [phase, matches] of Object.entries(phases)) {
      await t.test(`operations wait for the move and then succeed, through ${name}, where ${phase}`, async t => {
        const prefix = `${name}${Object.keys(phases).indexOf(phase)}:`
        const store = await opened(await connect(t), { prefix })
        const move = await SlotMove.of(cluster, prefix, shardOfUser('ada'))
        t.teardown(() => { move.close() })
        const [first, second] = [await signIn(store), await signIn(store)]
        await move.begin()
        let moved = 0
        await move.move(key => matches(key) && (phase !== 'one session has moved' || moved++ === 0))
        t.equal(await stateOf(store, first.id), 'live', 'validation goes on')
        t.equal(await stateOf(store, second.id), 'live')
        t.strictSame(await liveIds(store), [first.id, second.id], 'so do the lists of a user')
        const changed = await store.update(second.id, { set: { color: '"red"' } })
        t.equal(changed.status, 'done', 'and changes of data')
        const at = Date.now() + 1000
        const touches = [first, second].map(({ id }) => ({ id, requestCount: 1, seenAt: at, generation: 0 }))
        const [touched, ended, third] = [store.touch(touches, at), store.end({ ids: [first.id] }, logout), signIn(store)]
        await move.move()
        await move.finish()
        t.strictSame((await ended).ended.map(({ id }) => id).concat((await third).evicted), [first.id], 'it ends once')
        await touched
        t.equal(await stateOf(store, first.id), first.id === (await third).evicted[0] ? 'evicted' : 'logout')
        t.strictSame(await liveIds(store), [second.id, (await third).id])
        const { ended: all } = await store.end({ userId: 'ada' }, { reason: 'revoked', by: null })
        t.strictSame(all.map(({ id }) => id), [second.id, (await third).id])
        t.match(await store.statistics(0, 1), { live: 0, users: 0, guests: 0 })
      })
    }

    await t.test(`an end of a user, and a sign-in, wait while the slot is open, through ${name}`, async t => {
      const prefix = `wait ${name}:`
      const store = await opened(await connect(t), { prefix })
      const move = await SlotMove.of(cluster, prefix, shardOfUser('ada'))
      t.teardown(() => { move.close() })
      const ids = [(await signIn(store)).id, (await signIn(store)).id]
      await move.begin()
      await move.move(key => key.includes(ids[0] ?? ''))
      const revoked = store.end({ userId: 'ada' }, { reason: 'revoked', by: null })
      await move.move()
      await move.finish()
      t.strictSame((await revoked).ended.map(({ id }) => id), ids)
      for (const id of ids) t.equal(await stateOf(store, id), 'revoked')
    })
  }
})
