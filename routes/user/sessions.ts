import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { SessionSearch } from '../../lib/admin/search.ts'
import { SessionError } from '../../lib/errors.ts'
import { hasEnded } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type { SessionState } from '../../lib/session/state.ts'
import { isId } from '../../lib/token/token.ts'
import type { SessionAccess } from '../access.ts'
import { nullable, oneWord, strictObject } from '../schemas.ts'
import type { TypeBoxInstance } from '../typebox.ts'
import { OwnEndedSession, OwnSession, timeLeft, toOwnEndedSession, toOwnSession, toTimeLeft } from './schemas.ts'

export interface UserSessionOptions extends SessionAccess {
  /** Maximum age in milliseconds of the authentication for revoking other sessions; 0: no requirement. */
  readonly fresh: number
}

/** Changes state: same origin only. */
const writeConfig = { session: { required: true, sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }
/** Does not extend the idle timeout. */
const pollConfig = { session: { required: true, passive: true }, rateLimit: { max: 120, timeWindow: '1 minute' } }

const Query = strictObject({
  ended: Type.Optional(Type.Boolean({ description: 'Lists ended sessions too' })),
  limit: Type.Optional(Type.Integer({
    minimum: 2,
    maximum: 200,
    description: 'Default 100. A page may be shorter and still have a cursor'
  })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'From the page before' }))
})
const Devices = strictObject({
  sessions: Type.Array(OwnSession),
  cursor: nullable(Type.String({ description: 'For the next page; null: this is the last one' })),
  ended: Type.Optional(Type.Array(OwnEndedSession))
})
const Current = strictObject({ session: OwnSession, ...timeLeft })
const One = strictObject({ session: OwnSession })
const Revoke = strictObject({
  id: Type.Optional(Type.String({ maxLength: 64, description: 'One of your sessions' })),
  scope: Type.Optional(oneWord(['others', 'all']))
})
const Revoked = strictObject({ revoked: Type.Integer({ description: 'How many sessions ended' }) })
const DeviceName = Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
const Rename = strictObject({ deviceName: nullable(DeviceName) })
const Params = strictObject({ id: Type.String({ maxLength: 64 }) })
const LoggedOut = strictObject({ loggedOut: Type.Literal(true) })

/** Registers the routes by which users list, name and revoke their sessions. */
export function userSessionRoutes (app: TypeBoxInstance, options: UserSessionOptions): void {
  const { manager, stateOf } = options
  const search = new SessionSearch(manager)
  const toCurrent = (record: SessionRecord): Static<typeof Current> =>
    ({ session: toOwnSession(record, record.id), ...toTimeLeft(record, manager.now()) })

  app.get('/', {
    config: pollConfig,
    schema: {
      operationId: 'listSessions',
      summary: 'Your sessions in pages: the current one first, the others from newest to oldest',
      querystring: Query,
      response: { 200: Devices }
    }
  }, async request => {
    const own = owned(stateOf(request))
    const { userId } = own
    const { limit = 100, cursor = null, ended } = request.query
    // the first page has the current session as well
    const size = cursor === null ? limit - 1 : limit
    const page = await search.list({ filter: { userId }, state: 'live', at: null }, { limit: size, cursor, order: 'newest' })
    const others = page.items.filter(({ id }) => id !== own.id) as SessionRecord[]
    // the listed record of the current session has the newest activity
    const current = page.items.find(({ id }) => id === own.id) as SessionRecord | undefined ?? own
    const sessions = (cursor === null ? [current, ...others] : others).map(record => toOwnSession(record, own.id))
    if (ended !== true) return { sessions, cursor: page.cursor }
    const { items } = await manager.history({ userId }, { limit: 20 })
    return { sessions, cursor: page.cursor, ended: items.map(toOwnEndedSession) }
  })

  app.get('/current', {
    config: pollConfig,
    schema: {
      operationId: 'currentSession',
      summary: 'The current session and its time left; asking does not extend it',
      response: { 200: Current }
    }
  }, async request => {
    return toCurrent(owned(stateOf(request)))
  })

  app.post('/refresh', {
    config: writeConfig,
    schema: {
      operationId: 'extendSession',
      summary: 'Reset the idle timeout; the absolute timeout stays',
      response: { 200: Current }
    }
  }, async request => {
    const state = stateOf(request)
    await state.extend()
    return toCurrent(owned(state))
  })

  app.post('/revoke', {
    config: writeConfig,
    schema: {
      operationId: 'revokeSessions',
      summary: 'End one of your sessions, all others, or all',
      body: Revoke,
      response: { 200: Revoked }
    }
  }, async request => {
    const { id, scope } = request.body
    if ((id === undefined) === (scope === undefined)) {
      throw new SessionError('FST_SESSION_INVALID_FILTER', { values: ['expected either `id` or `scope`'] })
    }
    return { revoked: id === undefined ? await revokeScope(request, options, scope === 'all') : await revokeOne(request, options, id) }
  })

  app.patch('/:id', {
    config: writeConfig,
    schema: {
      operationId: 'renameSession',
      summary: 'Name one of your sessions',
      params: Params,
      body: Rename,
      response: { 200: One }
    }
  }, async request => {
    const current = owned(stateOf(request))
    const { id } = request.params
    await ownSession(request, options, id)
    const record = await manager.rename(id, request.body.deviceName)
    if (record === null) throw new SessionError('FST_SESSION_NOT_FOUND')
    return { session: toOwnSession(record, current.id) }
  })

  app.post('/logout', {
    config: { session: { sameOrigin: true }, rateLimit: { max: 120, timeWindow: '1 minute' } },
    schema: {
      operationId: 'logout',
      summary: 'Sign out here',
      response: { 200: LoggedOut }
    }
  }, async request => {
    await stateOf(request).logout()
    return { loggedOut: true as const }
  })
}

async function revokeScope (request: FastifyRequest, options: UserSessionOptions, all: boolean): Promise<number> {
  options.requireSession(request, options.fresh)
  const state = options.stateOf(request)
  const { id, userId } = owned(state)
  const ended = await options.manager.revokeUser(userId, { except: id, by: 'user' })
  if (all) await state.logout()
  return ended.length + Number(all)
}

async function revokeOne (request: FastifyRequest, options: UserSessionOptions, id: string): Promise<number> {
  const state = options.stateOf(request)
  if (id === owned(state).id) {
    await state.logout()
    return 1
  }
  await ownSession(request, options, id)
  options.requireSession(request, options.fresh)
  return Number(await options.manager.revoke(id, { by: 'user' }) !== null)
}

/** Returns a session of the same user. Another user's session and an unknown one are the same 404. */
async function ownSession (request: FastifyRequest, { manager, stateOf }: UserSessionOptions, id: string): Promise<SessionRecord> {
  const { id: own, userId } = owned(stateOf(request))
  const found = isId(id) ? await manager.get(id) : null
  if (found !== null && found.userId !== userId) {
    const { throttle, clock, anonymizer } = manager.core
    const ip = anonymizer.apply(request.ip)
    throttle.emit({ type: 'access-denied', at: clock.now(), id: own, userId, action: 'foreign session', target: id, ip })
  }
  if (found === null || found.userId !== userId || hasEnded(found)) throw new SessionError('FST_SESSION_NOT_FOUND')
  return found
}

/** Returns the session of a guarded route, which has a user. */
function owned (state: SessionState): SessionRecord & { readonly userId: string } {
  const { record } = state
  if (record?.userId == null) throw new SessionError('FST_SESSION_REQUIRED')
  return record as SessionRecord & { readonly userId: string }
}
