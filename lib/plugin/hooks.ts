import type { FastifyInstance, FastifyReply } from 'fastify'
import { isThenable } from '../async.ts'
import { toCookieAttributes } from '../cookie/attributes.ts'
import type { PresentedCookie } from '../cookie/cookie.ts'
import { closeIfRefused, cookieHeader } from '../cookie/request.ts'
import { addVary, withReason } from '../cookie/set-cookie.ts'
import { claimName, Jars } from '../cookie/variants.ts'
import { SessionError, withoutCredentials } from '../errors.ts'
import type { SessionEvent } from '../events/events.ts'
import { Tally } from '../events/throttle.ts'
import { SessionManager } from '../manager/manager.ts'
import type { Validation } from '../manager/validation-result.ts'
import { Adoption } from '../migration/adoption.ts'
import { toLegacySettings } from '../migration/options.ts'
import type { Credential } from '../migration/source-records.ts'
import { oneOf, optionalFunction } from '../options.ts'
import type { SessionState, StateContext } from '../session/state.ts'
import { isCrossSite, isSafe, isUpgrade } from './cross-origin.ts'
import { Entrance } from './load-session.ts'
import { toClearSiteData, toKeep } from './options.ts'
import type { SessionPluginOptions } from './options.ts'
import { rulesOf } from './route-config.ts'
import type { RouteRules } from './route-config.ts'
import { kReply, kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'
import { toSpanMarker } from './tracing.ts'
import type { SpanMarker } from './tracing.ts'

/** Everything a request needs, made once at registration. */
export class Requests {
  readonly manager: SessionManager
  readonly entrance: Entrance
  readonly #jars: Jars
  readonly #clearSiteData: string | null
  readonly #tally: Tally
  readonly #markSpan: SpanMarker | null
  readonly #adoption: Adoption | null

  constructor (app: FastifyInstance, options: SessionPluginOptions) {
    const attributes = toCookieAttributes(options.cookie ?? {})
    claimName(app.server, attributes.name)
    this.manager = new SessionManager({ ...options, name: attributes.name, warn: (message, cause) => { app.log.warn({ err: withoutCredentials(cause) }, `fastify-session-manager: ${message}`) } })
    const loopback = (options.cookie?.secure ?? 'auto') === 'auto' && process.env['NODE_ENV'] !== 'production'
    this.#jars = new Jars(attributes, { secrets: this.manager.settings.secrets, loopback })
    const userId = optionalFunction(options.userId, 'userId')
    const adoption = options.legacy === undefined ? null : new Adoption(this.manager, toLegacySettings(options.legacy, userId))
    this.#adoption = adoption
    const context: StateContext = {
      manager: this.manager,
      keep: toKeep(options.keep ?? []),
      userId: userId ?? null,
      legacy: adoption && {
        changed: (record, data, request) => { adoption.changed(record, data, cookieHeader(request.raw) ?? '') },
        signedOut: request => adoption.signedOut(cookieHeader(request.raw) ?? '')
      }
    }
    const anonymous = oneOf(options.onStoreError ?? 'refuse', 'onStoreError', ['refuse', 'anonymous']) === 'anonymous'
    this.#clearSiteData = toClearSiteData(options.clearSiteData ?? [])
    this.#markSpan = options.otel === undefined ? null : toSpanMarker(options.otel)
    this.#tally = new Tally((type, ip, count) => { this.manager.tell({ type, at: this.manager.now(), id: null, userId: null, ip, count } as SessionEvent) })
    this.entrance = new Entrance(context, { jars: this.#jars, adoption, markSpan: this.#markSpan, tally: this.#tally, anonymous })
  }

  /** Before every route: who is it, and may they? */
  onRequest (request: SessionRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    let rules = rulesOf(undefined)
    let presented: PresentedCookie | null = null
    try {
      rules = rulesOf(request.routeOptions.config)
      if (rules.off) { done(); return }
      request[kReply] = reply
      const upgrade = isUpgrade(request)
      if (upgrade) closeIfRefused(request.raw, reply.raw)
      if (rules.sameOrigin === true) this.#refuseCrossSite(request)
      const header = cookieHeader(request.raw)
      if (header !== undefined) presented = this.#present(request, header)
      if (presented !== null && rules.sameOrigin === 'upgrades' && upgrade) this.#refuseCrossSite(request)
      if (presented === null) {
        // only a request without any cookie of ours may bear an old library's (CVE-2026-39324)
        const old = header !== undefined && this.#adoption !== null && !request.is404 && this.#jars.of(request.raw).read(header) === null
        if (old && this.#adopt(request, header, rules, done)) return
        this.entrance.admit(null, rules)
        done()
        return
      }
      const validation = this.manager.validate(presented, {
        ip: this.manager.keepAddress(request.ip),
        agent: request.headers['user-agent'],
        passive: rules.passive || request.headers['sec-purpose'] !== undefined,
        strict: rules.fresh > 0
      })
      if (isThenable(validation)) this.#enterLater({ request, presented, validation, rules }, done)
      else { this.entrance.enter(request, presented, validation, rules); done() }
    } catch (error) {
      done(this.entrance.failed(request, presented, error, rules))
    }
  }

  /** Before the response leaves: keeps what changed, and says what must be said. */
  onSend (request: SessionRequest, reply: FastifyReply, payload: unknown, done: (error: Error | null, payload?: unknown) => void): void {
    const state = request[kState]
    // undefined: another plugin made its scope before ours was there
    if (state == null) { done(null, payload); return }
    try {
      if (state.changed) {
        if (reply.raw.headersSent) {
          void state.commitLate()
          done(null, payload)
          return
        }
        state.commit().then(() => { this.#finish(state, reply); done(null, withReason(state.refusal?.reason ?? null, reply, payload)) }, (error: unknown) => { done(error as Error) })
        return
      }
      this.#finish(state, reply)
      done(null, withReason(state.refusal?.reason ?? null, reply, payload))
    } catch (error) {
      state.failed = true
      done(error as Error)
    }
  }

  /** The response has left. What was not kept by now never will be: a handler that hijacked its reply, and did not `save()`. */
  onResponse (request: SessionRequest): void {
    if (request[kState]?.changed === true) request[kState].lose('the response had left')
  }

  /** The handler threw. */
  async onError (request: SessionRequest): Promise<void> {
    await request[kState]?.rollback()
  }

  #present (request: SessionRequest, header: string): PresentedCookie | null {
    const found = this.#jars.of(request.raw).read(header)
    if (found === null || (typeof found === 'object' && !found.duplicate)) return found
    this.#tally.add(typeof found === 'string' ? found : 'duplicate-cookie', this.manager.keepAddress(request.ip), this.manager.now())
    return typeof found === 'string' ? null : found
  }

  /** Takes over what the request bears of other libraries. Answers whether it bears anything, and `done` will be called. */
  #adopt (request: SessionRequest, header: string, rules: RouteRules, done: (error?: Error) => void): boolean {
    const adoption = this.#adoption as Adoption
    const credential: Credential | null = adoption.find(header, request.ip)
    if (credential === null) {
      const leftovers = adoption.leftovers(header)
      if (leftovers.length > 0) this.entrance.stateOf(request, null).drop(leftovers)
      return false
    }
    if (rules.sameOrigin === 'upgrades' && isUpgrade(request)) this.#refuseCrossSite(request)
    adoption.take(credential, { ip: request.ip, agent: request.headers['user-agent'] })
      .then(taken => { this.entrance.enterTaken(request, taken, rules) })
      .then(() => undefined, (error: unknown) => this.entrance.failed(request, null, error, rules))
      .then(done, done)
    return true
  }

  #enterLater (entry: { readonly request: SessionRequest, readonly presented: PresentedCookie, readonly validation: PromiseLike<Validation>, readonly rules: RouteRules }, done: (error?: Error) => void): void {
    const { request, presented, validation, rules } = entry
    validation.then(validation => { this.entrance.enter(request, presented, validation, rules) }).then(() => undefined, (error: unknown) => this.entrance.failed(request, presented, error, rules)).then(done, done)
  }

  /** Everything the response must say about the session. */
  #finish (state: SessionState, reply: FastifyReply): void {
    if (reply.raw.headersSent) return
    if (state.used) {
      addVary(reply)
      if (reply.getHeader('cache-control') === undefined) reply.header('cache-control', 'private')
    }
    const { outgoing } = state
    if (outgoing === null || outgoing.isEmpty) return
    // a sign-in makes another session
    if (state.record !== null) this.#markSpan?.(state.request, state.record)
    outgoing.leave(reply, this.#clearSiteData)
  }

  /** Waits for what is under way, then closes the store. */
  async close (): Promise<void> {
    await this.#adoption?.close()
    await this.manager.close()
  }

  #refuseCrossSite (request: SessionRequest): void {
    if ((isSafe(request.method) && !isUpgrade(request)) || !isCrossSite(request)) return
    this.manager.tell({ type: 'cross-site', at: this.manager.now(), id: null, userId: null, ip: this.manager.keepAddress(request.ip), method: request.method })
    throw new SessionError('FST_SESSION_CROSS_SITE')
  }
}
