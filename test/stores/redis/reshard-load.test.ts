import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import t from 'tap'
import type { Store } from '../../../lib/index.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import { shards } from '../../../lib/stores/redis/shard.ts'
import { passesConformanceTests } from '../../helpers/laws.ts'
import { RedisCluster } from '../../helpers/redis-cluster.ts'
import { opened, recordOf, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, environmentOn, missing } from '../../helpers/redis.ts'
import { reshard, SlotMove } from '../../helpers/resharding.ts'

const [main] = binaries()
const skip = missing(main)
const users = 300
const max = 2

/** Repeats what a moving slot rejected. */
async function done <T> (task: () => PromiseLike<T> | T): Promise<T> {
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (!/TRYAGAIN|ASK|MOVED|CLUSTERDOWN/.test(String(error))) throw error
    }
  }
}

async function signIn (store: Store, userId: string): Promise<string> {
  const options = { at: Date.now(), limit: { max, onExceeded: 'evict-oldest' }, replaces: null, adopts: null } as const
  const record = recordOf(userId)
  const { status } = await done(() => store.create(record, options))
  if (status !== 'created') throw new Error(status)
  return record.id
}

t.test('what was acknowledged stays so while redis-cli reshards a cluster', { skip, timeout: 300_000 }, async t => {
  const cluster = await RedisCluster.start(main)
  const nodes = cluster.ports.map(port => ({ host: '127.0.0.1', port }))
  const client = new Cluster(nodes, { enableAutoPipelining: true })
  const other = createCluster({ rootNodes: nodes.map(socket => ({ socket })) })
  await other.connect()
  t.teardown(async () => { client.disconnect(); other.destroy(); await cluster.close() })
  const stores = [await opened(client), await opened(other)]
  const ended = new Set<string>()
  const counts = { signIns: 0, ends: 0, changes: 0, rejected: 0 }
  for (let n = 0; n < users; n++) for (let i = 0; i < max; i++) await signIn(stores[n % 2] as Store, `user ${n}`)

  const stop = new AbortController()
  const work = async (store: Store, worker: number): Promise<void> => {
    for (let n = worker; !stop.signal.aborted; n = (n + 7) % users) {
      const userId = `user ${n}`
      const id = await signIn(store, userId)
      counts.signIns++
      if (await stateOf(store, id) === 'none') t.fail('a session that was created is missing')
      const changed = await done(() => store.update(id, { set: { n: String(n) }, seen: true }))
      // another worker may have signed the same user in
      if (changed.status === 'gone' && changed.ended === null) t.fail('a change says that a session never was')
      counts.changes++
      await done(() => store.touch([{ id, requestCount: 1, seenAt: Date.now(), generation: 0 }], Date.now()))
      if (n % 3 === 0) {
        const selector = n % 2 === 0 ? { ids: [id] } : { userId }
        const answer = await done(() => store.end(selector, { reason: 'logout', by: null }))
        for (const session of answer.ended) ended.add(session.id)
        ended.add(id)
        counts.ends++
      }
    }
  }
  const workers = Promise.all([0, 1, 2, 3].map(n => work(stores[n % 2] as Store, n)))
  try {
    await reshard(cluster, { from: 0, to: 1, slots: 1500 })
    await reshard(cluster, { from: 1, to: 0, slots: 1500 })
  } finally {
    stop.abort()
    await workers
  }
  t.comment(JSON.stringify(counts))
  t.ok(counts.ends > 0)
  const [store] = stores as [Store]
  let revived = 0
  for (const id of ended) if (await stateOf(store, id) === 'live') revived++
  t.equal(revived, 0, `of ${ended.size} sessions that ended none is live`)
  let total = 0
  for (let n = 0; n < users; n++) {
    const { items } = await store.list({ userId: `user ${n}` }, { limit: 100, cursor: null, order: 'oldest' })
    if (items.length > max) t.fail(`user ${n} has ${items.length} sessions`)
    total += items.length
  }
  const { items } = await store.list({}, { limit: 10_000, cursor: null, order: 'oldest' })
  t.equal(items.length, total, 'each live session is in the index of its user')
  t.equal((await store.statistics(0, 1)).live, total)
})

t.test('every law holds while slots move to and fro', { skip, timeout: 600_000 }, async t => {
  const cluster = await RedisCluster.start(main)
  const nodes = cluster.ports.map(port => ({ host: '127.0.0.1', port }))
  const client = new Cluster(nodes, { retryDelayOnTryAgain: 10 })
  const other = createCluster({ rootNodes: nodes.map(socket => ({ socket })) })
  await other.connect()
  const keys = new Cluster(nodes)
  t.teardown(async () => { client.disconnect(); other.destroy(); keys.disconnect(); await cluster.close() })
  let counting: Promise<unknown> = Promise.resolve()
  const stop = new AbortController()
  let moves = 0
  const moving = (async () => {
    while (!stop.signal.aborted) {
      const move = await SlotMove.of(cluster, '', moves++ % shards)
      await move.begin()
      for (let n = 0; await move.move(() => n++ < 3) > 0; n = 0);
      await move.finish()
      move.close()
      await counting
    }
  })()
  // while keys move, a key is on two nodes, or on none
  const countEntries = async (prefix: string): Promise<number> => {
    const count = async (): Promise<number> => (await Promise.all(keys.nodes('master').map(node => node.keys(`${prefix}*`)))).flat().length
    const counted = count()
    counting = counted
    return counted
  }
  await t.test('through ioredis', async t => {
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(client, { prefix }), countEntries }))
  })
  await t.test('through node-redis', async t => {
    await passesConformanceTests(t, () => environmentOn({ open: prefix => redisStore(other, { prefix }), countEntries }))
  })
  stop.abort()
  await moving
  t.ok(moves > 64, `${moves} slots moved`)
})
