import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, RESP_TYPES } from 'redis'
import t from 'tap'
import { RecentEvents } from '../../../lib/admin/recent-events.ts'
import { SessionManager } from '../../../lib/index.ts'
import type { Store, StoreListener } from '../../../lib/index.ts'
import { encodeCursor } from '../../../lib/stores/cursor.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import { connect } from '../../../lib/stores/redis/connect.ts'
import { allShards, baseOf } from '../../../lib/stores/redis/shard.ts'
import { clientOf, created, opened, recordOf, stateOf } from '../../helpers/redis-stage.ts'
import { binaries, freePorts, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)
const secret = 'a secret of the tests, long enough'

t.test('what cannot be used is refused, with what would be', async t => {
  const refused = { code: 'FST_SESSION_INVALID_OPTION' }
  const client = { call () {}, pipeline () {}, options: {} }
  for (const value of [null, undefined, {}, 'x'.length, { get () {}, set () {} }]) t.throws(() => redisStore(value as never), refused)
  for (const prefix of ['', '{x}:', 'a}', 'x'.repeat(65), 5 as unknown as string]) { t.throws(() => redisStore(client as never, { prefix }), refused) }
  for (const replicas of [0, 1.5, Infinity]) t.throws(() => redisStore(client as never, { wait: { replicas } }), refused)
  t.throws(() => redisStore(client as never, { wait: { replicas: 1, timeout: 0 } }), refused)
  t.doesNotThrow(() => redisStore(client as never, { wait: { replicas: 1 } }))
  for (const cache of [{ max: 0 }, { maxStale: 99 }, { maxStale: Infinity }]) { t.throws(() => redisStore(client as never, { cache }), refused) }
  t.strictSame(redisStore(client as never, { cache: true }).cache, {})
  t.strictSame(redisStore(client as never, { cache: { max: 5, maxStale: 200 } }).cache, { max: 5, maxStale: 200 })
  t.equal(redisStore(client as never).cache, undefined)
})

t.test('without a client package a URL is refused, naming what to install', async t => {
  const none = async (): Promise<never> => { throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' }) }
  await t.rejects(connect('redis://localhost', none), { code: 'FST_SESSION_INVALID_OPTION', message: /ioredis, iovalkey, redis/ })
  const broken = async (): Promise<never> => { throw new SyntaxError('broken package') }
  await t.rejects(connect('redis://localhost', broken), /broken package/)
})

t.test('a client of node-redis without an error listener does not end the process when its server goes away', async t => {
  for (const client of [createClient(), createClientPool(), createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] })]) {
    redisStore(client)
    redisStore(client)
    t.equal(client.listenerCount('error'), 1)
    t.doesNotThrow(() => client.emit('error', new Error('the server has gone')))
  }
})

t.test('a server that is not there is said at once', async t => {
  const [port] = await freePorts(1)
  for (const name of ['ioredis', 'redis']) {
    const connected = connect(`redis://127.0.0.1:${port}`, async each => {
      if (each === name) return import(each) as Promise<unknown>
      throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
    })
    await t.rejects(connected.then(async ({ client, close }) => client.command('any', ['exists', 'any']).finally(close)))
  }
  await t.rejects(new SessionManager({ secret, warn: () => {}, store: `redis://127.0.0.1:${port}` }).open())
})

t.test('shards lie evenly among the slots of a cluster, for ever at the same places', { skip }, async t => {
  const [port] = await freePorts(1)
  const server = new RedisServer(main, ['--port', String(port), '--cluster-enabled', 'yes'])
  t.teardown(() => server.close())
  await server.start()
  const client = clientOf(server.socket)
  t.teardown(() => { client.disconnect() })
  for (const shard of allShards) {
    const slot = await client.cluster('KEYSLOT', `${baseOf('any:', shard)}s:x{y}`)
    t.equal(Math.floor(slot / 256), shard)
  }
})

