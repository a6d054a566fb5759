import type { FastifyRequest } from 'fastify'
import { RecentEvents } from '../../lib/admin/recent-events.ts'
import { SessionSearch } from '../../lib/admin/search.ts'
import { SessionError } from '../../lib/errors.ts'
import type { SessionManager } from '../../lib/manager/manager.ts'
import type { SessionState } from '../../lib/session/state.ts'
import type { SessionAccess } from '../access.ts'
import type { CheckedAdminOptions } from './options.ts'

/** Extends the idle timeout, as any other request. */
export const readConfig = { session: {}, rateLimit: { max: 300, timeWindow: '1 minute' } }
/** Does not extend the idle timeout, so that an open console does not keep an admin logged in. */
export const pollConfig = { session: { passive: true }, rateLimit: { max: 300, timeWindow: '1 minute' } }
/** Changes state: same origin only. */
export const writeConfig = { session: { sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }

/** Shared by the admin routes: the admin's name, the check of `authorize`, and the events of admin actions. */
export class AdminContext {
  readonly manager: SessionManager
  readonly options: CheckedAdminOptions
  readonly search: SessionSearch
  readonly recentEvents: RecentEvents
  readonly #access: SessionAccess

  constructor (access: SessionAccess, options: CheckedAdminOptions) {
    this.manager = access.manager
    this.options = options
    this.search = new SessionSearch(access.manager)
    this.recentEvents = new RecentEvents(access.manager)
    access.manager.core.eraser.onForget(userId => { this.recentEvents.forgetUser(userId) })
    this.#access = access
  }

  /** Name of the security scheme in the OpenAPI document. */
  get security (): string | undefined { return this.#access.security }

  stateOf (request: FastifyRequest): SessionState { return this.#access.stateOf(request) }

  /** Returns the admin's name for events and records; `null` if it is unknown. */
  actorOf (request: FastifyRequest): string | null {
    const actor = this.options.actor?.(request) ?? this.stateOf(request).record?.userId
    return actor?.slice(0, 64) ?? null
  }

  /** Returns whether the option `authorize` returns `true`. */
  async isAllowed (request: FastifyRequest): Promise<boolean> {
    return await this.options.authorize(request) as unknown === true
  }

  /** Throws unless the request is allowed: 401 without a logged-in user, otherwise 403. */
  async authorize (request: FastifyRequest): Promise<void> {
    if (await this.isAllowed(request)) return
    const { throttle, clock, anonymizer } = this.manager.core
    const target = request.routeOptions.url as string
    const ip = anonymizer.apply(request.ip)
    throttle.emit({ type: 'access-denied', at: clock.now(), ...this.#sessionOf(request), action: 'admin', target, ip })
    this.#access.requireSession(request)
    throw new SessionError('FST_SESSION_FORBIDDEN')
  }

  /** Emits `admin-action`. `count`: the number of sessions. */
  report (request: FastifyRequest, action: string, count: number): void {
    const { events, clock } = this.manager.core
    events.emit({ type: 'admin-action', at: clock.now(), ...this.#sessionOf(request), action, by: this.actorOf(request), count })
  }

  #sessionOf (request: FastifyRequest): { readonly id: string | null, readonly userId: string | null } {
    const { record } = this.stateOf(request)
    return { id: record?.id ?? null, userId: record?.userId ?? null }
  }
}
