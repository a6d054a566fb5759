import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { parseQuery, parseUserId } from '../../lib/admin/query.ts'
import { timelineOf } from '../../lib/admin/timeline.ts'
import { SessionError } from '../../lib/errors.ts'
import { isId } from '../../lib/token/token.ts'
import { nullable, oneWord, strictObject } from '../schemas.ts'
import type { TypeBoxInstance } from '../typebox.ts'
import { pollConfig, readConfig } from './context.ts'
import type { AdminContext } from './context.ts'
import { filterQuery, SessionDetail, SessionView, toDetail, toView } from './schemas.ts'
import { StatisticsView, toStatistics } from './statistics.ts'

const ListQuery = strictObject({
  ...filterQuery,
  limit: Type.Optional(Type.Integer({
    minimum: 1,
    maximum: 200,
    description: 'Default 50. A page may be shorter and still have a cursor'
  })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'From the last page, for the same filter and order' })),
  order: Type.Optional(oneWord(['newest', 'oldest'], { description: 'Default newest' })),
  sort: Type.Optional(Type.Literal('created', {
    description: 'Live sessions are sorted by creation time, ended ones by end time: only these have an index'
  }))
})
const List = strictObject({ items: Type.Array(SessionView), cursor: nullable(Type.String()) })
const CountQuery = strictObject(filterQuery)
const Count = strictObject({ count: Type.Integer() })
const UserSessions = strictObject({ live: Type.Array(SessionView), ended: Type.Array(SessionView) })
const IdParams = strictObject({ id: Type.String({ maxLength: 64 }) })
const UserParams = strictObject({ userId: Type.String({ minLength: 1, maxLength: 256 }) })
const StatisticsQuery = strictObject({ range: Type.Optional(oneWord(['1h', '24h', '7d', '30d'], { description: 'Default 24h' })) })

/** Registers the routes that read sessions: lists, counts, statistics, single sessions. */
export function sessionRoutes (app: TypeBoxInstance, admin: AdminContext): void {
  const { manager, search } = admin
  const currentId = (request: FastifyRequest): string | null => admin.stateOf(request).record?.id ?? null

  app.get('/', {
    config: readConfig,
    schema: {
      operationId: 'adminListSessions',
      summary: 'Sessions that match, in pages',
      querystring: ListQuery,
      response: { 200: List }
    }
  }, async request => {
    const { limit = 50, cursor = null, order = 'newest', sort, ...input } = request.query
    const page = await search.list(parseQuery(input), { limit, cursor, order })
    admin.report(request, 'list', page.items.length)
    return { items: page.items.map(session => toView(session, currentId(request))), cursor: page.cursor }
  })

  app.get('/count', {
    config: pollConfig,
    schema: {
      operationId: 'adminCountSessions',
      summary: 'How many sessions match',
      querystring: CountQuery,
      response: { 200: Count }
    }
  }, async request => ({ count: await search.count(parseQuery(request.query)) }))

  app.get('/statistics', {
    config: pollConfig,
    schema: {
      operationId: 'adminSessionStatistics',
      summary: 'Statistics of a range, over all nodes',
      querystring: StatisticsQuery,
      response: { 200: StatisticsView }
    }
  }, async request => toStatistics(await manager.statistics(request.query.range ?? '24h'), manager))

  app.get('/users/:userId', {
    config: readConfig,
    schema: {
      operationId: 'adminUserSessions',
      summary: "A user's sessions, live and ended",
      params: UserParams,
      response: { 200: UserSessions }
    }
  }, async request => {
    const userId = parseUserId(request.params.userId)
    const [live, ended] = [await manager.listByUser(userId), await manager.history({ userId }, { limit: 100 })]
    admin.report(request, 'read', live.length + ended.items.length)
    return { live: live.map(session => toView(session, currentId(request))), ended: ended.items.map(session => toView(session, null)) }
  })

  app.get('/:id', {
    config: readConfig,
    schema: {
      operationId: 'adminGetSession',
      summary: 'One session, live or ended, with its timeline',
      params: IdParams,
      response: { 200: SessionDetail }
    }
  }, async request => {
    const { id } = request.params
    const session = isId(id) ? await manager.get(id) : null
    if (session === null) throw new SessionError('FST_SESSION_NOT_FOUND')
    admin.report(request, 'read', 1)
    return toDetail(session, timelineOf(session, admin.recentEvents.items().map(item => item.event)), currentId(request))
  })
}
