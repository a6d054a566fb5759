import type { FastifyInstance } from 'fastify'
import { ErrorReply } from './schemas.ts'
import { withTypeBox } from './typebox.ts'
import type { TypeBoxInstance } from './typebox.ts'

export interface ApiScopeOptions {
  /** Tag of the routes in the OpenAPI document. */
  readonly tag: string
  /** Name of the security scheme in the OpenAPI document. */
  readonly security: string | undefined
}

/**
 * Sets up a scope for routes of the API: validation and types by TypeBox, no caching, and for the OpenAPI document the tag, the security
 * scheme and the error replies of every route.
 */
export function openApiScope (scope: FastifyInstance, { tag, security }: ApiScopeOptions): TypeBoxInstance {
  // in `onSend`, because a guard or a rate limit that rejects a request runs before every other hook of this scope
  scope.addHook('onSend', function sessionApiOnSend (_request, reply, payload, done) {
    if (!reply.raw.headersSent) reply.header('cache-control', 'no-store')
    done(null, payload)
  })
  scope.addHook('onRoute', route => {
    const { schema } = route
    const response = { ...schema?.response as object | undefined, '4xx': ErrorReply, '5xx': ErrorReply }
    const documented = { tags: [tag], response }
    // a scheme that the document does not define would make @fastify/swagger throw
    route.schema = Object.assign({ ...schema }, documented, security === undefined ? {} : { security: [{ [security]: [] }] })
  })
  return withTypeBox(scope)
}
