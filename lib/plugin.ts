import { Socket } from 'node:net'
import fp from 'fastify-plugin'
import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerBase } from 'fastify'
import { Adoption } from './adoption.ts'
import type { Taken } from './adoption.ts'
import { SessionCookie, rememberSession, toCookieAttributes, toLoopbackAttributes } from './cookie.ts'
import type { CookieOptions, PresentedCookie } from './cookie.ts'
import { SessionError } from './errors.ts'
import { isThenable } from './guard.ts'
import { toLegacySettings } from './legacy/options.ts'
import type { LegacyOptions } from './legacy/options.ts'
import type { Credential } from './legacy/oldrecords.ts'
import { logEvent } from './log.ts'
import { Refusal, Renewal, SessionManager } from './manager.ts'
import type { Validation } from './manager.ts'
import { isCrossSite, isSafe, isUpgrade } from './origin.ts'
import { sessionMetrics } from './metrics.ts'
import type { MetricsRegistry, MetricsTarget } from './metrics.ts'
import { toSpanMarker } from './otel.ts'
import type { OpenTelemetryApi, OpenTelemetryOptions, SpanMarker } from './otel.ts'
import { withoutCredentials } from './redact.ts'
import { rulesOf } from './rules.ts'
import type { RouteRules } from './rules.ts'
import { oneOf, optionalFunction, refuse } from './settings.ts'
import type { SessionManagerOptions } from './settings.ts'
import { SessionState, appendSetCookie } from './state.ts'
import type { StateContext } from './state.ts'
import { Tally } from './tally.ts'
import type { SessionEvent } from './events.ts'
import { toMilliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { adminRoutes } from '../routes/admin.ts'
import { toAdmin, toAdminOptions } from '../routes/adminscope.ts'
import type { AdminOptions, CheckedAdminOptions } from '../routes/adminscope.ts'
import { eventRoutes } from '../routes/events.ts'
import { toPageOptions } from '../routes/pageoptions.ts'
import type { CheckedPageOptions, PageOptions } from '../routes/pageoptions.ts'
import { consolePage, devicesPage, elementRoutes } from '../routes/pages.ts'
import { EventStreams } from '../routes/sse.ts'
import { userRoutes } from '../routes/user.ts'

/** Options of the plugin: those of a `SessionManager`, and what HTTP adds. */
export interface SessionPluginOptions extends Omit<SessionManagerOptions, 'name' | 'warn'> {
  readonly cookie?: CookieOptions
  /** Data keys that go along when a guest signs in. Default none: what was planted before a sign-in must not act after it. */
  readonly keep?: readonly string[]
  /** Finds the owner in the data, for apps that only know data: `data => data.passport?.user`. Whoever appears there is signed in by that. */
  readonly userId?: (data: Record<string, unknown>) => string | number | null | undefined
  /** Takes sessions of other libraries over: see `fastify-session-manager/legacy`. */
  readonly legacy?: LegacyOptions
  /** `refuse` (default): a request with a cookie gets 503 where it needs the session while the store fails. `anonymous`: it is treated as signed out, and writes nothing. */
  readonly onStoreError?: 'refuse' | 'anonymous'
  /** What a browser forgets when its user signs out (Clear-Site-Data). Default nothing but the cookie. */
  readonly clearSiteData?: readonly ('cache' | 'storage' | 'executionContexts' | 'cookies')[]
  /** The user routes; `false`: none. */
  readonly routes?: false | {
    /** Default `/api/v1/auth/sessions`. */
    readonly prefix?: string
    /** Asks for a sign-in within this length before other sessions can be ended (OWASP ASVS 5.0 7.5.2). Default: `10m` with `aal2` and `aal3`, otherwise not. */
    readonly fresh?: Duration | false
    /** Name of the security scheme that your OpenAPI document defines for the cookie: `{ type: 'apiKey', in: 'cookie', name: '__Host-sid' }`. */
    readonly security?: string
  }
  /** The page where a user sees the own devices: at `/account/sessions`, or where `path` says. Absent or `false`: none. */
  readonly devices?: PageOptions | boolean
  /** The admin routes and the console; without it they are not there. */
  readonly admin?: AdminOptions
  /** prom-client, or a registry of it: the numbers go there. */
  readonly metrics?: MetricsTarget
  /** `@opentelemetry/api`: the span of a request gets `session.id`; with `{ api, user: true }` also `enduser.id`. */
  readonly otel?: OpenTelemetryApi | OpenTelemetryOptions
  /** The event streams of the user and admin routes. */
  readonly live?: {
    /** Between two signs of life on each stream: less than what your proxy takes for dead. Default 15s. */
    readonly heartbeat?: Duration
    /** So long before its session ends a page is told; never more than half of the idle time. Default 2m, at least 20s (WCAG 2.2.1). */
    readonly warning?: Duration
  }
}

const kState = Symbol('session.state')
const kReply = Symbol('session.reply')

interface Requested {
  [kState]: SessionState | null
  /** Set once the session hook has run. */
  [kReply]: FastifyReply | null
}

type SessionRequest = FastifyRequest & Requested

/** Every option of the plugin; docs/reference/options.md is checked against it. */
export const optionNames = ['secret', 'store', 'idle', 'absolute', 'remember', 'guest', 'rotate', 'profile', 'limit', 'history', 'sweep', 'flush', 'storeTimeout', 'ip',
  'onReuse', 'risk', 'encryption', 'now', 'cookie', 'keep', 'userId', 'legacy', 'onStoreError', 'clearSiteData', 'routes', 'devices', 'admin', 'live', 'metrics', 'otel']
/** What `register` itself takes. */
const registerOptions = ['prefix', 'logLevel', 'logSerializers']

const userPrefix = '/api/v1/auth/sessions'

/** The cookie names in use on each server: two instances must not read each other's cookies. */
const names = new WeakMap<RawServerBase, Set<string>>()

/** Everything a request needs, made once at registration. */
class Sessions {
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
        changed: (record, data, request) => { adoption.changed(record, data, cookieHeader(request) ?? '') },
        signedOut: request => adoption.signedOut(cookieHeader(request) ?? '')
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
      if (upgrade) closeIfRefused(request, reply)
      if (rules.sameOrigin === true) this.#refuseCrossSite(request)
      const header = cookieHeader(request)
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
        state.commit().then(() => { this.#finish(state, reply); done(null, withReason(state, reply, payload)) }, (error: unknown) => { done(error as Error) })
        return
      }
      this.#finish(state, reply)
      done(null, withReason(state, reply, payload))
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
      if (this.#adoption !== null) state.deletions = this.#adoption.seen(state.record, cookieHeader(request) as string)
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
    if (taken instanceof Renewal) state.adopt(taken)
    else state.deletions = this.#adoption?.leftovers(cookieHeader(request) as string) ?? []
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
    return this.#loopback !== null && isLoopback(request) ? this.#loopback : this.#cookie
  }
}

async function sessions (app: FastifyInstance, options: SessionPluginOptions): Promise<void> {
  const unknown = Object.keys(options).find(name => !optionNames.includes(name) && !registerOptions.includes(name))
  if (unknown !== undefined) throw refuse(unknown, `one of the options: ${optionNames.join(', ')}`)
  for (const [has, name] of [[app.hasDecorator('sessions'), 'app.sessions'], [app.hasRequestDecorator('session'), 'request.session']] as const) {
    if (has) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [name, 'Register the two in sibling scopes.'] })
  }
  const admin = options.admin === undefined ? null : toAdminOptions(options.admin)
  const devices = toDevices(options)
  const sessions = new Sessions(app, options)
  const { manager } = sessions
  await manager.open()
  if (options.metrics !== undefined) app.addHook('onClose', toMetrics(manager, options.metrics))
  manager.on('*', event => { logEvent(app.log, event) })
  app.decorate('sessions', manager)
  app.decorate('requireSession', async function requireSession (request: FastifyRequest) { sessions.admit(request as SessionRequest) })
  app.decorateRequest(kState as unknown as string, null)
  app.decorateRequest(kReply as unknown as string, null)
  app.decorateRequest('session', {
    getter () { return sessions.get(this as SessionRequest).session },
    setter () { throw new SessionError('FST_SESSION_RESERVED_KEY', { values: ['session', 'Change its keys instead.'] }) }
  } as never)
  // named: hooks appear in stack traces and spans
  app.addHook('onRequest', function sessionOnRequest (request, reply, done) { sessions.onRequest(request as SessionRequest, reply, done) })
  app.addHook('onSend', function sessionOnSend (request, reply, payload, done) { sessions.onSend(request as SessionRequest, reply, payload, done) })
  app.addHook('onError', async function sessionOnError (request) { await sessions.onError(request as SessionRequest) })
  // a hint for developers; in production nobody pays for it
  if (process.env['NODE_ENV'] !== 'production') app.addHook('onResponse', function sessionOnResponse (request, _reply, done) { sessions.onResponse(request as SessionRequest); done() })
  app.addHook('onRoute', route => { rulesOf(route.config) })
  app.addHook('onClose', async function sessionOnClose () { await sessions.close() })
  registerRoutes(app, sessions, { options, admin, devices })
}

