import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { SessionError } from '../../lib/errors.ts'
import type { EventStreams } from '../event-stream.ts'
import { closed } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { errors, polling } from './context.ts'
import type { Admin } from './context.ts'
import { toEventView } from './schemas.ts'

const description = `Server-sent events: first the last ones that are kept (up to 200, and 200 about security), or those after \`Last-Event-ID\`, then each as it happens. Data: \`at\` (ISO 8601), \`type\`,
\`id\`, \`userId\`, \`level\`, \`security\`, \`text\`, \`details\`. The stream closes when your session ends or you are no longer an admin.`

const Headers = Type.Object({ 'last-event-id': Type.Optional(Type.String({ description: 'Sent by browsers that come back' })) })

/** Everything that happens, as it happens. Ends are told from all nodes, other events from this one. */
export function liveRoutes (scope: FastifyInstance, admin: Admin, streams: EventStreams): void {
  const { common, manager, feed, stateOf } = admin

  withTypeBox(scope).get('/events', {
    config: polling,
    exposeHeadRoute: false,
    schema: { ...common, operationId: 'adminSessionEvents', summary: 'What happens, as it happens', description, querystring: closed({}), headers: Headers, response: { 200: { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } }, ...errors } }
  }, async (request, reply) => {
    const state = stateOf(request)
    await state.save()
    const stream = streams.open(reply, { onBeat: async () => { if (!await admin.allowed(request)) throw new SessionError('FST_SESSION_FORBIDDEN') } })
    for (const { id, event } of feed.items(request.headers['last-event-id'])) stream.send({ id, data: toEventView(event) })
    stream.onLeave(feed.listen(({ id, event }) => { stream.send({ id, data: toEventView(event) }) }))
    if (state.record !== null) stream.onLeave(manager.onEnd(state.record, () => { stream.close() }))
    admin.tell(request, 'watch', 1)
  })
}