t.test('on a server', { skip }, async t => {
  const [port] = await freePorts(1)
  const server = new RedisServer(main, ['--port', String(port)])
  t.teardown(() => server.close())
  await server.start()
  const client = clientOf(server.socket)
  t.teardown(() => { client.disconnect() })

  for (const scheme of ['redis', 'valkey']) {
    await t.test(`a ${scheme} URL opens a client, and closes it with the manager`, async t => {
      const clients = async (): Promise<number> => String(await client.client('LIST')).trim().split('\n').length
      const before = await clients()
      const manager = await new SessionManager({ secret, warn: () => {}, store: `${scheme}://127.0.0.1:${port}` }).open()
      t.equal((await manager.create({ userId: 'ada' })).session.userId, 'ada')
      t.ok(await clients() > before)
      await manager.close()
      while (await clients() > before) await new Promise(resolve => { setImmediate(resolve) })
    })
  }

  for (const name of ['ioredis', 'iovalkey', 'redis']) {
    await t.test(`a URL is opened with ${name} if that is what is installed`, async t => {
      const connected = await connect(`redis://127.0.0.1:${port}`, async each => {
        if (each === name) return import(each) as Promise<unknown>
        throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
      })
      t.teardown(() => { connected.close() })
      const exists = async (): Promise<number> => Number(await connected.client.command('any', ['exists', 'any']))
      t.equal(await exists(), 0)
      await client.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
      await until(() => exists().then(() => true, () => false))
      t.equal(await exists(), 0, 'a connection that is cut is made anew')
    })
  }

  await t.test('a client\'s own prefix comes before the store\'s', async t => {
    const prefixed = new Redis(server.socket, { keyPrefix: 'mine:' })
    const [store, node, other] = [await opened(prefixed), await opened(prefixed), await opened(client)]
    t.teardown(() => { prefixed.disconnect() })
    const heard: string[] = []
    const listener: StoreListener = { ended: ({ id }) => { heard.push(id) }, changed () {}, lost () {} }
    const watch = await node.subscribe?.(listener)
    const id = await created(store)
    t.equal(await stateOf(other, id), 'none')
    t.equal((await client.keys('mine:fsm:{*}:s:*')).length, 1)
    await store.end({ ids: [id] }, { reason: 'logout', by: null })
    await watch?.probe()
    t.strictSame(heard, [id])
    await watch?.close()
  })

  await t.test('an app may have its own commands answer as it likes', async t => {
    const mapping = { [RESP_TYPES.MAP]: Map, [RESP_TYPES.BLOB_STRING]: Buffer }
    const client = await createClient({ socket: { path: server.socket, tls: false }, commandOptions: { typeMapping: mapping } }).connect()
    t.teardown(() => { client.destroy() })
    const store = await opened(client)
    t.equal(await stateOf(store, await created(store)), 'live')
  })

  await t.test('a key of the wrong type is no session, and disturbs no other session', async t => {
    const store = await opened(client, { prefix: 'odd:' })
    const [wrong = '', partial = '', good = '', garbled = ''] = await Promise.all(Array.from({ length: 4 }, () => created(store)))
    const keys = await client.keys('odd:{*}:s:*')
    const keyOf = (id: string): string => keys.find(key => key.endsWith(id)) ?? ''
    await client.set(keyOf(wrong), 'text')
    await client.hdel(keyOf(partial), 'h', 'g')
    await client.hset(keyOf(garbled), 't', 'x y z', 'l', 'later')
    await t.rejects(async () => store.read(wrong), /WRONGTYPE/)
    t.equal(await stateOf(store, partial), 'none')
    t.equal(await stateOf(store, garbled), 'none')
    const all = await store.list({ userId: 'ada' }, { limit: 10, cursor: null, order: 'newest' })
    t.strictSame(all.items.map(({ id }) => id), [good])
    t.strictSame(
      [
        ...(await store.touch(
          [wrong, partial, good, garbled].map(id => ({ id, requestCount: 1, seenAt: Date.now(), generation: 0 })),
          Date.now()
        ))
      ].sort(),
      [wrong, partial, garbled].sort()
    )
    t.equal((await store.count({}, null)).count, 4, 'what is not due is not looked at')
    const { ended } = await store.end({ userId: 'ada' }, { reason: 'revoked', by: null })
    t.strictSame(ended.map(({ id }) => id), [good])
    await client.hdel(keyOf(await created(store, 'bob')), 'h')
    const [unsure = ''] = (await client.keys('odd:{*}:s:*')).filter(key => !keys.includes(key))
    await client.hdel(unsure, 'h')
    const refused = await store.create(recordOf('bob'), {
      at: Date.now(),
      limit: { max: 1, onExceeded: 'reject' },
      replaces: null,
      adopts: null
    })
    t.strictSame(refused, { status: 'refused', live: [] })
  })

  await t.test('a session that the server evicted leaves no trace in the indexes', async t => {
    const store = await opened(client, { prefix: 'gone:' })
    const clock = { now: Date.now() }
    const late: Store = redisStore(client, { prefix: 'gone:' })
    await late.open({ now: () => clock.now, history: 1000, historyPerUser: 20, warn: () => {} })
    for (const userId of ['ada', 'bob']) await created(store, userId)
    await client.del(...await client.keys('gone:{*}:s:*'))
    t.strictSame((await store.end({ userId: 'ada' }, { reason: 'revoked', by: null })).ended, [])
    clock.now += 86_400_000
    t.strictSame(await late.cleanup(1000), { ended: [], more: false })
    await store.end({ userId: 'bob' }, { reason: 'revoked', by: null })
    t.strictSame(await client.keys('gone:*'), [])
  })

  await t.test('what is long lies in pieces, and only what is very long costs a table', async t => {
    const store = await opened(client, { prefix: 'long:' })
    const agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
    const id = await created(store, `x${'ü'.repeat(127)}`, {
      ip: null,
      firstIp: '192.0.2.1',
      userAgent: agent,
      firstUserAgent: `${agent}ü`,
      data: { a: JSON.stringify('x'.repeat(500)) }
    })
    const [key = ''] = await client.keys('long:{*}:s:*')
    t.match(await client.object('ENCODING', key), /listpack|ziplist/)
    await store.update(id, { set: { a: JSON.stringify('x'.repeat(600)) } })
    t.equal(await client.object('ENCODING', key), 'hashtable')
    t.match(await store.read(id), {
      userAgent: agent,
      firstUserAgent: `${agent}ü`,
      userId: `x${'ü'.repeat(127)}`,
      ip: null,
      firstIp: '192.0.2.1'
    })
    const nobody = await created(store, 'nobody', { userAgent: null, firstUserAgent: agent })
    t.match(await store.read(nobody), { userAgent: null, firstUserAgent: agent })
  })

  await t.test('server settings that may lose sessions cause a warning at start, if they can be read', async t => {
    const warnings: string[] = []
    await opened(client, {}, warnings)
    t.match(warnings, [/append-only/])
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await client.config('SET', 'appendonly', 'yes')
    warnings.length = 0
    await opened(client, {}, warnings)
    t.match(warnings, [/allkeys-lru.*noeviction/])
    t.equal(warnings.length, 1)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    await client.config('SET', 'appendonly', 'no')
  })

  await t.test('a subscription that is cut is said to be lost, and is made anew', async t => {
    for (const client of [clientOf(server.socket), await createClient({ socket: { path: server.socket, tls: false } }).connect()]) {
      const admin = clientOf(server.socket)
      t.teardown(() => { client instanceof Redis ? client.disconnect() : client.destroy(); admin.disconnect() })
      const store = await opened(client)
      const heard: string[] = []
      let lost = (): void => {}
      const next = (): Promise<void> => new Promise(resolve => { lost = resolve })
      const watch = await store.subscribe?.({ ended: ({ reason }) => { heard.push(reason) }, changed () {}, lost: () => { lost() } })
      const once = next()
      await admin.call('client', 'kill', 'type', 'pubsub')
      await once
      for (let whole = false; !whole;) whole = await watch?.probe().then(() => true, () => false) ?? true
      heard.length = 0
      await store.end({ ids: [await created(store)] }, { reason: 'logout', by: null })
      await watch?.probe()
      t.strictSame(heard, ['logout'])
      await watch?.close()
      await watch?.probe()
    }
  })

  await t.test('an end is shown once in a live feed, wherever it happened', async t => {
    const managers = await Promise.all(
      [1, 2].map(() =>
        new SessionManager({ secret, warn: () => {}, maxSessions: 1, store: redisStore(client, { prefix: 'feed:' }) }).open()
      )
    )
    const [here, there] = managers as [SessionManager, SessionManager]
    t.teardown(() => Promise.all(managers.map(manager => manager.close())))
    const feed = new RecentEvents(here)
    const ends = (): string[] => feed.items().flatMap(({ event }) => event.type === 'ended' ? event.session.id : [])
    const ids: string[] = []
    for (let n = 0; n < 210; n++) ids.push((await (n % 2 === 0 ? here : there).create({ userId: 'ada' })).session.id)
    await here.revokeUser('ada')
    await until(async () => ends().includes(ids.at(-2) ?? ''))
    t.equal(new Set(ends()).size, ends().length)
    t.ok(ends().includes(ids.at(-1) ?? ''))
  })

  await t.test('lists begin and stop where the filter says', async t => {
    const store = redisStore(client, { prefix: 'range:' })
    const clock = { now: Date.now() }
    const start = clock.now
    await store.open({ now: () => clock.now, history: 86_400_000, historyPerUser: 20, warn: () => {} })
    const ids: string[] = []
    for (let n = 0; n < 12; n++) {
      clock.now++
      const record = { ...recordOf(`user ${n}`), createdAt: clock.now, lastSeenAt: clock.now, absoluteExpiresAt: clock.now + 86_400_000 }
      await store.create(record, { at: clock.now, limit: { max: Infinity, onExceeded: 'evict-oldest' }, replaces: null, adopts: null })
      ids.push(record.id)
    }
    const [created, ended] = [{ createdAfter: start + 4, createdBefore: start + 8 }, { endedAfter: start + 4, endedBefore: start + 8 }]
    for (const order of ['oldest', 'newest'] as const) {
      const { items, cursor } = await store.list(created, { limit: 100, cursor: null, order })
      t.strictSame(items.map(({ id }) => id), order === 'oldest' ? ids.slice(3, 7) : ids.slice(3, 7).reverse())
      t.equal(cursor, null)
    }
    clock.now = start
    for (const id of ids) {
      clock.now++
      await store.end({ ids: [id] }, { reason: 'logout', by: null })
    }
    for (const order of ['oldest', 'newest'] as const) {
      const { items } = await store.history(ended, { limit: 100, cursor: null, order })
      t.strictSame(items.map(({ id }) => id), order === 'oldest' ? ids.slice(3, 7) : ids.slice(3, 7).reverse())
    }
  })

  await t.test('many sessions that were due and live on are counted step by step; many slices come in steps, too', async t => {
    const store = redisStore(client, { prefix: 'many:' })
    const clock = { now: Date.now() }
    await store.open({ now: () => clock.now, history: 0, historyPerUser: 20, warn: () => {} })
    const ids = await Promise.all(Array.from({ length: 70 }, () => created(store)))
    clock.now += 1_200_000
    t.strictSame(await store.touch(ids.map(id => ({ id, requestCount: 1, seenAt: clock.now, generation: 0 })), clock.now), [])
    clock.now += 1_200_000
    const first = await store.count({}, null)
    t.type(first.cursor, 'string')
    const second = await store.count({}, first.cursor)
    t.equal(first.count + second.count, 70)
    t.equal(second.cursor, null)
    await t.rejects(async () => store.count({}, encodeCursor({ list: 'count', filter: {}, order: 'newest' }, ['x'])), {
      code: 'FST_SESSION_INVALID_CURSOR'
    })
    await Promise.all(Array.from({ length: 1100 }, (_, n) => created(store, `user ${n}`)))
    const page = await store.list({ search: 'none of them' }, { limit: 10, cursor: null, order: 'newest' })
    t.strictSame(page.items, [])
    t.type(page.cursor, 'string', 'there is more to look at')
    for (let n = 0; n < 60; n++) { await store.saveStatistics({ node: `node ${n}`, start: n, interval: 300_000, value: '{}', until: clock.now }) }
    t.equal((await store.statistics(0, 100)).slices.length, 60)
  })

  await t.test('whoever listens hears each change once, however many there are', async t => {
    const store = await opened(client, { prefix: 'loud:' })
    let heard = 0
    const watch = await store.subscribe?.({ ended () {}, changed: () => { heard++ }, lost () {} })
    const publish = client.pipeline()
    for (let n = 0; n < 1100; n++) publish.publish('loud:w', `cid ${n}`).publish('loud:w', `cid ${n}`)
    await publish.exec()
    await watch?.probe()
    t.equal(heard, 1100)
    await watch?.close()
  })

  await t.test('a store that is not open says so', async t => {
    await t.rejects(async () => redisStore(client).read('x'), /not open/)
  })
})

