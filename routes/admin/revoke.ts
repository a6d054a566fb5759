import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { BulkRevocation } from '../../lib/admin/bulk-revocation.ts'
import { invalidFilter, isEmptyQuery, parseQuery, parseUserId } from '../../lib/admin/query.ts'
import { SessionError } from '../../lib/errors.ts'
import { isId } from '../../lib/token/token.ts'
import { nullable, strictObject } from '../schemas.ts'
import type { TypeBoxInstance } from '../typebox.ts'
import { writeConfig } from './context.ts'
import type { AdminContext } from './context.ts'
import { FilterBody, SessionView, toView } from './schemas.ts'

const Id = Type.String({ maxLength: 64 })
const Revoke = strictObject({
  ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: 1000, description: 'Ids of sessions; those that are not live are ignored' })),
  userId: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'All sessions of this user' })),
  except: Type.Optional(Type.String({ maxLength: 64, description: 'With `userId`: except this session' })),
  filter: Type.Optional(FilterBody),
  all: Type.Optional(Type.Literal(true, { description: 'Required for a filter without conditions' })),
  dryRun: Type.Optional(Type.Boolean({ description: 'With `filter`: only count, and return a token' })),
  token: Type.Optional(Type.String({
    maxLength: 256,
    description: 'With `filter`: from the preview of the same filter, not older than ten minutes'
  })),
  cursor: Type.Optional(Type.String({
    minLength: 1,
    maxLength: 2048,
    description: 'With `token`: from the previous call, until it is null'
  }))
})
const Preview = strictObject({
  count: Type.Integer({ description: 'Number of matches now' }),
  sample: Type.Array(SessionView, { description: 'The newest ten matches' }),
  token: Type.String({ description: 'Confirms a run with this filter, for sessions created before the preview; valid for ten minutes' }),
  ownSessionKept: Type.Boolean({ description: 'Your own session matches, and is excluded' })
})
const Revoked = strictObject({
  revoked: Type.Integer({ description: 'Number of sessions that this call revoked' }),
  more: Type.Boolean({ description: 'Send the same request again, with `cursor`' }),
  cursor: nullable(Type.String())
})
type Body = Static<typeof Revoke>
type RevokeReply = Static<typeof Preview> | Static<typeof Revoked>

/** Registers the route that ends sessions: by id, of a user, or by filter with a preview. */
export function revokeRoutes (app: TypeBoxInstance, admin: AdminContext): void {
  const { manager } = admin
  const revocation = new BulkRevocation(manager, admin.search)

  app.post('/revoke', {
    config: writeConfig,
    bodyLimit: 128 * 1024,
    schema: {
      operationId: 'adminRevokeSessions',
      summary: 'End sessions: some, a user\'s, or all that match a filter (preview first)',
      body: Revoke,
      response: { 200: Type.Union([Preview, Revoked]) }
    }
  }, async (request): Promise<RevokeReply> => {
    const { body } = request
    const { ids, userId, filter, dryRun } = body
    if ([ids, userId, filter].filter(target => target !== undefined).length !== 1) {
      throw invalidBody('exactly one of `ids`, `userId` and `filter`')
    }
    if (filter === undefined && [body.all, dryRun, body.token, body.cursor].some(value => value !== undefined)) {
      throw invalidBody('`all`, `dryRun`, `token` and `cursor` only with `filter`')
    }
    if (userId === undefined && body.except !== undefined) throw invalidBody('`except` only with `userId`')
    if (filter !== undefined) return byFilter(request, filter, body)
    const by = admin.actorOf(request)
    const options = by === null ? {} : { by }
    const ended = ids !== undefined
      ? await manager.revokeMany(ids.filter(isId), options)
      : await manager.revokeUser(parseUserId(userId as string), { ...options, ...body.except === undefined ? {} : { except: body.except } })
    admin.report(request, 'revoke', ended.length)
    return { revoked: ended.length, more: false, cursor: null }
  })

  async function byFilter (
    request: FastifyRequest,
    filter: NonNullable<Body['filter']>,
    { all, dryRun, token, cursor }: Body
  ): Promise<RevokeReply> {
    const query = parseQuery(filter)
    if (query.state === 'ended' || query.at !== null) throw invalidBody('a filter of live sessions')
    if (isEmptyQuery(query) && all !== true) throw invalidBody('`all: true` with a filter without any condition')
    const revoker = { by: admin.actorOf(request), ownSession: admin.stateOf(request).record }
    if (dryRun === true) {
      const { sample, ...preview } = await revocation.preview(query, revoker)
      admin.report(request, 'preview', preview.count)
      return { ...preview, sample: sample.map(session => toView(session, null)) }
    }
    const result = await revocation.run(query, { token, cursor: cursor ?? null }, revoker)
    admin.report(request, 'revoke', result.revoked)
    return { ...result, more: result.cursor !== null }
  }
}

function invalidBody (expected: string): SessionError {
  return invalidFilter(`expected ${expected}`)
}
