import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerBase } from 'fastify'
import { Adoption } from './adoption.ts'
import type { Taken } from './adoption.ts'
import { SessionCookie, rememberSession, toCookieAttributes, toLoopbackAttributes } from './cookie.ts'
import type { PresentedCookie } from './cookie.ts'
import { SessionError } from './errors.ts'
import type { SessionEvent } from './events.ts'
import { isThenable } from './guard.ts'
import { addVary, appendSetCookie, withReason } from './headers.ts'
import { closeIfRefused, cookieHeader, isLoopback } from './incoming.ts'
import { toLegacySettings } from './legacy/options.ts'
import type { Credential } from './legacy/oldrecords.ts'
import { SessionManager } from './manager.ts'
import { Refusal, Renewal } from './validation.ts'
import type { Validation } from './validation.ts'
import { isCrossSite, isSafe, isUpgrade } from './origin.ts'
import { toSpanMarker } from './otel.ts'
import type { SpanMarker } from './otel.ts'
import { toClearSiteData, toKeep } from './pluginoptions.ts'
import type { SessionPluginOptions } from './pluginoptions.ts'
import { withoutCredentials } from './redact.ts'
import { rulesOf } from './rules.ts'
import type { RouteRules } from './rules.ts'
import { oneOf, optionalFunction } from './settings.ts'
import { SessionState } from './state.ts'
import type { StateContext } from './state.ts'
import { Tally } from './tally.ts'

/** Where a request keeps what it knows of its session. */
export const kState = Symbol('session.state')
/** Where a request keeps its reply. */
export const kReply = Symbol('session.reply')

interface Requested {
  [kState]: SessionState | null
  /** Set once the session hook has run. */
  [kReply]: FastifyReply | null
}

/** A request that the plugin has decorated. */
export type SessionRequest = FastifyRequest & Requested

/** The cookie names in use on each server: two instances must not read each other's cookies. */
const names = new WeakMap<RawServerBase, Set<string>>()

/** Everything a request needs, made once at registration. */
export class Requests {
  readonly manager: SessionManager
  readonly #cookie: SessionCookie
  readonly #loopback: SessionCookie | null
  readonly #context: StateContext
  readonly #anonymous: boolean
  readonly #clearSiteData: string | null
  readonly #tally: Tally
  readonly #markSpan: SpanMarker | null
  readonly #adoption: Adoption | null

