import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { consolePage } from '../../routes/admin/console.ts'
import { AdminContext } from '../../routes/admin/context.ts'
import { adminRoutes } from '../../routes/admin/routes.ts'
import { EventStreams } from '../../routes/event-stream.ts'
import { devicesPage, elementRoutes } from '../../routes/user/devices-page.ts'
import { userRoutes } from '../../routes/user/routes.ts'
import { SessionError } from '../errors.ts'
import { logEvent } from '../events/log.ts'
import { sessionMetrics } from '../events/metrics.ts'
import { closeContext, createContext } from './context.ts'
import type { PluginContext } from './context.ts'
import { auditGuards } from './guard-audit.ts'
import { requireSession as check } from './guard.ts'
import { addSessionHooks } from './hooks.ts'
import { sessionOf, stateOf } from './load-session.ts'
import { retainNextTickShape } from './next-tick.ts'
import { checkPluginOptions, toMetricsTarget, toRouteOptions } from './options.ts'
import type { RouteOptions, SessionPluginOptions } from './options.ts'
import { requireSession } from './require-session.ts'
import { kContext, kReply, kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'

async function sessions (app: FastifyInstance, options: SessionPluginOptions): Promise<void> {
  checkPluginOptions(options)
  refuseConflicts(app)
  auditGuards(app)
  const routes = toRouteOptions(options)
  const metrics = toMetricsTarget(options.metrics)
  const context = await createContext(app, options)
  app.addHook('onClose', async function sessionOnClose () { await closeContext(context) })
  const { manager } = context
  manager.on('*', event => { logEvent(app.log, event) })
  if (metrics !== null) {
    const stop = sessionMetrics(manager, metrics)
    app.addHook('onClose', async function sessionMetricsOnClose () { stop() })
  }
  await retainNextTickShape()
  decorate(app, context)
  addSessionHooks(app, context)
  registerRoutes(app, context, routes)
}

function refuseConflicts (app: FastifyInstance): void {
  const why = kContext in app
    ? 'this plugin is registered in this scope or in a parent. Register it once, or several times in sibling scopes'
    : 'another plugin has added it. Register the two in sibling scopes'
  const decorators = [[app.hasDecorator('sessions'), 'app.sessions'], [app.hasRequestDecorator('session'), 'request.session']] as const
  for (const [exists, name] of decorators) {
    if (exists) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [name, why] })
  }
}

function decorate (app: FastifyInstance, context: PluginContext): void {
  app.decorate('sessions', context.manager)
  app.decorate('requireSession', requireSession)
  app.decorate(kContext as unknown as string, context)
  app.decorateRequest(kState as unknown as string, null)
  app.decorateRequest(kReply as unknown as string, null)
  app.decorateRequest('session', {
    getter () { return sessionOf(context, this as SessionRequest) },
    setter () { throw new SessionError('FST_SESSION_RESERVED_KEY', { values: ['session', 'Change its keys instead.'] }) }
  } as never)
}

function registerRoutes (app: FastifyInstance, context: PluginContext, options: RouteOptions): void {
  const { user, admin, security, heartbeat, expiryWarning } = options
  if (user === null && admin === null) return
  const streams = new EventStreams(heartbeat)
  // streams would keep the server from closing
  app.addHook('preClose', async function sessionPreClose () { await streams.close() })
  const access = {
    manager: context.manager,
    stateOf: (request: FastifyRequest) => stateOf(context, request as SessionRequest),
    requireSession (request: FastifyRequest, fresh = 0) {
      check(context, stateOf(context, request as SessionRequest), { required: true, fresh })
    },
    security
  }
  if (user !== null) {
    const { prefix, fresh } = user
    app.register(userRoutes, { ...access, prefix, fresh, streams, warning: expiryWarning })
    app.register(elementRoutes, { prefix })
    if (user.devicesPage !== null) app.register(devicesPage, { page: user.devicesPage, api: prefix })
  }
  if (admin !== null) {
    const adminContext = new AdminContext(access, admin)
    app.register(adminRoutes, { prefix: admin.prefix, admin: adminContext, streams })
    if (admin.console !== null) app.register(consolePage, { page: admin.console, admin: adminContext, userApi: user?.prefix })
  }
}

/** Server-side sessions for Fastify 5: see, limit and revoke them. Register it once, before the routes that use it. */
export const fastifySessionManager = fp(sessions, { name: 'fastify-session-manager', fastify: '5.x' })