t.test('over TLS, by a user who may touch the store\'s keys and channel only', { skip }, async t => {
  const [port] = await freePorts(1)
  const server = new RedisServer(main, ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'])
  const file = (name: string): string => join(server.dir, name)
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      file('key.pem'),
      '-out',
      file('cert.pem')
    ],
    { stdio: 'ignore' }
  )
  const certificate = readFileSync(file('cert.pem'))
  writeFileSync(file('users.acl'), [
    'user default off',
    'user app on >secret ~fsm:* &fsm:* -@all +@connection +@read +@write +@scripting +@pubsub +info +time',
    'user blind on >secret ~fsm:* &fsm:* +@all -info',
    'user mute on >secret ~fsm:* resetchannels +@all',
    ''
  ].join('\n'))
  t.teardown(() => server.close())
  await server.start([
    '--tls-cert-file',
    file('cert.pem'),
    '--tls-key-file',
    file('key.pem'),
    '--tls-ca-cert-file',
    file('cert.pem'),
    '--aclfile',
    file('users.acl')
  ])
  const options = { host: 'localhost', port: Number(port), password: 'secret', tls: { ca: certificate } }
  const client = new Redis({ ...options, username: 'app' })
  const blind = new Redis({ ...options, username: 'blind' })
  const mute = new Redis({ ...options, username: 'mute' })
  t.teardown(() => { client.disconnect(); blind.disconnect(); mute.disconnect() })
  const store = await opened(client)
  const watch = await store.subscribe?.({ ended () {}, changed () {}, lost () {} })
  const id = await created(store)
  await watch?.probe()
  const warnings: string[] = []
  await opened(blind, {}, warnings)
  t.strictSame(warnings, [], 'settings that cannot be seen are not warned of')
  t.equal((await store.end({ ids: [id] }, { reason: 'logout', by: null })).ended.length, 1)
  t.strictSame(await store.cleanup(10), { ended: [], more: false })
  t.match(await store.statistics(0, 1), { live: 0 })
  await watch?.close()
  await t.rejects(opened(client, { prefix: 'else:' }), /NOPERM/, 'not beyond its own keys')
  await t.rejects(opened(mute), /NOPERM/, 'without the channel an end could not be told')
})
