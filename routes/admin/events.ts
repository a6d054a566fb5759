import { Type } from '@sinclair/typebox'
import type { RecentEvent } from '../../lib/admin/recent-events.ts'
import { SessionError } from '../../lib/errors.ts'
import { EventsReply } from '../event-stream.ts'
import type { EventStreams } from '../event-stream.ts'
import { strictObject } from '../schemas.ts'
import type { TypeBoxInstance } from '../typebox.ts'
import { pollConfig } from './context.ts'
import type { AdminContext } from './context.ts'
import { toEventView } from './schemas.ts'

const description = `Server-sent events: first the last ones that are stored (up to 200, and 200 about security), or those after
\`Last-Event-ID\`, then each as it happens. Data: \`at\` (ISO 8601), \`type\`, \`id\`, \`userId\`, \`level\`, \`security\`, \`text\`,
\`details\`. The stream closes when your session ends or you are no longer an admin.`

const Headers = Type.Object({ 'last-event-id': Type.Optional(Type.String({ description: 'Sent by browsers that reconnect' })) })

/** Registers the stream of all events: the ends of all nodes, and the other events of this node. */
export function adminEventRoutes (app: TypeBoxInstance, admin: AdminContext, streams: EventStreams): void {
  const { manager, recentEvents } = admin

  app.get('/events', {
    config: pollConfig,
    exposeHeadRoute: false,
    schema: {
      operationId: 'adminSessionEvents',
      summary: 'Live events',
      description,
      querystring: strictObject({}),
      headers: Headers,
      response: { 200: EventsReply }
    }
  }, async (request, reply) => {
    const state = admin.stateOf(request)
    await state.save()
    const stream = streams.open(reply, {
      onBeat: async () => {
        // the request was loaded when the stream opened: its session may have lost the permission since
        await state.reload()
        if (!await admin.isAllowed(request)) throw new SessionError('FST_SESSION_FORBIDDEN')
      }
    })
    const send = ({ id, event }: RecentEvent): void => { stream.send({ id, data: toEventView(event) }) }
    for (const item of recentEvents.items(request.headers['last-event-id'])) send(item)
    stream.onClose(recentEvents.listen(send))
    if (state.record !== null) stream.onClose(manager.onEnd(state.record, () => { stream.close() }))
    admin.report(request, 'watch', 1)
  })
}
