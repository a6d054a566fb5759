import type { FastifyReply, FastifyRequest } from 'fastify'
import { SessionError } from '../lib/errors.ts'
import { Feed } from '../lib/feed.ts'
import type { SessionManager } from '../lib/manager.ts'
import { Oversight } from '../lib/oversight.ts'
import { optionalFunction, refuse } from '../lib/settings.ts'
import type { SessionState } from '../lib/state.ts'
import { toPageOptions } from './pageoptions.ts'
import type { CheckedPageOptions, PageOptions } from './pageoptions.ts'
import { ErrorReply } from './schemas.ts'

/** A hook as `addHook('onRequest', …)` takes it. */
type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => unknown

/** The admin routes. Without them given, they are not there. */
export interface AdminOptions {
  /** Default `/api/v1/admin/sessions`. */
  readonly prefix?: string
  /** Who may: only `true` allows. Asked for each request, before its body is read and before anything is looked up. */
  readonly authorize: (request: FastifyRequest) => boolean | Promise<boolean>
  /** Hooks that run before `authorize`: to find out who asks, where that is not the session. */
  readonly onRequest?: OnRequest | readonly OnRequest[]
  /** Who acts, for events and for `by`, where that is not the user of the session; at most 64 characters count. */
  readonly actor?: (request: FastifyRequest) => string | null | undefined
  /** The console: a page on these routes, behind the same guards. Default at `/admin/sessions`; `false`: none. */
  readonly console?: PageOptions | false
}

/** What the admin routes need from the plugin. */
export interface AdminContext {
  readonly manager: SessionManager
  readonly stateOf: (request: FastifyRequest) => SessionState
  /** Throws 401 without a signed-in user. */
  readonly admit: (request: FastifyRequest) => void
  /** Name of the security scheme in the OpenAPI document. */
  readonly security: string | undefined
}

/** What the parts of the admin routes share. */
export interface Admin extends AdminContext {
  readonly oversight: Oversight
  readonly feed: Feed
  /** Who acts; `null` if nobody can say. */
  readonly actor: (request: FastifyRequest) => string | null
  /** Whether `authorize` says `true`. */
  readonly allowed: (request: FastifyRequest) => Promise<boolean>
  /** Tells that an admin did something. */
  readonly tell: (request: FastifyRequest, action: string, count: number) => void
  /** For the schema of every route. */
  readonly common: { readonly tags: readonly string[], readonly security?: readonly Record<string, readonly string[]>[] }
}

/** The options of the admin routes, checked. */
export interface CheckedAdminOptions {
  readonly prefix: string
  readonly authorize: AdminOptions['authorize']
  readonly onRequest: readonly OnRequest[]
  readonly actor: AdminOptions['actor'] | undefined
  readonly console: CheckedPageOptions | null
}

/** Checks the options of the admin routes. Throws `FST_SESSION_INVALID_OPTION`. */
export function toAdminOptions (options: AdminOptions): CheckedAdminOptions {
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null) throw refuse('admin', 'an object with `authorize`')
  const wrong = Object.keys(options).find(name => !['prefix', 'authorize', 'onRequest', 'actor', 'console'].includes(name))
  if (wrong !== undefined) throw refuse(`admin.${wrong}`, 'prefix, authorize, onRequest, actor or console')
  const { prefix = '/api/v1/admin/sessions', authorize } = options
  if (typeof authorize !== 'function') throw refuse('admin.authorize', 'a function of the request that answers `true` for admins')
  if (typeof prefix !== 'string' || !/^\/./.test(prefix)) throw refuse('admin.prefix', 'a path that starts with /')
  const hooks: readonly OnRequest[] = [options.onRequest ?? []].flat()
  for (const hook of hooks) optionalFunction(hook, 'admin.onRequest')
  const console = options.console === false ? null : toPageOptions(options.console === undefined ? {} : options.console, 'admin.console', '/admin/sessions')
  return { prefix, authorize, onRequest: hooks, actor: optionalFunction(options.actor, 'admin.actor'), console }
}

/** Error replies of every route. */
export const errors = { '4xx': ErrorReply, '5xx': ErrorReply }
/** Looking around is activity. */
export const looking = { session: {}, rateLimit: { max: 300, timeWindow: '1 minute' } }
/** Does not keep an admin signed in. */
export const polling = { session: { passive: true }, rateLimit: { max: 300, timeWindow: '1 minute' } }
/** Changes state: not from another site. */
export const acting = { session: { sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }

/** Makes what the parts share. */
export function toAdmin (context: AdminContext, options: CheckedAdminOptions): Admin {
  const { manager, stateOf, security } = context
  const actor = (request: FastifyRequest): string | null => (options.actor?.(request) ?? stateOf(request).record?.userId)?.slice(0, 64) ?? null
  return {
    ...context,
    oversight: new Oversight(manager),
    feed: new Feed(manager),
    actor,
    allowed: async request => await options.authorize(request) as unknown === true,
    tell: (request, action, count) => {
      const { record } = stateOf(request)
      manager.tell({ type: 'admin', at: manager.now(), id: record?.id ?? null, userId: record?.userId ?? null, action, by: actor(request), count })
    },
    // a scheme that the document does not define would make @fastify/swagger throw
    common: { tags: ['admin sessions'], ...security === undefined ? {} : { security: [{ [security]: [] }] } }
  }
}

/** Throws unless `authorize` says `true`: 401 for nobody, 403 for anybody else. */
export async function authorise (request: FastifyRequest, admin: Admin): Promise<void> {
  if (await admin.allowed(request)) return
  const { manager } = admin
  const { record } = admin.stateOf(request)
  const target = request.routeOptions.url as string
  manager.tell({ type: 'denied', at: manager.now(), id: record?.id ?? null, userId: record?.userId ?? null, action: 'admin', target, ip: manager.keepAddress(request.ip) })
  admin.admit(request)
  throw new SessionError('FST_SESSION_FORBIDDEN')
}
