import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { consolePage } from '../../routes/admin/console.ts'
import { toAdmin } from '../../routes/admin/context.ts'
import { toAdminOptions } from '../../routes/admin/options.ts'
import type { CheckedAdminOptions } from '../../routes/admin/options.ts'
import { adminRoutes } from '../../routes/admin/routes.ts'
import { EventStreams } from '../../routes/event-stream.ts'
import { toPageOptions } from '../../routes/pages/options.ts'
import type { CheckedPageOptions } from '../../routes/pages/options.ts'
import { devicesPage, elementRoutes } from '../../routes/user/devices-page.ts'
import { eventRoutes } from '../../routes/user/events.ts'
import { userRoutes } from '../../routes/user/sessions.ts'
import { SessionError } from '../errors.ts'
import { logEvent } from '../events/log.ts'
import { sessionMetrics } from '../events/metrics.ts'
import type { MetricsRegistry, MetricsTarget } from '../events/metrics.ts'
import type { SessionManager } from '../manager/manager.ts'
import { refuse, toMilliseconds } from '../options.ts'
import type { SessionState } from '../session/state.ts'
import { Requests } from './hooks.ts'
import { keepTick } from './next-tick.ts'
import { checkNames } from './options.ts'
import type { SessionPluginOptions } from './options.ts'
import { rulesOf } from './route-config.ts'
import { kReply, kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'

const userPrefix = '/api/v1/auth/sessions'

async function sessions (app: FastifyInstance, options: SessionPluginOptions): Promise<void> {
  checkNames(options)
  for (const [has, name] of [[app.hasDecorator('sessions'), 'app.sessions'], [app.hasRequestDecorator('session'), 'request.session']] as const) {
    if (has) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [name, 'Register the two in sibling scopes.'] })
  }
  const admin = options.admin === undefined ? null : toAdminOptions(options.admin)
  const devices = toDevices(options)
  const requests = new Requests(app, options)
  const { entrance, manager } = requests
  await manager.open()
  await keepTick()
  if (options.metrics !== undefined) app.addHook('onClose', toMetrics(manager, options.metrics))
  manager.on('*', event => { logEvent(app.log, event) })
  app.decorate('sessions', manager)
  app.decorate('requireSession', async function requireSession (request: FastifyRequest) { entrance.admit(entrance.get(request as SessionRequest), { required: true, fresh: 0 }) })
  app.decorateRequest(kState as unknown as string, null)
  app.decorateRequest(kReply as unknown as string, null)
  app.decorateRequest('session', {
    getter () { return entrance.get(this as SessionRequest).session },
    setter () { throw new SessionError('FST_SESSION_RESERVED_KEY', { values: ['session', 'Change its keys instead.'] }) }
  } as never)
  // named: hooks appear in stack traces and spans
  app.addHook('onRequest', function sessionOnRequest (request, reply, done) { requests.onRequest(request as SessionRequest, reply, done) })
  app.addHook('onSend', function sessionOnSend (request, reply, payload, done) { requests.onSend(request as SessionRequest, reply, payload, done) })
  app.addHook('onError', async function sessionOnError (request) { await requests.onError(request as SessionRequest) })
  // a hint for developers; in production nobody pays for it
  if (process.env['NODE_ENV'] !== 'production') app.addHook('onResponse', function sessionOnResponse (request, _reply, done) { requests.onResponse(request as SessionRequest); done() })
  app.addHook('onRoute', route => { rulesOf(route.config) })
  app.addHook('onClose', async function sessionOnClose () { await requests.close() })
  registerRoutes(app, requests, { options, admin, devices })
}

function registerRoutes (app: FastifyInstance, requests: Requests, { options, admin, devices }: { readonly options: SessionPluginOptions, readonly admin: CheckedAdminOptions | null, readonly devices: CheckedPageOptions | null }): void {
  const { security } = options.routes === false ? {} : options.routes ?? {}
  const heartbeat = toMilliseconds(options.live?.heartbeat ?? 15_000, 'live.heartbeat', { min: 10, max: 600_000 })
  const warning = toMilliseconds(options.live?.warning ?? 120_000, 'live.warning', { min: 20_000 })
  if (options.routes === false && admin === null) return
  const streams = new EventStreams(heartbeat)
  // streams would keep the server from closing
  app.addHook('preClose', async function sessionPreClose () { await streams.close() })
  const { entrance, manager } = requests
  const stateOf = (request: FastifyRequest): SessionState => entrance.get(request as SessionRequest)
  const context = { manager, stateOf, admit: (request: FastifyRequest, fresh = 0) => { entrance.admit(stateOf(request), { required: true, fresh }) }, security }
  if (options.routes !== false) {
    const { prefix = userPrefix, fresh } = options.routes ?? {}
    const strict = options.profile === 'aal2' || options.profile === 'aal3'
    const age = fresh === undefined ? (strict ? 600_000 : 0) : fresh === false ? 0 : toMilliseconds(fresh, 'routes.fresh', { min: 1 })
    if (typeof prefix !== 'string' || !prefix.startsWith('/')) throw refuse('routes.prefix', 'a path that starts with /')
    app.register(userRoutes, { ...context, prefix, fresh: age })
    app.register(eventRoutes, { ...context, prefix, streams, warning })
    app.register(elementRoutes, { prefix })
    if (devices !== null) app.register(devicesPage, { page: devices, api: prefix })
  }
  if (admin === null) return
  const shared = { admin: toAdmin(context, admin), checked: admin }
  app.register(adminRoutes, { prefix: admin.prefix, ...shared, streams })
  const own = options.routes === false ? undefined : options.routes?.prefix ?? userPrefix
  if (admin.console !== null) app.register(consolePage, { ...shared, page: admin.console, own })
}

function toDevices ({ devices = false, routes }: SessionPluginOptions): CheckedPageOptions | null {
  if (devices === false) return null
  if (routes === false) throw refuse('devices', 'absent where `routes` is false, since the page lives on them')
  return toPageOptions(devices === true ? {} : devices, 'devices', '/account/sessions')
}

/** Server-side sessions for Fastify 5: see, limit and revoke them. Register it once, before the routes that use it. */
export const fastifySessionManager = fp(sessions, { name: 'fastify-session-manager', fastify: '5.x' })

/** Answers what takes the metrics away again. */
function toMetrics (manager: SessionManager, target: MetricsTarget): () => Promise<void> {
  const registry = (typeof (target as unknown) === 'object' && (target as unknown) !== null && 'register' in target ? target.register : target) as Partial<MetricsRegistry> | null
  if (typeof registry?.registerMetric !== 'function') throw refuse('metrics', 'prom-client, or a registry of it')
  const stop = sessionMetrics(manager, target)
  return async function sessionMetricsOnClose () { stop() }
}
