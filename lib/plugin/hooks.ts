import type { FastifyInstance, FastifyReply } from 'fastify'
import type { EndReason } from '../model/record.ts'
import type { SessionState } from '../session/state.ts'
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

  // a hint for developers, which costs time
  if (process.env['NODE_ENV'] === 'production') return
  app.addHook('onResponse', function sessionOnResponse (request, _reply, done) {
    warnUnsaved(context, request as SessionRequest)
    done()
  })
}

/** Writes what changed, and adds the headers, before the response leaves. */
function saveSession (context: PluginContext, state: SessionState, payload: unknown, done: SendDone): void {
  let changes: DataChanges | null
  try {
    changes = state.unsaved()
  } catch (error) {
    state.failed = true
    done(error as Error)
    return
  }
  if (changes === null) {
    done(null, addHeaders(context, state, payload))
  } else if (state.reply.raw.headersSent) {
    void saveLate(context, state, changes)
    done(null, payload)
  } else {
    state.commit(changes).then(() => { done(null, addHeaders(context, state, payload)) }, done)
  }
}

/** Drops the data of a handler that threw, and ends a session that it created. */
async function rollbackSession (request: SessionRequest): Promise<void> {
  await request[kState]?.rollback()
}

/** Reports changes that no write has sent, as of a handler that hijacked its reply without `save()`. */
function warnUnsaved (context: PluginContext, request: SessionRequest): void {
  const state = request[kState]
  if (state == null) return
  try {
    if (state.unsaved() !== null) reportLostWrite(context, state, 'the response had left')
  } catch (error) {
    reportLostWrite(context, state, (error as Error).message)
  }
}

/** As `saveSession`, after the response has left: it can neither report a failure nor issue the cookie of a guest. */
async function saveLate (context: PluginContext, state: SessionState, changes: DataChanges): Promise<void> {
  if (state.record === null) { reportLostWrite(context, state, 'the response had left'); return }
  try {
    await state.commit(changes)
  } catch (error) {
    reportLostWrite(context, state, (error as Error).message)
  }
}

function reportLostWrite ({ events, manager }: PluginContext, state: SessionState, why: string): void {
  state.failed = true
  events.emit({ type: 'write-lost', at: manager.now(), id: state.record?.id ?? null, userId: state.record?.userId ?? null, error: why })
}

/** Adds the headers of the session to its response. Returns the payload. */
function addHeaders ({ annotateSpan, clearSiteData }: PluginContext, state: SessionState, payload: unknown): unknown {
  const { reply, responseCookies, record, rejection } = state
  if (reply.raw.headersSent) return payload
  if (state.used) addCacheHeaders(reply)
  if (responseCookies !== null && !responseCookies.isEmpty) {
    // a login makes another session
    if (record !== null) annotateSpan?.(state.request, record)
    responseCookies.applyTo(reply, clearSiteData)
  }
  return withErrorDetails(rejection?.reason ?? null, reply, payload)
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
