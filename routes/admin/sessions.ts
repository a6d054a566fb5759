import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseQuery } from '../../lib/admin/query.ts'
import { storyOf } from '../../lib/admin/timeline.ts'
import { SessionError } from '../../lib/errors.ts'
import { isId } from '../../lib/token/token.ts'
import { closed } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { errors, looking, polling } from './context.ts'
import type { Admin } from './context.ts'
import { filterQuery, SessionDetail, SessionView, toDetail, toView } from './schemas.ts'
import { StatisticsView, toStatistics } from './statistics.ts'

const ListQuery = closed({
  ...filterQuery,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'Default 50. A page may be shorter and still have a cursor' })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'From the page before, for the same filter and order' })),
  order: Type.Optional(Type.Unsafe<'newest' | 'oldest'>(Type.String({ enum: ['newest', 'oldest'], pattern: '^(newest|oldest)$', description: 'Default newest' }))),
  sort: Type.Optional(Type.Literal('created', { description: 'Live sessions are sorted by when they were created, ended ones by when they ended: what an index serves' }))
})
const List = closed({ items: Type.Array(SessionView), cursor: Type.Union([Type.String(), Type.Null()]) })
const CountQuery = closed(filterQuery)
const Count = closed({ count: Type.Integer() })
const UserSessions = closed({ live: Type.Array(SessionView), ended: Type.Array(SessionView) })
const IdParams = closed({ id: Type.String({ maxLength: 64 }) })
const UserParams = closed({ userId: Type.String({ minLength: 1, maxLength: 256 }) })
const StatisticsQuery = closed({ range: Type.Optional(Type.Unsafe<'1h' | '24h' | '7d' | '30d'>(Type.String({ enum: ['1h', '24h', '7d', '30d'], pattern: '^(1h|24h|7d|30d)$', description: 'Default 24h' }))) })

/** Sees sessions: in lists, in numbers, one by one. */
export function lookRoutes (scope: FastifyInstance, admin: Admin): void {
  const app = withTypeBox(scope)
  const { manager, oversight, stateOf, common } = admin
  const currentId = (request: FastifyRequest): string | null => stateOf(request).record?.id ?? null

  app.get('/', {
    config: looking,
    schema: { ...common, operationId: 'adminListSessions', summary: 'Sessions that match, in pages', querystring: ListQuery, response: { 200: List, ...errors } }
  }, async request => {
    const { limit = 50, cursor = null, order = 'newest', sort, ...input } = request.query
    const page = await oversight.list(parseQuery(input), { limit, cursor, order })
    admin.tell(request, 'list', page.items.length)
    return { items: page.items.map(session => toView(session, currentId(request))), cursor: page.cursor }
  })

  app.get('/count', {
    config: polling,
    schema: { ...common, operationId: 'adminCountSessions', summary: 'How many sessions match', querystring: CountQuery, response: { 200: Count, ...errors } }
  }, async request => ({ count: await oversight.count(parseQuery(request.query)) }))

  app.get('/statistics', {
    config: polling,
    schema: { ...common, operationId: 'adminSessionStatistics', summary: 'Numbers of a range, over all nodes', querystring: StatisticsQuery, response: { 200: StatisticsView, ...errors } }
  }, async request => toStatistics(await manager.statistics(request.query.range ?? '24h'), manager))

  app.get('/users/:userId', {
    config: looking,
    schema: { ...common, operationId: 'adminUserSessions', summary: "A user's sessions, live and ended", params: UserParams, response: { 200: UserSessions, ...errors } }
  }, async request => {
    const { userId } = request.params
    const [live, ended] = [await manager.listUser(userId), await manager.history({ userId }, { limit: 100 })]
    admin.tell(request, 'read', live.length + ended.items.length)
    return { live: live.map(session => toView(session, currentId(request))), ended: ended.items.map(session => toView(session, null)) }
  })

  app.get('/:id', {
    config: looking,
    schema: { ...common, operationId: 'adminGetSession', summary: 'One session, live or ended, with its story', params: IdParams, response: { 200: SessionDetail, ...errors } }
  }, async request => {
    const { id } = request.params
    const session = isId(id) ? await manager.get(id) : null
    if (session === null) throw new SessionError('FST_SESSION_NOT_FOUND')
    admin.tell(request, 'read', 1)
    return toDetail(session, storyOf(session, admin.feed.items().map(item => item.event)), currentId(request))
  })
}
