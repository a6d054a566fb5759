import t from 'tap'
import type { SessionRecord } from '../../lib/index.ts'
import { hasEnded } from '../../lib/model/record.ts'
import { CachedStore } from '../../lib/stores/wrappers/cached-store.ts'
import { hour, LawFixture } from '../../lib/testing/laws/fixture.ts'
import { cookieOf, gate, testApp } from '../helpers/app.ts'
import { passesConformanceTests } from '../helpers/laws.ts'
import { Network } from '../helpers/network.ts'

/** One cached store on a network, and a plain one: this node and another. */
async function twoNodes (cache: { max?: number, maxStale?: number } = {}) {
  const network = new Network()
  const elapsed = { now: 0 }
  const clock = { now: Date.UTC(2026, 0, 1) }
  const context = { now: () => clock.now, history: hour, historyPerUser: 20, warn: () => {} }
  const here = new CachedStore(network.node(cache), { elapsed: () => elapsed.now })
  const there = network.node()
  await here.open(context)
  await there.open(context)
  const fixture = new LawFixture({ clock, open: async () => here, close: async () => {} }, here)
  const keep = async (fields: Partial<SessionRecord> = {}): Promise<string> => {
    const { id } = await fixture.created(fields)
    await here.read(id)
    return id
  }
  return { network, elapsed, clock, here, there, fixture, keep }
}

t.test('a repeated request costs no round trip, and counts all the same', async t => {
  const network = new Network()
  const { send, signIn, app, clock } = await testApp(t, { store: network.node() })
  const cookie = await signIn()
  await send('/me', { cookie })
  const { reads } = network
  for (let i = 0; i < 10; i++) t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal(network.reads, reads)
  await app.sessions.flush()
  const id = (await send('/me', { cookie })).json().id as string
  clock.now += 1000
  await app.sessions.flush()
  const session = await app.sessions.get(id)
  t.equal(session !== null && session.requestCount, 12)
})

t.test('row 54: a session that another node ended, rotated or changed leaves the cache at once', async t => {
  const network = new Network()
  const a = await testApp(t, { store: network.node() })
  const b = await testApp(t, { store: network.node() })
  const cookie = await a.signIn()
  for (const node of [a, b, a, b]) t.equal((await node.send('/me', { cookie })).statusCode, 200)
  await a.send('/data', { method: 'POST', payload: { cart: 'full' }, cookie })
  t.equal((await b.send('/who', { cookie })).json().data.cart, 'full')
  await b.send('/who', { cookie })
  const out = await a.send('/api/v1/auth/sessions/logout', { method: 'POST', payload: {}, cookie })
  t.equal(out.statusCode, 200)
  t.equal((await a.send('/me', { cookie })).statusCode, 401, '0 ms on the node that ended it')
  t.equal((await b.send('/me', { cookie })).json().reason, 'logout')
})

t.test('a node that has read that a session ended answers no copy of it, message or not', async t => {
  const { here, network, keep } = await twoNodes()
  const id = await keep()
  // the end is told to nobody, yet
  await network.sessions.end({ ids: [id] }, { reason: 'logout', by: null })
  t.ok(here.peek(id))
  const found = await here.read(id)
  t.ok(found !== null && hasEnded(found))
  t.equal(here.peek(id), null)
  const other = await keep()
  await network.sessions.end({ ids: [other] }, { reason: 'logout', by: null })
  const read = network.sessions.read.bind(network.sessions)
  network.sessions.read = () => null
  t.equal(await here.read(other), null, 'nor if nothing is left of it')
  network.sessions.read = read
  t.equal(here.peek(other), null)
})

t.test('a route that requires recent authentication always reads the store', async t => {
  const network = new Network()
  const { send, signIn } = await testApp(t, { store: network.node() }, app => {
    app.get('/bank', { config: { session: { fresh: '5m' } } }, async () => 'money')
  })
  const cookie = await signIn()
  await send('/me', { cookie })
  await send('/me', { cookie })
  const { reads } = network
  t.equal((await send('/bank', { cookie })).statusCode, 200)
  t.equal(network.reads, reads + 1)
})

