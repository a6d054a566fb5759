import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { expiresAt } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import { deviceLabel, deviceType } from '../../lib/model/user-agent.ts'
import { closed, Instant, iso, Reason } from '../schemas.ts'

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
