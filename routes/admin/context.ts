import type { FastifyRequest } from 'fastify'
import { Feed } from '../../lib/admin/recent-events.ts'
import { Oversight } from '../../lib/admin/search.ts'
import { SessionError } from '../../lib/errors.ts'
import type { SessionManager } from '../../lib/manager/manager.ts'
import type { SessionState } from '../../lib/session/state.ts'
import { ErrorReply } from '../schemas.ts'
import type { CheckedAdminOptions } from './options.ts'

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
