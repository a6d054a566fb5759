import Fastify from 'fastify'
import type { FastifyPluginAsync } from 'fastify'
import fastifyMetrics from 'fastify-metrics'
import client from 'prom-client'
import t from 'tap'
import sessions, { memoryStore, sessionMetrics } from '../../lib/index.ts'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { StoreTimings } from '../../lib/manager/store-timings.ts'
import type { GuardedStore } from '../../lib/stores/wrappers/guarded-store.ts'
import { adminApi, adminApp } from '../helpers/admin.ts'
import { secret, testApp } from '../helpers/app.ts'

t.test("the numbers go into the app's own registry, with labels that name nobody", async t => {
  const registry = new client.Registry()
  const { app, send, signIn, clock } = await testApp(t, { metrics: registry, remember: { rotateAfter: '2m' } })
  const ada = await signIn('ada', { remember: true })
  const bob = await signIn('bob')
  await app.sessions.create({})
  await send('/me', { cookie: bob })
  clock.now += 3 * 60_000
  await send('/me', { cookie: ada })
  await send('/api/v1/auth/sessions/logout', { cookie: bob, method: 'POST' })
  await send('/me', { cookie: bob })
  await send('/me', { cookie: 'sid=forged.forged' })
  const text = await registry.metrics()
  for (const line of [
    'fastify_session_active 2',
    'fastify_session_active_users 1',
    'fastify_session_active_guests 1',
    'fastify_session_active_remembered 1',
    'fastify_session_created_total{remembered="true"} 1',
    'fastify_session_created_total{remembered="false"} 2',
    'fastify_session_ended_total{reason="logout"} 1',
    'fastify_session_validations_total{result="accepted"} 2',
    'fastify_session_validations_total{result="renewed"} 1',
    'fastify_session_validations_total{result="ended"} 1',
    'fastify_session_security_events_total{type="bad-signature"} 1',
    'fastify_session_store_operation_duration_seconds_bucket{op="read",le="+Inf"} 4',
    'fastify_session_store_operation_duration_seconds_count{op="read"} 4',
    '# TYPE fastify_session_store_operation_duration_seconds histogram'
  ]) {
    t.ok(text.split('\n').includes(line), line)
  }
  t.notMatch(text, /ada|bob|127\.0/)
  registry.resetMetrics()
  t.match(await registry.getMetricsAsJSON(), [{ name: 'fastify_session_active', type: 'gauge', aggregator: 'max' }])
  await app.close()
  t.equal(await registry.metrics(), '\n', 'they go with the app')
})

t.test('prom-client, an OpenMetrics registry and fastify-metrics are accepted as targets', async t => {
  const open = new client.Registry()
  open.setContentType(client.openMetricsContentType as never)
  const { app, signIn } = await testApp(t, { metrics: open })
  await signIn()
  t.match(await open.metrics(), /^fastify_session_created_total\{remembered="false"\} 1$/m)
  const stop = sessionMetrics(app.sessions, client)
  t.throws(() => sessionMetrics(app.sessions, client), /already been registered/)
  t.match(await client.register.metrics(), /^fastify_session_active 1$/m)
  stop()
  t.notMatch(await client.register.metrics(), /fastify_session_active/)
  const own = Fastify()
  t.teardown(() => own.close())
  await own.register(fastifyMetrics as unknown as FastifyPluginAsync<{ endpoint: string; defaultMetrics: object }>, {
    endpoint: '/metrics',
    defaultMetrics: { enabled: false }
  })
  await own.register(sessions, { secret, metrics: own.metrics.client })
  await own.sessions.create({ userId: 'ada' })
  t.match((await own.inject('/metrics')).body, /^fastify_session_active 1$/m)
  for (const metrics of [null, 5, {}, { register: {} }]) {
    const wrong = Fastify()
    wrong.register(sessions, { secret, metrics } as unknown as SessionPluginOptions)
    await t.rejects(async () => { await wrong.ready() }, { code: 'FST_SESSION_INVALID_OPTION' })
    await wrong.close()
  }
})

t.test('a store that fails takes no other metric with it', async t => {
  const registry = new client.Registry()
  const store = memoryStore()
  const { app, send, signIn } = await testApp(t, { metrics: registry, store })
  const cookie = await signIn()
  store.statistics = () => { throw new Error('gone') }
  const text = await registry.metrics()
  t.match(text, /^# TYPE fastify_session_active gauge$/m)
  t.notMatch(text, /^fastify_session_active /m)
  t.match(text, /^fastify_session_created_total/m)
  t.equal((await send('/me', { cookie })).statusCode, 200)
  t.equal(app.sessions.storeLatencyP99 !== null, true, 'once somebody listens, time is looked at')
})

t.test('a slow verb falls into the last bucket, a late one too', async t => {
  const registry = new client.Registry()
  const store = Object.assign(memoryStore(), { scope: 'network' as const })
  const list = store.list.bind(store)
  const { app, get } = await adminApp(t, { store, metrics: registry, storeTimeout: '2s' })
  store.list = async (filter, page) => {
    const until = performance.now() + 520
    while (performance.now() < until);
    return list(filter, page)
  }
  await app.sessions.list()
  t.match(await registry.metrics(), /op="list",le="0.5"\} 0\n.*op="list",le="\+Inf"\} 1/)
  t.ok(app.sessions.storeLatencyP99 !== null && app.sessions.storeLatencyP99 >= 500)
  t.match((await get('/statistics')).json(), { store: { p99: Number } })
  const quiet = await adminApp(t)
  t.match((await quiet.send(`${adminApi}/statistics`, { cookie: quiet.cookie })).json(), { store: { p99: null } })
  const timed: Pick<GuardedStore, 'observer' | 'scope'> = { scope: 'network', observer: null }
  const timings = new StoreTimings(timed, error => { throw error })
  t.equal(timings.p99, null)
  for (let i = 1; i <= 2000; i++) timed.observer?.('read', i)
  t.equal(timings.p99, 1990)
})

t.test('the listener of store operations can go', async t => {
  const { app } = await testApp(t)
  const seen: string[] = []
  const stop = app.sessions.onStoreOperation((operation, duration) => { if (duration >= 0) seen.push(operation) })
  await app.sessions.count()
  stop()
  await app.sessions.count()
  t.strictSame(seen, ['count'])
})
