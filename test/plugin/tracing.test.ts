import { FastifyOtelInstrumentation } from '@fastify/otel'
import * as api from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import Fastify from 'fastify'
import t from 'tap'
import sessions from '../../lib/index.ts'
import { createSpanAnnotator } from '../../lib/plugin/tracing.ts'
import { cookieOf, secret } from '../helpers/app.ts'

t.test('request spans of @fastify/otel have the session id, and the user id only if configured', async t => {
  const exporter = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  provider.register()
  t.teardown(() => provider.shutdown())
  for (const user of [false, true]) {
    exporter.reset()
    const app = Fastify()
    t.teardown(() => app.close())
    const instrumentation = new FastifyOtelInstrumentation()
    instrumentation.setTracerProvider(provider)
    await app.register(instrumentation.plugin() as never)
    await app.register(sessions, { secret, otel: user ? { api, user } : api })
    app.post('/login', async request => { await request.session.login('ada'); return { id: request.session.id } })
    app.get('/me', async request => ({ id: request.session.id }))
    const login = await app.inject({ method: 'POST', url: '/login' })
    const { id } = login.json<{ id: string }>()
    await app.inject({ url: '/me', headers: { cookie: cookieOf(login) } })
    await app.inject('/me')
    const spans = exporter
      .getFinishedSpans()
      .filter(({ name }) => name === 'request')
      .map(({ attributes }) => [attributes['session.id'], attributes['enduser.id']])
    t.strictSame(spans, [[id, user ? 'ada' : undefined], [id, user ? 'ada' : undefined], [undefined, undefined]])
  }
})

t.test('without an instrumentation of Fastify the active span will do', async t => {
  const attributes: Record<string, string> = {}
  const mark = createSpanAnnotator({
    trace: {
      getActiveSpan: () => ({
        setAttribute: (name: string, value: string) => {
          attributes[name] = value
        }
      })
    }
  })
  mark({}, { id: 'x', userId: 'ada' })
  t.strictSame(attributes, { 'session.id': 'x' })
  createSpanAnnotator({ api: { trace: { getActiveSpan: () => undefined } }, user: true })(
    { opentelemetry: () => ({ span: null }) },
    { id: 'x', userId: null }
  )
  createSpanAnnotator({ api: { trace: { getActiveSpan: () => undefined } }, user: true })({}, { id: 'x', userId: 'ada' })
  for (const otel of [{}, { api: {} }, { api, user: 'yes' }, { trace: {} }]) { t.throws(() => createSpanAnnotator(otel as never), { code: 'FST_SESSION_INVALID_OPTION' }) }
})