t.test('a copy never says no: an expired or unknown one is read again', async t => {
  const network = new Network()
  const a = await testApp(t, { store: network.node(), idleTimeout: '10m' })
  const b = await testApp(t, { store: network.node(), idleTimeout: '10m' })
  const cookie = await a.signIn()
  await a.send('/me', { cookie })
  b.clock.now += 9 * 60_000
  a.clock.now = b.clock.now
  await b.send('/me', { cookie })
  await b.app.sessions.flush()
  a.clock.now = b.clock.now += 5 * 60_000
  t.equal((await a.send('/me', { cookie })).statusCode, 200, 'the copy was out of date, the session was not')
})

t.test('row 54: a broken or silent stream invalidates the cache until a heartbeat returns', async t => {
  const { network, elapsed, here, keep } = await twoNodes()
  const id = await keep()
  t.equal(here.peek(id)?.id, id)
  t.test('broken, and noticed', async t => {
    network.cut()
    t.equal(here.peek(id), null)
    const { reads } = network
    await here.read(id)
    await here.read(id)
    t.equal(network.reads, reads + 2)
  })
  await new Promise(resolve => { setImmediate(resolve) })
  await here.read(id)
  t.equal(here.peek(id)?.id, id, 'peeking asked for a beat, and it came back')
  t.test('broken, and nobody noticed: within maxStale', async t => {
    network.silent = true
    elapsed.now += 1000
    t.equal(here.peek(id)?.id, id)
    elapsed.now += 1
    t.equal(here.peek(id), null)
    await new Promise(resolve => { setImmediate(resolve) })
    await here.read(id)
    t.equal(here.peek(id), null)
  })
  await here.close()
})

t.test('row 54: a record read while its session ends or changes is not cached', async t => {
  const { network, here, there, keep, fixture } = await twoNodes()
  const id = await keep()
  for (const act of [
    async (id: string) => there.end({ ids: [id] }, { reason: 'revoked', by: null }),
    async (id: string) => here.end({ ids: [id] }, { reason: 'revoked', by: null }),
    async () => here.end({ userId: 'ada' }, { reason: 'revoked', by: null }),
    async (id: string) => fixture.create({}, { replaces: id }),
    async () => { fixture.clock.now += hour; return here.cleanup(10) }
  ]) {
    const id = await keep()
    await here.update(id, { deviceName: 'read again' })
    const { opened, open } = gate()
    network.onRead = async () => opened
    const reading = here.read(id)
    await act(id)
    open()
    network.onRead = null
    const found = await reading
    t.equal(found !== null && hasEnded(found), false, 'it was live when it was asked')
    t.equal(here.peek(id), null)
    const left = await here.read(id)
    t.equal(left !== null && hasEnded(left), true)
  }
  t.equal(here.peek(id), null)
  await here.close()
})

t.test('a copy knows what this node\'s requests added, and gets no older than half a minute', async t => {
  const { here, keep, clock, elapsed } = await twoNodes()
  const id = await keep()
  clock.now += 60_000
  await here.touch(
    [
      { id, requestCount: 2, seenAt: clock.now, generation: 0, ip: '198.51.100.7' },
      { id: 'A'.repeat(22), requestCount: 1, seenAt: clock.now, generation: 0 }
    ],
    clock.now
  )
  const copy = here.peek(id)
  const device = { browser: 'Firefox', version: '144', os: 'Linux', type: 'desktop' }
  t.strictSame([copy?.requestCount, copy?.lastSeenAt, copy?.ip, copy?.device], [2, clock.now, '198.51.100.7', device])
  for (let i = 0; i < 61; i++) {
    t.equal(here.peek(id)?.id, id)
    await new Promise(resolve => { setImmediate(resolve) })
    elapsed.now += 500
  }
  t.equal(here.peek(id), null, 'copies get no older than half a minute')
  await here.close()
})

