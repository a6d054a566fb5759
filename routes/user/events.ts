import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { SessionManager } from '../../lib/manager/manager.ts'
import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import type { SessionState } from '../../lib/session/state.ts'
import type { EventStreams } from '../event-stream.ts'
import { ErrorReply, iso } from '../schemas.ts'
import { withTypeBox } from '../typebox.ts'
import { Deadlines } from './expiry-warnings.ts'

/** What the live events of a user need from the plugin. */
export interface EventRouteOptions {
  readonly manager: SessionManager
  readonly stateOf: (request: FastifyRequest) => SessionState
  readonly streams: EventStreams
  /** Milliseconds before the end from which on a page is told. */
  readonly warning: number
  readonly security: string | undefined
}

const description = `Server-sent events: \`session\` at first, and whenever an end that was near has moved away; \`expiring\` when the end is near; \`ended\` with the reason, then the stream closes; \`devices\` when another session of yours began or ended.
Data of the first two: \`now\`, \`expiresAt\` (ISO 8601), \`idleLeft\`, \`absoluteLeft\` (seconds), \`extendable\` (a refresh would help).`

/** A page learns that its session has ended, or is about to (WCAG 2.2.1). Listening does not extend it. */
export async function eventRoutes (scope: FastifyInstance, options: EventRouteOptions): Promise<void> {
  const { manager, stateOf, streams, security, warning } = options
  const deadlines = new Deadlines({ get: id => manager.get(id), now: () => manager.now(), warning, every: Math.max(manager.settings.flush, 10) })
  const devices = new Map<string, Set<(id: string | null) => void>>()
  const tellDevices = ({ id, userId }: { readonly id: string | null, readonly userId: string | null }): void => {
    if (userId !== null) for (const tell of devices.get(userId) ?? []) tell(id)
  }
  const stops = [manager.on('created', tellDevices), manager.on('ended', tellDevices), manager.onEndElsewhere(tellDevices)]
  scope.addHook('preClose', async function sessionEventsPreClose () {
    for (const stop of stops) stop()
    await deadlines.close()
  })

  withTypeBox(scope).get('/events', {
    config: { session: { required: true, passive: true }, rateLimit: { max: 60, timeWindow: '1 minute' } },
    exposeHeadRoute: false,
    schema: {
      tags: ['sessions'], ...security === undefined ? {} : { security: [{ [security]: [] }] }, operationId: 'sessionEvents', summary: 'Told when the current session ends, or is about to', description,
      response: { 200: { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } }, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    const state = stateOf(request)
    // the route is required
    const record = state.record as SessionRecord
    await state.save()
    const stream = streams.open(reply)
    const end = (session: EndedSession | null): void => {
      stream.send({ event: 'ended', data: { reason: session?.reason ?? null, endedAt: iso(session?.endedAt ?? manager.now()) } })
      stream.close()
    }
    stream.onLeave(manager.onEnd(record, end))
    stream.onLeave(deadlines.watch(record, ({ record, near }) => { stream.send({ event: near ? 'expiring' : 'session', data: toDeadline(record, manager.now()) }) }))
    stream.onLeave(joinDevices(devices, record.userId as string, id => { if (id !== record.id) stream.send({ event: 'devices', data: {} }) }))
    // it may have ended between the cookie and here
    const found = await manager.get(record.id)
    if (found === null || hasEnded(found)) end(found)
    else stream.send({ event: 'session', data: toDeadline(found, manager.now()) })
  })
}

/** Puts a listener into the room of its user. Returns what takes it out again. */
function joinDevices <T> (rooms: Map<string, Set<T>>, userId: string, listener: T): () => void {
  const room = rooms.get(userId) ?? new Set()
  rooms.set(userId, room.add(listener))
  return () => {
    room.delete(listener)
    if (room.size === 0) rooms.delete(userId)
  }
}

function toDeadline (record: SessionRecord, now: number): Record<string, unknown> {
  const at = expiresAt(record)
  return {
    now: iso(now),
    expiresAt: iso(at),
    idleLeft: Math.max(0, Math.floor((at - now) / 1000)),
    absoluteLeft: Math.max(0, Math.floor((record.absoluteAt - now) / 1000)),
    extendable: at < record.absoluteAt
  }
}
