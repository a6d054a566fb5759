import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { createClient } from 'redis'
import t from 'tap'
import { redisStore } from '../../../lib/stores/redis.ts'
import type { AnyRedis } from '../../../lib/stores/redis.ts'
import { connect as connectUrl } from '../../../lib/stores/redis/connect.ts'
import { detectClient } from '../../../lib/stores/redis/detect-client.ts'
import { RedisSubscription } from '../../../lib/stores/redis/subscribe.ts'
import { clientOf, opened, recordOf } from '../../helpers/redis-stage.ts'
import { binaries, freePorts, missing, RedisServer, until } from '../../helpers/redis.ts'

const [main] = binaries()
const skip = missing(main)

/** Forwards connections to an address that may change; `silence` drops what comes for subscriptions that are open, without an error. */
class Proxy {
  readonly #server = createServer(socket => { this.#forward(socket) })
  readonly #sockets = new Set<Socket>()
  readonly #subscriptions = new Set<{ silent: boolean }>()
  target: string

  constructor (target: string) { this.target = target }

  async listen (): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  silence (): void { for (const subscription of this.#subscriptions) subscription.silent = true }

  close (): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #forward (socket: Socket): void {
    const state = { silent: false }
    const upstream = connect(this.target)
    for (const each of [socket, upstream]) {
      this.#sockets.add(each)
      each.on('error', () => {})
    }
    socket.on('data', data => {
      if (/\r\nsubscribe\r\n/i.test(data.toString())) this.#subscriptions.add(state)
      upstream.write(data)
    })
    upstream.on('data', data => { if (!state.silent) socket.write(data) })
    socket.on('close', () => { upstream.destroy() })
    upstream.on('close', () => { socket.destroy() })
  }
}

t.test('behind a proxy', { skip }, async t => {
  const server = await new RedisServer(main).start()
  const proxy = new Proxy(server.socket)
  const port = await proxy.listen()
  const direct = clientOf(server.socket)
  t.teardown(async () => { direct.disconnect(); proxy.close(); await server.close() })
  const clients: Readonly<Record<string, () => Promise<readonly [AnyRedis, () => void]>>> = {
    async ioredis () {
      const client = clientOf(port)
      return [client, () => { client.disconnect() }]
    },
    async 'node-redis' () {
      const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
      return [client, () => { client.destroy() }]
    }
  }
  for (const [name, open] of Object.entries(clients)) {
    await t.test(`a subscription of ${name} that falls silent is replaced, with a warning`, async t => {
      const [client, close] = await open()
      t.teardown(close)
      const warnings: string[] = []
      const heard: string[] = []
      let lost = 0
      const subscription = await new RedisSubscription(detectClient(client), {
        channel: `${name}w`,
        listener: { ended () {}, changed: id => { heard.push(id) }, lost: () => { lost++ } },
        warn: message => { warnings.push(message) },
        heartbeats: { every: 50, timeout: 500 }
      }).open()
      t.teardown(() => subscription.close())
      await subscription.probe()
      const before = lost
      proxy.silence()
      await until(async () => {
        await direct.publish(`${name}w`, `cid ${Math.random()}`)
        return heard.length > 0
      })
      t.ok(lost > before, 'the listener knows that messages may be missing')
      t.equal(warnings.length, 1)
      t.match(warnings[0], /subscribed again/)
    })
  }
})

for (const name of ['ioredis', 'redis']) {
  t.test(`a store with a URL and ${name} connects again when its address leads to a replica`, { skip }, async t => {
    const [first, second] = await freePorts(2)
    const [demoted, promoted] = [new RedisServer(main, ['--port', String(first)]), new RedisServer(main, ['--port', String(second)])]
    await Promise.all([demoted.start(), promoted.start()])
    const proxy = new Proxy(demoted.socket)
    const port = await proxy.listen()
    const admin = clientOf(demoted.socket)
    const { client, close } = await connectUrl(`redis://127.0.0.1:${port}`, async each => {
      if (each === name) return import(each) as Promise<unknown>
      throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' })
    })
    t.teardown(async () => { close(); admin.disconnect(); proxy.close(); await Promise.all([demoted.close(), promoted.close()]) })
    await client.command('a', ['set', 'a', '1'])
    proxy.target = promoted.socket
    await admin.call('replicaof', '127.0.0.1', String(second))
    await t.rejects(client.command('a', ['set', 'a', '2']), /READONLY/)
    await until(() => client.command('a', ['set', 'a', '3']).then(() => true, () => false))
    t.equal(await client.command('a', ['get', 'a']), '3')
  })
}

t.test('a given client that is connected to a replica causes one warning', { skip }, async t => {
  const server = await new RedisServer(main).start()
  const client = new Redis(server.socket)
  t.teardown(async () => { client.disconnect(); await server.close() })
  const warnings: string[] = []
  const store = await opened(client, {}, warnings)
  warnings.length = 0
  await client.call('replicaof', '127.0.0.1', '1')
  for (let n = 0; n < 2; n++) {
    await t.rejects(async () => store.create(recordOf('ada'), { at: Date.now(), limit: null, replaces: null, adopts: null }), /READONLY/)
  }
  t.match(warnings, [/connected to a replica/])
  t.equal(warnings.length, 1)
})

t.test('a cluster client that reads from replicas is refused', async t => {
  for (const scaleReads of ['slave', 'all'] as const) {
    const client = new Cluster([{ host: '127.0.0.1', port: 1 }], { scaleReads, lazyConnect: true })
    t.throws(() => redisStore(client), { code: 'FST_SESSION_INVALID_OPTION', message: /scaleReads/ })
  }
  t.doesNotThrow(() => redisStore(new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })))
})
