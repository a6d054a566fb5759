import { Type } from '@sinclair/typebox'
import type { Static, TObject, TProperties } from '@sinclair/typebox'
import { deviceLabel } from '../lib/agent.ts'
import { expiresAt } from '../lib/record.ts'
import type { EndedSession, SessionRecord } from '../lib/record.ts'
import { endReasons } from '../lib/record.ts'

/** An object that refuses what it does not name. */
export function closed <T extends TProperties> (properties: T, options: { readonly $id?: string, readonly description?: string } = {}): TObject<T> {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

export const Instant = Type.String({ description: 'ISO 8601, UTC' })
export const Reason = Type.Unsafe<EndedSession['reason']>(Type.String({ enum: [...endReasons] }))

/** What an error answers: Fastify's shape. Open, and nothing is required, so that an error handler of the app can answer in a shape of its own. */
export const ErrorReply = Type.Partial(Type.Object({
  statusCode: Type.Integer(),
  error: Type.String({ description: 'The status in words' }),
  code: Type.String({ description: 'What programs tell errors apart by' }),
  message: Type.String(),
  reason: Type.String({ description: 'Why the session ended, where one did' })
}, { additionalProperties: true }))

/** A live session as its user sees it. */
export const Device = closed({
  id: Type.String({ description: 'Public name of the session; opens nothing' }),
  current: Type.Boolean({ description: 'The session of this request' }),
  device: Type.String({ description: 'Firefox on Linux' }),
  type: Type.String({ description: 'desktop, mobile, tablet, tool, … or empty' }),
  name: Type.Union([Type.String(), Type.Null()], { description: 'What its user calls it' }),
  ip: Type.Union([Type.String(), Type.Null()]),
  createdAt: Instant,
  lastSeenAt: Instant,
  expiresAt: Instant,
  remembered: Type.Boolean(),
  requests: Type.Integer()
})
export type Device = Static<typeof Device>

/** An ended session as its user sees it. */
export const EndedDevice = closed({
  id: Type.String(),
  device: Type.String(),
  type: Type.String(),
  name: Type.Union([Type.String(), Type.Null()]),
  ip: Type.Union([Type.String(), Type.Null()]),
  createdAt: Instant,
  lastSeenAt: Instant,
  endedAt: Instant,
  reason: Reason
})
export type EndedDevice = Static<typeof EndedDevice>

export function toDevice (record: SessionRecord, currentId: string | null): Device {
  const { id, device, name, ip, createdAt, lastSeenAt, remembered, requests } = record
  return {
    id, current: id === currentId, device: deviceLabel(device), type: deviceType(device), name, ip, createdAt: iso(createdAt), lastSeenAt: iso(lastSeenAt),
    expiresAt: iso(expiresAt(record)), remembered, requests
  }
}

export function toEndedDevice (session: EndedSession): EndedDevice {
  const { id, device, name, ip, createdAt, lastSeenAt, endedAt, reason } = session
  return { id, device: deviceLabel(device), type: deviceType(device), name, ip, createdAt: iso(createdAt), lastSeenAt: iso(lastSeenAt), endedAt: iso(endedAt), reason }
}

export function iso (instant: number): string {
  return new Date(instant).toISOString()
}

/** desktop, mobile, tablet, tool, … or empty. */
export function deviceType (device: string | null): string {
  return (device ?? '').split('|')[2] ?? ''
}
