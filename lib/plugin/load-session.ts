import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isThenable } from '../async.ts'
import { linkToSession, RivalCookies } from '../cookie/cookie.ts'
import type { CookieRejection, VerifiedCookie } from '../cookie/cookie.ts'
import { cookieHeader, isUpgrade } from '../cookie/request.ts'
import { SessionError } from '../errors.ts'
import { chooseToken } from '../manager/rivals.ts'
import { Rejection, Rotation } from '../manager/validation-result.ts'
import type { Validation } from '../manager/validation-result.ts'
import type { Adoption, AdoptionResult } from '../migration/adoption.ts'
import type { Credential } from '../migration/source-records.ts'
import type { SessionRecord } from '../model/record.ts'
import type { SessionObject } from '../session/session.ts'
import { SessionState } from '../session/state.ts'
import { unloadedSession } from '../session/unloaded-session.ts'
import type { PluginContext } from './context.ts'
import { requireSameOrigin, requireSession } from './guard.ts'
import { routeConfigOf } from './route-config.ts'
import type { RouteConfig } from './route-config.ts'
import { kReply, kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'

/**
 * Loads the session of a request: route config, cookie, validation or migration, state, guard. Throws if a guard rejects the request.
 * Returns a promise only if the store does.
 */
export function loadSession (context: PluginContext, request: SessionRequest, reply: FastifyReply): Promise<void> | null {
  const config = routeConfigOf(request.routeOptions.config)
  if (config.disabled) return null
  request[kReply] = reply
  const upgrade = isUpgrade(request)
  if (upgrade) closeIfRefused(request.raw, reply.raw)
  if (config.sameOrigin === true) requireSameOrigin(context, request)
  const header = cookieHeader(request.raw)
  const found = header === undefined ? null : context.cookies.for(request.raw).read(header)
  if (found instanceof RivalCookies) {
    if (upgrade && config.sameOrigin === 'upgrades') requireSameOrigin(context, request)
    return loadRivals(context, request, found, config)
  }
  const cookie = acceptCookie(context, request, found)
  // only a request without a cookie of this name may present a legacy one (CVE-2026-39324)
  const credential = header === undefined || found !== null ? null : findCredential(context, request, header)
  if (cookie === null && credential === null) {
    if (config.required) requireSession(context, stateOf(context, request), config)
    return null
  }
  if (upgrade && config.sameOrigin === 'upgrades') requireSameOrigin(context, request)
  const state = startState(context, request, cookie)
  if (cookie?.duplicate === true) state.cookies.hasTwins = true
  return cookie === null ? adopt(context, state, credential as Credential, config) : validate(context, state, cookie, config)
}

/**
 * Returns `request.session`. Where no session is loaded, it is one that can only be read. Once the handler has failed or the response has
 * left, as for loggers, that also replaces the error of a store that failed.
 */
export function sessionOf (context: PluginContext, request: SessionRequest): SessionObject {
  const state = request[kState]
  if (state == null && request[kReply] == null) return unloadedSession
  try {
    return (state ?? startState(context, request, null)).session
  } catch (error) {
    if (state != null && (state.rolledBack || state.reply.raw.headersSent || state.reply.raw.destroyed)) return unloadedSession
    throw error
  }
}

/** Returns the state of a request. Throws `FST_SESSION_NOT_LOADED` where the hook has not run. */
export function stateOf (context: PluginContext, request: SessionRequest): SessionState {
  return request[kState] ?? startState(context, request, null)
}

function startState (context: PluginContext, request: SessionRequest, cookie: VerifiedCookie | null): SessionState {
  const reply = request[kReply]
  if (reply == null) throw new SessionError('FST_SESSION_NOT_LOADED')
  const state = new SessionState(context, reply, cookie)
  request[kState] = state
  return state
}

/** Returns the cookie if it is valid, and reports its faults and those of others of its name. */
function acceptCookie (
  context: PluginContext,
  request: SessionRequest,
  found: VerifiedCookie | CookieRejection | null
): VerifiedCookie | null {
  if (found === null || (typeof found === 'object' && !found.duplicate)) return found
  report(context, request, typeof found === 'string' ? found : 'duplicate-cookie')
  if (found === 'cookie-tossing') startState(context, request, null).cookies.expireTwins()
  return typeof found === 'string' ? null : found
}

/**
 * Loads the one live session of several valid cookies, which remain in a browser after the app has changed the attributes of its cookie.
 * Two live sessions are an attack (cookie tossing): none is used. The response deletes every cookie of the name but the app's own.
 */
async function loadRivals (context: PluginContext, request: SessionRequest, { cookies }: RivalCookies, config: RouteConfig): Promise<void> {
  let chosen: VerifiedCookie | null = null
  let failure: unknown
  try {
    chosen = await chooseToken(cookies, context.manager.core)
    report(context, request, chosen === null ? 'cookie-tossing' : 'duplicate-cookie')
  } catch (error) {
    failure = error
  }
  const state = startState(context, request, chosen)
  if (failure === undefined) state.cookies.expireTwins()
  else handleStoreError(context, state, config, failure)
  if (chosen === null) requireSession(context, state, config)
  // issued again: the live one may be among those that are deleted
  else await validate(context, state, { ...chosen, signedWithOldSecret: true }, config)
}

type CookieReport = CookieRejection | 'duplicate-cookie' | 'unknown-token'

function report ({ throttle, anonymizer, manager }: PluginContext, request: FastifyRequest, type: CookieReport): void {
  throttle.emit({ type, at: manager.now(), id: null, userId: null, ip: anonymizer.apply(request.ip) })
}

function validate (context: PluginContext, state: SessionState, cookie: VerifiedCookie, config: RouteConfig): Promise<void> | null {
  const { ip, headers } = state.request
  try {
    const validation = context.manager.validate(cookie, {
      ip: context.anonymizer.apply(ip),
      userAgent: headers['user-agent'],
      passive: config.passive || headers['sec-purpose'] !== undefined,
      strict: config.fresh > 0
    })
    if (isThenable(validation)) return validateLater(context, state, { cookie, config, validation })
    applyValidation(context, state, cookie, validation)
  } catch (error) {
    handleStoreError(context, state, config, error)
  }
  requireSession(context, state, config)
  return null
}

interface PendingValidation {
  readonly cookie: VerifiedCookie
  readonly config: RouteConfig
  readonly validation: PromiseLike<Validation>
}

async function validateLater (context: PluginContext, state: SessionState, pending: PendingValidation): Promise<void> {
  const { cookie, config, validation } = pending
  try {
    applyValidation(context, state, cookie, await validation)
  } catch (error) {
    handleStoreError(context, state, config, error)
  }
  requireSession(context, state, config)
}

function applyValidation (context: PluginContext, state: SessionState, cookie: VerifiedCookie, validation: Validation): void {
  if (validation instanceof Rejection) {
    state.rejection = validation
    if (validation.code === 'unknown') report(context, state.request, 'unknown-token')
    return
  }
  if (validation instanceof Rotation) {
    state.issue(validation, true)
  } else {
    state.record = validation
    linkToSession(cookie, validation)
    if (cookie.signedWithOldSecret) state.issue(new Rotation(validation, cookie.token), true)
  }
  const { migration, annotateSpan } = context
  const record = state.record as SessionRecord
  annotateSpan?.(state.request, record)
  if (migration !== null) state.expireLegacyCookies(migration.onLiveSession(record, cookieHeader(state.request.raw) as string))
}

/** Returns the legacy credential that a request presents. Without one, stale legacy cookies expire. */
function findCredential (context: PluginContext, request: SessionRequest, header: string): Credential | null {
  const { migration } = context
  if (migration === null || request.is404) return null
  const credential = migration.find(header, request.ip)
  if (credential !== null) return credential
  const stale = migration.staleCookies(header)
  if (stale.length > 0) startState(context, request, null).expireLegacyCookies(stale)
  return null
}

async function adopt (context: PluginContext, state: SessionState, credential: Credential, config: RouteConfig): Promise<void> {
  const { ip, headers } = state.request
  const migration = context.migration as Adoption
  try {
    const result = await migration.adopt(credential, { ip, userAgent: headers['user-agent'] })
    applyAdoption(context, state, result, config)
  } catch (error) {
    handleStoreError(context, state, config, error)
  }
  requireSession(context, state, config)
}

function applyAdoption (context: PluginContext, state: SessionState, result: AdoptionResult, config: RouteConfig): void {
  if (result instanceof SessionError) {
    // a failure of the old store concerns only requests that need a session, and prevents no sign-in
    if (config.required && context.onStoreError === 'refuse') throw result
    state.unverified = true
  } else if (result instanceof Rotation) {
    state.issue(result, true)
    context.annotateSpan?.(state.request, result.record)
  } else {
    state.rejection = result
    state.expireLegacyCookies((context.migration as Adoption).staleCookies(cookieHeader(state.request.raw) as string))
  }
}

/** Throws the store's failure if the route requires a session; otherwise, only using the session throws it. Throws other errors at once. */
function handleStoreError ({ onStoreError }: PluginContext, state: SessionState, { required }: RouteConfig, error: unknown): void {
  if (!(error instanceof SessionError) || error.code !== 'FST_SESSION_STORE_UNAVAILABLE') throw error
  if (onStoreError === 'refuse') state.error = error
  else state.unverified = true
  if (required) throw error
}

/** Closes the connection of a refused upgrade. @fastify/websocket does it only for requests that have reached it. */
function closeIfRefused ({ socket }: IncomingMessage, response: ServerResponse): void {
  if (socket instanceof Socket) response.once('finish', () => { socket.destroySoon() })
}
