import type { FastifyInstance, FastifyReply } from 'fastify'
import type { EndReason } from '../model/record.ts'
import type { SessionState } from '../session/state.ts'
import { reportLostWrite } from '../session/steps.ts'
import type { DataChanges } from '../session/tracked-data.ts'
import type { PluginContext } from './context.ts'
import { loadSession } from './load-session.ts'
import { routeConfigOf } from './route-config.ts'
import { kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'

/** How Fastify's default error body starts for a session that has ended. */
const endedBody = '{"statusCode":401,"code":"FST_SESSION_ENDED"'

type SendDone = (error: Error | null, payload?: unknown) => void

/** Registers the hooks of a request. Named functions: they appear in stack traces and spans. */
export function addSessionHooks (app: FastifyInstance, context: PluginContext): void {
  app.addHook('onRoute', route => { routeConfigOf(route.config) })

  app.addHook('onRequest', function sessionOnRequest (request, reply, done) {
    let loading: Promise<void> | null
    try {
      loading = loadSession(context, request as SessionRequest, reply)
    } catch (error) {
      done(error as Error)
      return
    }
    if (loading === null) done()
    else loading.then(() => { done() }, done)
  })

  app.addHook('onSend', function sessionOnSend (request, _reply, payload, done) {
    const state = (request as SessionRequest)[kState]
    // undefined: another plugin created its scope before this plugin was registered
    if (state == null) done(null, payload)
    else saveSession(context, state, payload, done)
  })

  app.addHook('onError', async function sessionOnError (request) { await rollbackSession(request as SessionRequest) })

  // comparing the data again costs time: in production, only where a handler goes on after its data was written
  const always = process.env['NODE_ENV'] !== 'production'
  app.addHook('onResponse', function sessionOnResponse (request, _reply, done) {
    const state = (request as SessionRequest)[kState]
    if (state != null && (always || !state.sent)) warnUnsaved(state)
    done()
  })
}

/** Writes what changed, and adds the headers, before the response leaves. */
function saveSession (context: PluginContext, state: SessionState, payload: unknown, done: SendDone): void {
  // a step that the handler did not await, such as a login before a redirect: its cookie must leave with this head
  if (state.isBusy) {
    state.settled().then(() => { saveSession(context, state, payload, done) }, done)
    return
  }
  const onFailure = (error: unknown): void => {
    state.failed = true
    // the response of an error handler leaves in any case
    if (!state.rolledBack) { done(error as Error); return }
    loseChanges(state, error)
    done(null, addHeaders(context, state, payload))
  }
  let changes: DataChanges | null
  try {
    changes = state.unsaved()
  } catch (error) {
    onFailure(error)
    return
  }
  if (changes === null) {
    done(null, addHeaders(context, state, payload))
  } else if (state.reply.raw.headersSent) {
    state.commit(changes).catch((error: unknown) => { loseChanges(state, error) })
    done(null, payload)
  } else {
    state.commit(changes).then(() => { done(null, addHeaders(context, state, payload)) }, onFailure)
  }
}

/** Drops the data of a handler that threw, and ends a session that it created. */
async function rollbackSession (request: SessionRequest): Promise<void> {
  await request[kState]?.rollback()
}

/** Reports changes that no write has sent, as of a handler that hijacked its reply without `save()`. */
function warnUnsaved (state: SessionState): void {
  try {
    if (state.unsaved() !== null) loseChanges(state, new Error('the response had left'))
  } catch (error) {
    loseChanges(state, error)
  }
}

/** Reports that changes are lost. */
function loseChanges (state: SessionState, error: unknown): void {
  state.failed = true
  reportLostWrite(state, (error as Error).message)
}

/** Adds the headers of the session to its response. Returns the payload. The cookies are added with the head. */
function addHeaders ({ annotateSpan }: PluginContext, state: SessionState, original: unknown): unknown {
  const { reply, responseCookies, record, rejection } = state
  if (reply.raw.headersSent) return original
  const payload = state.used ? withCacheHeaders(reply, original) : original
  // a login makes another session
  if (record !== null && responseCookies?.isEmpty === false) annotateSpan?.(state.request, record)
  // a handler can go on while its stream flows
  state.sent = typeof payload !== 'object' || payload === null || Buffer.isBuffer(payload)
  return withErrorDetails(rejection?.reason ?? null, reply, payload)
}

/** Adds the headers for caches to a reply. Returns the payload, which takes no headers of its own any more. */
function withCacheHeaders (reply: FastifyReply, payload: unknown): unknown {
  const isResponse = typeof payload === 'object' && payload !== null && Object.prototype.toString.call(payload) === '[object Response]'
  const body = isResponse ? unwrapResponse(reply, payload as Response) : payload
  addCacheHeaders(reply)
  return body
}

/** Takes status and headers from a Response as Fastify does, but before the headers of the session are added. Returns its body. */
function unwrapResponse (reply: FastifyReply, response: Response): unknown {
  // Fastify refuses it
  if (response.bodyUsed) return response
  reply.code(response.status)
  for (const [name, value] of response.headers) reply.header(name, value)
  return response.body
}

/** A response that depends on the session differs by cookie: caches must know (CVE-2023-30861). */
function addCacheHeaders (reply: FastifyReply): void {
  const vary = reply.getHeader('vary')
  if (vary === undefined || vary === '') reply.header('vary', 'Cookie')
  else if (!/(^|[,\s])(cookie|\*)([,\s]|$)/i.test(String(vary))) reply.header('vary', `${String(vary)}, Cookie`)
  if (reply.getHeader('cache-control') === undefined) reply.header('cache-control', 'private')
}

/** Completes the error bodies of this package. Those of other errors stay as they are. */
function withErrorDetails (reason: EndReason | null, reply: FastifyReply, payload: unknown): unknown {
  return reply.statusCode === 500 ? withoutMessage(payload) : withReason(reason, reply, payload)
}

/** Removes the message of an error with status 500: it describes a fault of the app, and is for its log, not for a browser. */
function withoutMessage (payload: unknown): unknown {
  if (typeof payload !== 'string' || !/^\{"statusCode":500,[^{}[\]]*"code":"FST_SESSION_/.test(payload)) return payload
  return JSON.stringify({ ...JSON.parse(payload) as object, message: 'Internal Server Error' })
}

/** Adds why the session ended to the default error body, which has no member for it. */
function withReason (reason: EndReason | null, reply: FastifyReply, payload: unknown): unknown {
  if (reason === null || reply.statusCode !== 401 || typeof payload !== 'string' || !payload.startsWith(endedBody)) return payload
  return `${payload.slice(0, -1)},"reason":"${reason}"}`
}