  constructor (app: FastifyInstance, options: SessionPluginOptions) {
    const attributes = toCookieAttributes(options.cookie ?? {})
    claimName(app, attributes.name)
    this.manager = new SessionManager({ ...options, name: attributes.name, warn: (message, cause) => { app.log.warn({ err: withoutCredentials(cause) }, `fastify-session-manager: ${message}`) } })
    const { secrets } = this.manager.settings
    this.#cookie = new SessionCookie(attributes, secrets)
    const local = (options.cookie?.secure ?? 'auto') === 'auto' && process.env['NODE_ENV'] !== 'production'
    this.#loopback = local ? new SessionCookie(toLoopbackAttributes(attributes), secrets) : null
    const userId = optionalFunction(options.userId, 'userId')
    const adoption = options.legacy === undefined ? null : new Adoption(this.manager, toLegacySettings(options.legacy, userId))
    this.#adoption = adoption
    this.#context = {
      manager: this.manager,
      keep: toKeep(options.keep ?? []),
      userId: userId ?? null,
      legacy: adoption && {
        changed: (record, data, request) => { adoption.changed(record, data, cookieHeader(request.raw) ?? '') },
        signedOut: request => adoption.signedOut(cookieHeader(request.raw) ?? '')
      }
    }
    this.#anonymous = oneOf(options.onStoreError ?? 'refuse', 'onStoreError', ['refuse', 'anonymous']) === 'anonymous'
    this.#clearSiteData = toClearSiteData(options.clearSiteData ?? [])
    this.#markSpan = options.otel === undefined ? null : toSpanMarker(options.otel)
    this.#tally = new Tally((type, ip, count) => { this.manager.tell({ type, at: this.manager.now(), id: null, userId: null, ip, count } as SessionEvent) })
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
        const old = header !== undefined && this.#adoption !== null && !request.is404 && this.#jar(request).read(header) === null
        if (old && this.#adopt(request, header, rules, done)) return
        this.#admit(null, rules)
        done()
        return
      }
      const validation = this.manager.validate(presented, {
        ip: this.manager.keepAddress(request.ip),
        agent: request.headers['user-agent'],
        passive: rules.passive || request.headers['sec-purpose'] !== undefined,
        strict: rules.fresh > 0,
        visitor: presented
      })
      if (isThenable(validation)) this.#enterLater({ request, presented, validation, rules }, done)
      else { this.#enter(request, presented, validation, rules); done() }
    } catch (error) {
      done(this.#failed(request, presented, error, rules))
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

  /** What `request.session` answers. */
  get (request: SessionRequest): SessionState {
    const reply = request[kReply]
    if (reply == null) throw new SessionError('FST_SESSION_NOT_LOADED')
    request[kState] ??= new SessionState(this.#context, request, reply, { jar: this.#jar(request), presented: null })
    return request[kState]
  }

  /** The guard: throws 401 without a signed-in user, 403 without a recent enough sign-in. */
  admit (request: SessionRequest, fresh = 0): void {
    this.#admit(this.get(request), { required: true, fresh })
  }

  #admit (state: SessionState | null, rules: { readonly required: boolean, readonly fresh: number }): void {
    if (!rules.required) return
    if (state?.error != null) throw state.error
    if (state?.record?.userId == null) {
      const reason = state?.refusal?.reason ?? null
      throw reason === null ? new SessionError('FST_SESSION_REQUIRED') : new SessionError('FST_SESSION_ENDED', { values: [reason], reason })
    }
    if (rules.fresh > 0 && !this.manager.isFresh(state.record, rules.fresh)) throw new SessionError('FST_SESSION_NOT_FRESH')
  }

  #present (request: SessionRequest, header: string): PresentedCookie | null {
    const found = this.#jar(request).read(header)
    if (found === null || (typeof found === 'object' && !found.duplicate)) return found
    this.#tally.add(typeof found === 'string' ? found : 'duplicate-cookie', this.manager.keepAddress(request.ip), this.manager.now())
    return typeof found === 'string' ? null : found
  }

  #enter (request: SessionRequest, presented: PresentedCookie, validation: Validation, rules: RouteRules): void {
    const state = this.#stateOf(request, presented)
    if (validation instanceof Refusal) {
      state.refusal = validation
      if (validation.code === 'unknown') this.#tally.add('unknown-token', this.manager.keepAddress(request.ip), this.manager.now())
    } else if (validation instanceof Renewal) {
      state.renew(validation)
    } else {
      state.record = validation
      rememberSession(presented, validation)
      if (presented.resign) state.resign()
    }
    if (state.record !== null) {
      this.#markSpan?.(request, state.record)
      if (this.#adoption !== null) state.deletions = this.#adoption.seen(state.record, cookieHeader(request.raw) as string)
    }
    this.#admit(state, rules)
  }

  /** Takes over what the request bears of other libraries. Answers whether it bears anything, and `done` will be called. */
  #adopt (request: SessionRequest, header: string, rules: RouteRules, done: (error?: Error) => void): boolean {
    const adoption = this.#adoption as Adoption
    const credential: Credential | null = adoption.find(header, request.ip)
    if (credential === null) {
      const leftovers = adoption.leftovers(header)
      if (leftovers.length > 0) this.#stateOf(request, null).deletions = leftovers
      return false
    }
    if (rules.sameOrigin === 'upgrades' && isUpgrade(request)) this.#refuseCrossSite(request)
    adoption.take(credential, { ip: request.ip, agent: request.headers['user-agent'] })
      .then(taken => { this.#enterTaken(request, taken, rules) })
      .then(() => undefined, (error: unknown) => this.#failed(request, null, error, rules))
      .then(done, done)
    return true
  }

  #enterTaken (request: SessionRequest, taken: Taken, rules: RouteRules): void {
    // the old store's trouble is nobody's who needs no session, and hinders no sign-in
    if (taken instanceof SessionError) {
      if (rules.required && !this.#anonymous) throw taken
      this.#admit(null, rules)
      return
    }
    const state = this.#stateOf(request, null)
    if (taken instanceof Renewal) state.renew(taken)
    else state.deletions = (this.#adoption as Adoption).leftovers(cookieHeader(request.raw) as string)
    if (taken instanceof Refusal) state.refusal = taken
    if (state.record !== null) this.#markSpan?.(request, state.record)
    this.#admit(state, rules)
  }

  #enterLater (entry: { readonly request: SessionRequest, readonly presented: PresentedCookie, readonly validation: PromiseLike<Validation>, readonly rules: RouteRules }, done: (error?: Error) => void): void {
    const { request, presented, validation, rules } = entry
    validation.then(validation => { this.#enter(request, presented, validation, rules) }).then(() => undefined, (error: unknown) => this.#failed(request, presented, error, rules)).then(done, done)
  }

  /** A store in trouble is said where the session is needed, and only there. */
  #failed (request: SessionRequest, presented: PresentedCookie | null, error: unknown, rules: RouteRules): Error | undefined {
    if (!(error instanceof SessionError) || error.code !== 'FST_SESSION_STORE_UNAVAILABLE') return error as Error
    const state = this.#stateOf(request, presented)
    if (!this.#anonymous) state.error = error
    return rules.required ? error : undefined
  }

  #stateOf (request: SessionRequest, presented: PresentedCookie | null): SessionState {
    const state = new SessionState(this.#context, request, request[kReply] as FastifyReply, { jar: this.#jar(request), presented })
    request[kState] = state
    return state
  }

  /** Everything the response must say about the session. */
  #finish (state: SessionState, reply: FastifyReply): void {
    if (reply.raw.headersSent) return
    if (state.used) {
      addVary(reply)
      if (reply.getHeader('cache-control') === undefined) reply.header('cache-control', 'private')
    }
    if (state.setCookie === null && state.deletions.length === 0) return
    // a sign-in makes another session
    if (state.record !== null) this.#markSpan?.(state.request, state.record)
    const cacheable = /\b(public|s-maxage)\b/i.test(String(reply.getHeader('cache-control') ?? ''))
    // a shared cache would give the cookie to everybody (CVE-2023-30861); the next response brings it again
    if (cacheable && (state.renewal || state.setCookie === null)) return
    reply.header('cache-control', 'no-store')
    if (state.setCookie !== null) appendSetCookie(reply, state.jar.name, state.setCookie)
    for (const cookie of state.deletions) appendSetCookie(reply, cookie.slice(0, cookie.indexOf('=')), cookie)
    if (state.loggedOut && this.#clearSiteData !== null) reply.header('clear-site-data', this.#clearSiteData)
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

  #jar (request: SessionRequest): SessionCookie {
    return this.#loopback !== null && isLoopback(request.raw) ? this.#loopback : this.#cookie
  }
}

function claimName (app: FastifyInstance, name: string): void {
  const taken = names.get(app.server) ?? new Set()
  if (taken.has(name)) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [`cookie ${name}`, 'Give each instance a cookie name of its own.'] })
  names.set(app.server, taken.add(name))
}
