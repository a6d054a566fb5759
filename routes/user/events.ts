import { expiresAt, hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import type { SessionAccess } from '../access.ts'
import { EventsReply } from '../event-stream.ts'
import type { EventStreams } from '../event-stream.ts'
import { toIso } from '../schemas.ts'
import type { TypeBoxInstance } from '../typebox.ts'
import { ExpiryWarnings } from './expiry-warnings.ts'
import { toTimeLeft } from './schemas.ts'

export interface UserEventOptions extends SessionAccess {
  readonly streams: EventStreams
  /** Milliseconds before the end of a session at which its pages are warned. */
  readonly warning: number
}

const description = `Server-sent events: \`session\` first, and after an extension; \`expiring\` shortly before the expiry;
\`ended\` with the reason, then the stream closes; \`devices\` when another session of yours began or ended.
Data of the first two: \`now\`, \`expiresAt\` (ISO 8601), \`idleLeft\`, \`absoluteLeft\` (seconds), \`extendable\` (a refresh would help).`

/** Registers the stream by which a page learns that its session has ended, or is about to (WCAG 2.2.1). Listening does not extend it. */
export function userEventRoutes (app: TypeBoxInstance, { manager, stateOf, streams, warning }: UserEventOptions): void {
  const warnings = new ExpiryWarnings({
    get: id => manager.get(id),
    now: () => manager.now(),
    warning,
    every: Math.max(manager.settings.flushInterval, 10)
  })
  const rooms = new Map<string, Set<DeviceListener>>()
  const notify = ({ id, userId }: { readonly id: string | null, readonly userId: string | null }): void => {
    if (userId !== null) for (const listener of rooms.get(userId) ?? []) listener(id)
  }
  const stops = [manager.on('created', notify), manager.on('ended', notify), manager.onRemoteEnd(notify)]
  app.addHook('preClose', async function sessionEventsPreClose () {
    for (const stop of stops) stop()
    await warnings.close()
  })

  app.get('/events', {
    config: { session: { required: true, passive: true }, rateLimit: { max: 60, timeWindow: '1 minute' } },
    exposeHeadRoute: false,
    schema: {
      operationId: 'sessionEvents',
      summary: 'Notifies when the current session ends, or is about to',
      description,
      response: { 200: EventsReply }
    }
  }, async (request, reply) => {
    const state = stateOf(request)
    // the route is required
    const record = state.record as SessionRecord
    await state.save()
    const stream = streams.open(reply)
    const sendTime = (record: SessionRecord, event: 'expiring' | 'session'): void => {
      stream.send({ event, data: { ...toTimeLeft(record, manager.now()), extendable: expiresAt(record) < record.absoluteExpiresAt } })
    }
    const end = (session: EndedSession | null): void => {
      stream.send({ event: 'ended', data: { reason: session?.reason ?? null, endedAt: toIso(session?.endedAt ?? manager.now()) } })
      stream.close()
    }
    // it may have ended after its validation; if the store fails, `onEnd` checks again
    const found = await manager.get(record.id).catch(() => record)
    if (found === null || hasEnded(found)) { end(found); return }
    stream.onClose(manager.onEnd(record, end))
    stream.onClose(warnings.watch(record, ({ record, expiring }) => { sendTime(record, expiring ? 'expiring' : 'session') }))
    stream.onClose(joinRoom(rooms, record.userId as string, id => {
      if (id !== record.id) stream.send({ event: 'devices', data: {} })
    }))
    sendTime(found, 'session')
  })
}

/** Receives the id of a session of the user that began or ended. */
type DeviceListener = (id: string | null) => void

/** Adds a listener for a user. Returns a function that removes it. */
function joinRoom (rooms: Map<string, Set<DeviceListener>>, userId: string, listener: DeviceListener): () => void {
  const room = rooms.get(userId) ?? new Set()
  rooms.set(userId, room.add(listener))
  return () => {
    room.delete(listener)
    if (room.size === 0) rooms.delete(userId)
  }
}
