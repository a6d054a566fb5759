import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SessionError } from '../../lib/errors.ts'
import type { SessionManager } from '../../lib/manager/manager.ts'
import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type { SessionState } from '../../lib/session/state.ts'
import { isId } from '../../lib/token/token.ts'
import { closed, ErrorReply, iso } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { Device, EndedDevice, toDevice, toEndedDevice } from './schemas.ts'

/** What the user routes need from the plugin. */
export interface UserRouteOptions {
  readonly manager: SessionManager
  readonly stateOf: (request: FastifyRequest) => SessionState
  /** Throws without a signed-in user, and without a sign-in within `fresh` milliseconds (0: does not matter). */
  readonly admit: (request: FastifyRequest, fresh: number) => void
  /** What ending other sessions asks for; 0: nothing. */
  readonly fresh: number
  /** Name of the security scheme in the OpenAPI document. */
  readonly security: string | undefined
}

const errors = { '4xx': ErrorReply, '5xx': ErrorReply }
const guarded = { session: { required: true, sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }
const watching = { session: { required: true, passive: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }

const Query = closed({ ended: Type.Optional(Type.Boolean({ description: 'Lists ended sessions too' })) })
const Devices = closed({ sessions: Type.Array(Device), ended: Type.Optional(Type.Array(EndedDevice)) })
const Current = closed({
  session: Device,
  now: Type.String({ description: "The server's time, ISO 8601" }),
  idleLeft: Type.Integer({ description: 'Seconds until the session ends without a request' }),
  absoluteLeft: Type.Integer({ description: 'Seconds until it ends whatever happens' }),
  expiresAt: Type.String()
})
const One = closed({ session: Device })
const Revoke = closed({
  id: Type.Optional(Type.String({ maxLength: 64, description: 'One of your sessions' })),
  scope: Type.Optional(Type.Unsafe<'others' | 'all'>(Type.String({ enum: ['others', 'all'], pattern: '^(others|all)$' })))
})
const Revoked = closed({ revoked: Type.Integer({ description: 'How many sessions ended' }) })
const Rename = closed({ name: Type.Union([Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' }), Type.Null()]) })
const Params = closed({ id: Type.String({ maxLength: 64 }) })
const Done = closed({ done: Type.Boolean() })

/** What a user does with the own sessions: see, name, end. */
export async function userRoutes (scope: FastifyInstance, options: UserRouteOptions): Promise<void> {
  const app = withTypeBox(scope)
  const { manager, stateOf, security } = options
  // a scheme that the document does not define would make @fastify/swagger throw
  const common = { tags: ['sessions'], ...security === undefined ? {} : { security: [{ [security]: [] }] } }

  app.get('/', {
    config: watching,
    schema: { ...common, operationId: 'listSessions', summary: 'Your sessions, the current one first', querystring: Query, response: { 200: Devices, ...errors } }
  }, async (request, reply) => {
    const { id, userId } = owned(stateOf(request))
    const records = await manager.listUser(userId)
    const live = records.map(record => toDevice(record, id)).sort((a, b) => Number(b.current) - Number(a.current))
    noStore(reply)
    if ((request.query).ended !== true) return { sessions: live }
    const { items } = await manager.history({ userId }, { limit: 20 })
    return { sessions: live, ended: items.map(toEndedDevice) }
  })

  app.get('/current', {
    config: watching,
    schema: { ...common, operationId: 'currentSession', summary: 'The current session and its time left; asking does not extend it', response: { 200: Current, ...errors } }
  }, async (request, reply) => {
    const record = owned(stateOf(request))
    noStore(reply)
    return toCurrent(record, manager.now())
  })

  app.post('/refresh', {
    config: guarded,
    schema: { ...common, operationId: 'refreshSession', summary: 'Start the idle time anew; the absolute deadline stays', response: { 200: Current, ...errors } }
  }, async (request, reply) => {
    const state = stateOf(request)
    await state.extend()
    noStore(reply)
    return toCurrent(owned(state), manager.now())
  })

  app.post('/revoke', {
    config: guarded,
    schema: { ...common, operationId: 'revokeSessions', summary: 'End one of your sessions, all others, or all', body: Revoke, response: { 200: Revoked, ...errors } }
  }, async (request, reply) => {
    const { id, scope } = request.body
    if ((id === undefined) === (scope === undefined)) throw new SessionError('FST_SESSION_INVALID_FILTER', { values: ['expected either `id` or `scope`'] })
    noStore(reply)
    return { revoked: id === undefined ? await revokeScope(request, options, scope === 'all') : await revokeOne(request, options, id) }
  })

  app.patch('/:id', {
    config: guarded,
    schema: { ...common, operationId: 'renameSession', summary: 'Name one of your sessions', params: Params, body: Rename, response: { 200: One, ...errors } }
  }, async (request, reply) => {
    const current = owned(stateOf(request))
    const { id } = request.params
    await ownSession(request, options, id)
    const record = await manager.rename(id, (request.body).name)
    if (record === null) throw new SessionError('FST_SESSION_NOT_FOUND')
    noStore(reply)
    return { session: toDevice(record, current.id) }
  })

  app.post('/logout', {
    config: { session: { sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } },
    schema: { ...common, operationId: 'logout', summary: 'Sign out here', response: { 200: Done, ...errors } }
  }, async (request, reply) => {
    noStore(reply)
    await stateOf(request).logout()
    return { done: true }
  })
}

async function revokeScope (request: FastifyRequest, options: UserRouteOptions, all: boolean): Promise<number> {
  options.admit(request, options.fresh)
  const state = options.stateOf(request)
  const { id, userId } = owned(state)
  const ended = await options.manager.revokeUser(userId, { except: id, by: 'user' })
  if (all) await state.logout()
  return ended.length + Number(all)
}

async function revokeOne (request: FastifyRequest, options: UserRouteOptions, id: string): Promise<number> {
  const state = options.stateOf(request)
  if (id === owned(state).id) {
    await state.logout()
    return 1
  }
  await ownSession(request, options, id)
  options.admit(request, options.fresh)
  return Number(await options.manager.end(id, { by: 'user' }) !== null)
}

/** A session of the same user; what is not theirs, and what is not there, is the same 404. */
async function ownSession (request: FastifyRequest, { manager, stateOf }: UserRouteOptions, id: string): Promise<SessionRecord> {
  const { id: own, userId } = owned(stateOf(request))
  const found = isId(id) ? await manager.get(id) : null
  if (found !== null && found.userId !== userId) {
    manager.tell({ type: 'denied', at: manager.now(), id: own, userId, action: 'foreign session', target: id, ip: manager.keepAddress(request.ip) })
  }
  if (found === null || found.userId !== userId || hasEnded(found)) throw new SessionError('FST_SESSION_NOT_FOUND')
  return found
}

/** The session of a guarded route: it has a user. */
function owned (state: SessionState): SessionRecord & { readonly userId: string } {
  const { record } = state
  if (record?.userId == null) throw new SessionError('FST_SESSION_REQUIRED')
  return record as SessionRecord & { readonly userId: string }
}

function toCurrent (record: SessionRecord, now: number): Static<typeof Current> {
  return {
    session: toDevice(record, record.id),
    now: iso(now),
    idleLeft: Math.max(0, Math.floor((expiresAt(record) - now) / 1000)),
    absoluteLeft: Math.max(0, Math.floor((record.absoluteAt - now) / 1000)),
    expiresAt: iso(expiresAt(record))
  }
}

function noStore (reply: FastifyReply): void {
  reply.header('cache-control', 'no-store')
}