t.test('there are no more copies than was asked for, and what is used stays', async t => {
  const { here, keep } = await twoNodes({ max: 10 })
  const first = await keep()
  const ids: string[] = []
  for (let i = 0; i < 30; i++) {
    ids.push(await keep())
    t.equal(here.peek(first)?.id, first)
  }
  t.ok(ids.filter(id => here.peek(id) !== null).length <= 10)
  await here.close()
})

t.test('a store that fails to answer leaves nothing behind', async t => {
  const { network, here, keep } = await twoNodes()
  const id = await keep()
  await here.update(id, { deviceName: 'dropped' })
  network.onRead = async () => { throw new Error('the network is down') }
  await t.rejects(async () => here.read(id))
  network.onRead = null
  await here.read(id)
  t.equal(here.peek(id)?.id, id)
  await here.close()
})

t.test('who listens beside the copies hears everything, too', async t => {
  const { network, here, there, keep } = await twoNodes()
  const heard: string[] = []
  const watch = here.subscribe({
    ended: ({ id }) => {
      heard.push(id)
    },
    changed: id => {
      heard.push(`changed ${id}`)
    },
    lost: () => {
      heard.push('lost')
    }
  })
  const id = await keep()
  await there.update(id, { deviceName: 'x' })
  await there.end({ ids: [id] }, { reason: 'logout', by: null })
  network.cut()
  await watch.probe()
  t.strictSame(heard, [`changed ${id}`, id, 'lost'])
  await watch.close()
  await there.end({ ids: [await keep()] }, { reason: 'logout', by: null })
  t.equal(heard.length, 3)
  await here.close()
})

t.test('a node\'s own ends are not told to it as another\'s', async t => {
  const network = new Network()
  const a = await testApp(t, { store: network.node(), admin: { authorize: () => true } })
  const b = await testApp(t, { store: network.node() })
  const heard: string[] = []
  for (const [name, { app }] of Object.entries({ a, b })) app.sessions.onRemoteEnd(({ id }) => { heard.push(`${name} ${id}`) })
  const ids: string[] = []
  for (let i = 0; i < 2; i++) {
    const cookie = await a.signIn()
    ids.push((await a.send('/me', { cookie })).json<{ id: string }>().id)
    await a.send('/api/v1/auth/sessions/logout', { method: 'POST', payload: {}, cookie })
  }
  for (const id of ids) t.equal(heard.includes(`b ${id}`), true)
  const told = a.events.filter(({ type }) => type === 'ended').map(({ id }) => id)
  t.strictSame(told, ids)
  t.equal(new Set(heard).size, heard.length)
})

t.test('a cached store keeps every law, on several nodes', async t => {
  await passesConformanceTests(t, async () => {
    const clock = { now: Date.now() }
    const networks = new Map<string, Network>()
    const opened: CachedStore[] = []
    return {
      clock,
      async open ({ app = 'app', history = 24 * hour, historyPerUser = 20 } = {}) {
        const network = networks.get(app) ?? new Network()
        networks.set(app, network)
        const store = new CachedStore(network.node())
        await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
        await store.ping()
        opened.push(store)
        return store
      },
      async close () { for (const store of opened) await store.close() }
    }
  })
})

t.test('rotation by age goes through the store although a copy is at hand', async t => {
  const network = new Network()
  const { send, signIn, clock } = await testApp(t, { store: network.node() })
  const cookie = await signIn('ada', { remember: true })
  await send('/me', { cookie })
  clock.now += 61 * 60_000
  const rotated = await send('/me', { cookie })
  t.not(cookieOf(rotated), '')
  t.equal((await send('/me', { cookie: cookieOf(rotated) })).statusCode, 200)
})
