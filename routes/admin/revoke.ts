import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Revocation } from '../../lib/admin/bulk-revocation.ts'
import { isEmptyQuery, parseQuery, refuseFilter } from '../../lib/admin/query.ts'
import { SessionError } from '../../lib/errors.ts'
import { isId } from '../../lib/token/token.ts'
import { closed } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { acting, errors } from './context.ts'
import type { Admin } from './context.ts'
import { FilterBody, SessionView, toView } from './schemas.ts'

const Id = Type.String({ maxLength: 64 })
const Revoke = closed({
  ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: 1000, description: 'These; what is not live is passed over' })),
  userId: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'All of a user' })),
  except: Type.Optional(Type.String({ maxLength: 64, description: 'With `userId`: but this one' })),
  filter: Type.Optional(FilterBody),
  all: Type.Optional(Type.Literal(true, { description: 'Wanted by a filter without any condition' })),
  dryRun: Type.Optional(Type.Boolean({ description: 'With `filter`: only count, and answer a token' })),
  token: Type.Optional(Type.String({ maxLength: 256, description: 'With `filter`: from the preview of the same filter, not older than ten minutes' })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'With `token`: from the run before, while there is more' }))
})
const Preview = closed({
  count: Type.Integer({ description: 'How many match now' }),
  sample: Type.Array(SessionView, { description: 'The newest ten' }),
  token: Type.String({ description: 'Confirms a run with this filter, over sessions created up to now; good for ten minutes' }),
  spared: Type.Boolean({ description: 'Your own session matches, and will be left' })
})
const Done = closed({
  processed: Type.Integer({ description: 'How many sessions ended' }),
  more: Type.Boolean({ description: 'Send the same again, with `cursor`' }),
  cursor: Type.Union([Type.String(), Type.Null()])
})
type Body = Static<typeof Revoke>
type Answer = Static<typeof Preview> | Static<typeof Done>

/** Ends sessions: by id, of a user, or by filter with a preview. */
export function revokeRoutes (scope: FastifyInstance, admin: Admin): void {
  const { common, manager, actor, stateOf } = admin
  const revocation = new Revocation(manager, admin.oversight)

  withTypeBox(scope).post('/revoke', {
    config: acting,
    bodyLimit: 128 * 1024,
    schema: { ...common, operationId: 'adminRevokeSessions', summary: 'End sessions: some, a user\'s, or all that match a filter (preview first)', body: Revoke, response: { 200: Type.Union([Preview, Done]), ...errors } }
  }, async (request): Promise<Answer> => {
    const { body } = request
    const { ids, userId, filter, dryRun } = body
    if ([ids, userId, filter].filter(target => target !== undefined).length !== 1) throw refuseBody('exactly one of `ids`, `userId` and `filter`')
    if (filter === undefined && [body.all, dryRun, body.token, body.cursor].some(value => value !== undefined)) throw refuseBody('`all`, `dryRun`, `token` and `cursor` only with `filter`')
    if (userId === undefined && body.except !== undefined) throw refuseBody('`except` only with `userId`')
    if (filter !== undefined) return byFilter(request, filter, body)
    const by = actor(request)
    const options = by === null ? {} : { by }
    const ended = ids !== undefined
      ? await manager.endMany(ids.filter(isId), options)
      : await manager.revokeUser(userId as string, { ...options, ...body.except === undefined ? {} : { except: body.except } })
    admin.tell(request, 'revoke', ended.length)
    return { processed: ended.length, more: false, cursor: null }
  })

  async function byFilter (request: FastifyRequest, filter: NonNullable<Body['filter']>, { all, dryRun, token, cursor }: Body): Promise<Answer> {
    const query = parseQuery(filter)
    if (query.state === 'ended' || query.at !== null) throw refuseBody('a filter of live sessions')
    if (isEmptyQuery(query) && all !== true) throw refuseBody('`all: true` with a filter without any condition')
    const revoker = { by: actor(request), own: stateOf(request).record }
    if (dryRun === true) {
      const { sample, ...preview } = await revocation.preview(query, revoker)
      admin.tell(request, 'preview', preview.count)
      return { ...preview, sample: sample.map(session => toView(session, null)) }
    }
    const done = await revocation.run(query, { token, cursor: cursor ?? null }, revoker)
    admin.tell(request, 'revoke', done.processed)
    return { ...done, more: done.cursor !== null }
  }
}

function refuseBody (expected: string): SessionError {
  return refuseFilter(`expected ${expected}`)
}