function registerRoutes (app: FastifyInstance, sessions: Sessions, { options, admin, devices }: { readonly options: SessionPluginOptions, readonly admin: CheckedAdminOptions | null, readonly devices: CheckedPageOptions | null }): void {
  const { security } = options.routes === false ? {} : options.routes ?? {}
  const heartbeat = toMilliseconds(options.live?.heartbeat ?? 15_000, 'live.heartbeat', { min: 10, max: 600_000 })
  const warning = toMilliseconds(options.live?.warning ?? 120_000, 'live.warning', { min: 20_000 })
  if (options.routes === false && admin === null) return
  const streams = new EventStreams(heartbeat)
  // streams would keep the server from closing
  app.addHook('preClose', async function sessionPreClose () { await streams.close() })
  const context = { manager: sessions.manager, stateOf: (request: FastifyRequest) => sessions.get(request as SessionRequest), admit: (request: FastifyRequest, age = 0) => { sessions.admit(request as SessionRequest, age) }, security }
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

function claimName (app: FastifyInstance, name: string): void {
  const taken = names.get(app.server) ?? new Set()
  if (taken.has(name)) throw new SessionError('FST_SESSION_DECORATOR_CONFLICT', { values: [`cookie ${name}`, 'Give each instance a cookie name of its own.'] })
  names.set(app.server, taken.add(name))
}

function toKeep (keep: readonly string[]): readonly string[] {
  if (!Array.isArray(keep) || !keep.every(key => typeof key === 'string')) throw refuse('keep', 'an array of data keys')
  return keep
}

function toClearSiteData (types: readonly string[]): string | null {
  if (!Array.isArray(types)) throw refuse('clearSiteData', "an array of 'cache', 'storage', 'executionContexts', 'cookies'")
  for (const type of types) oneOf(type, 'clearSiteData', ['cache', 'storage', 'executionContexts', 'cookies'])
  return types.length === 0 ? null : types.map(type => `"${type as string}"`).join(', ')
}

/** Node joins several Cookie lines (HTTP/2 sends crumbs); injected requests may bring a list. */
function cookieHeader (request: FastifyRequest): string | undefined {
  const header = request.raw.headers.cookie as string | string[] | undefined
  return Array.isArray(header) ? header.join('; ') : header
}

/** A developer's own machine: http, from loopback, forwarded by nobody (a TLS-terminating proxy with default settings looks like http on 127.0.0.1). */
function isLoopback (request: FastifyRequest): boolean {
  const { headers } = request.raw
  return isLoopbackSocket(request.raw.socket) &&
    headers['x-forwarded-for'] === undefined && headers['x-forwarded-proto'] === undefined && headers['x-forwarded-host'] === undefined &&
    headers['forwarded'] === undefined && headers['via'] === undefined && headers['x-real-ip'] === undefined
}

/** An injected WebSocket has none at all. */
function isLoopbackSocket (socket: { readonly remoteAddress?: string | undefined, readonly encrypted?: boolean } | undefined): boolean {
  if (socket === undefined) return true
  const { remoteAddress: address, encrypted } = socket
  return encrypted !== true && address !== undefined && (address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.'))
}

/** An upgrade that gets a response instead of a socket: nobody else closes its connection if the refusal comes before @fastify/websocket has seen it. */
function closeIfRefused (request: FastifyRequest, reply: FastifyReply): void {
  const { socket } = request.raw
  if (socket instanceof Socket) reply.raw.once('finish', () => { socket.destroySoon() })
}

function addVary (reply: FastifyReply): void {
  const vary = String(reply.getHeader('vary') ?? '')
  if (!/(^|[,\s])(cookie|\*)([,\s]|$)/i.test(vary)) reply.header('vary', vary === '' ? 'Cookie' : `${vary}, Cookie`)
}

/** The default error body has no place for why a session ended; it is put there. */
function withReason (state: SessionState, reply: FastifyReply, payload: unknown): unknown {
  const reason = state.refusal?.reason
  if (reason == null || reply.statusCode !== 401 || typeof payload !== 'string' || !payload.startsWith('{"statusCode":401,"code":"FST_SESSION_ENDED"')) return payload
  return `${payload.slice(0, -1)},"reason":"${reason}"}`
}
