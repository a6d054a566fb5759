import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { SessionError } from '../errors.ts'
import { requireSession } from './require-session.ts'
import { kContext } from './symbols.ts'

/** A route, and the scope that declares it. */
interface DeclaredRoute {
  readonly scope: FastifyInstance
  /** Hooks of the app may change it until the app is ready. */
  readonly options: RouteOptions
  /** The plugin had loaded in this scope or in a parent, so that `app.requireSession` existed. */
  readonly covered: boolean
}

const hookNames = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const
const audited = new WeakSet()

// With ES modules, an app imports this package before it creates an instance. Each instance of this process is seen, because a route of a
// scope without the plugin must not start open.
subscribe('fastify.initialization', message => { auditGuards((message as { readonly fastify: FastifyInstance }).fastify) })

/**
 * Refuses the start of an app that has a route whose guard nothing enforces, with `FST_SESSION_GUARD_MISSING`: the route requires a
 * session, but the plugin is registered in another scope, or nowhere. An instance that existed before this package was loaded is audited
 * from the registration of the plugin on.
 */
export function auditGuards (app: FastifyInstance): void {
  const root = rootOf(app)
  if (audited.has(root)) return
  audited.add(root)
  let routes: DeclaredRoute[] = []
  root.addHook('onRoute', function sessionAuditOnRoute (options) {
    routes.push({ scope: this, options, covered: isCovered(this) })
  })
  root.addHook('onReady', async function sessionAuditOnReady () {
    const declared = routes
    routes = []
    for (const route of declared) auditRoute(route)
  })
}

function auditRoute ({ scope, options, covered }: DeclaredRoute): void {
  if (isCovered(scope)) {
    const missing = covered ? undefined : hookNames.find(name => Object.hasOwn(options, name) && options[name] === undefined)
    if (missing === undefined) return
    const problem = `its hook \`${missing}\` is undefined, as \`app.requireSession\` is until the plugin has loaded`
    throw guardMissing(options, problem, 'Import `requireSession` from the package, or await the registration before the routes. ' +
      `If the hook is optional, leave \`${missing}\` out`)
  }
  if (hasGuard(options)) {
    throw guardMissing(options, 'it requires a session, but the plugin is not registered in its scope or in a parent',
      'Register the plugin there, wrapped in fastify-plugin if you wrap it in a plugin of yours')
  }
}

/** Returns whether a route requires anything of the session. Other packages may use `config.session`, too: only known values count. */
function hasGuard (options: RouteOptions): boolean {
  const session: unknown = options.config?.session
  if (typeof session === 'object' && session !== null) {
    const { required, fresh, sameOrigin } = session as Readonly<Record<string, unknown>>
    if (required === true || fresh !== undefined || sameOrigin === true) return true
  }
  return hookNames.some(name => [options[name]].flat().includes(requireSession))
}

function guardMissing ({ method, url }: RouteOptions, problem: string, advice: string): SessionError {
  return new SessionError('FST_SESSION_GUARD_MISSING', { values: [`${[method].flat().join(', ')} ${url}`, problem, advice] })
}

/** Returns whether the plugin is registered in the scope or in one of its parents: child instances inherit decorators. */
function isCovered (scope: FastifyInstance): boolean {
  return kContext in scope
}

/** Returns the instance that has all scopes of an app: the prototype of each scope is its parent. */
function rootOf (scope: FastifyInstance): FastifyInstance {
  let root = scope
  for (;;) {
    const parent = Object.getPrototypeOf(root) as FastifyInstance | null
    if (parent === null || typeof parent.addHook !== 'function') return root
    root = parent
  }
}
