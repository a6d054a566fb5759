import { Type } from '@sinclair/typebox'
import type { Static, TObject } from '@sinclair/typebox'
import { expiresAt } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import { deviceLabel } from '../../lib/model/device.ts'
import { DeviceView, nullable, Reason, strictObject, Timestamp, toIso } from '../schemas.ts'

/** A live session as its user sees it. */
export const OwnSession = strictObject({
  id: Type.String({ description: 'Public id of the session; it cannot authenticate' }),
  current: Type.Boolean({ description: 'The session of this request' }),
  device: DeviceView,
  deviceLabel: Type.String({ description: 'Firefox on Linux' }),
  deviceName: nullable(Type.String({ description: 'The name that its user gave it' })),
  ip: nullable(Type.String()),
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
  expiresAt: Timestamp,
  remembered: Type.Boolean(),
  requestCount: Type.Integer()
})
export type OwnSession = Static<typeof OwnSession>

/** An ended session as its user sees it. */
export const OwnEndedSession = strictObject({
  id: Type.String(),
  device: DeviceView,
  deviceLabel: Type.String(),
  deviceName: nullable(Type.String()),
  ip: nullable(Type.String()),
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
  endedAt: Timestamp,
  reason: Reason
})
export type OwnEndedSession = Static<typeof OwnEndedSession>

/** The remaining time of a session. */
export const timeLeft = {
  now: Type.String({ description: "The server's time, ISO 8601" }),
  expiresAt: Timestamp,
  idleLeft: Type.Integer({ description: 'Seconds until the session ends without a request' }),
  absoluteLeft: Type.Integer({ description: 'Seconds until it ends in any case' })
}
type TimeLeft = Static<TObject<typeof timeLeft>>

export function toTimeLeft (record: SessionRecord, now: number): TimeLeft {
  const at = expiresAt(record)
  return {
    now: toIso(now),
    expiresAt: toIso(at),
    idleLeft: secondsUntil(at, now),
    absoluteLeft: secondsUntil(record.absoluteExpiresAt, now)
  }
}

export function toOwnSession (record: SessionRecord, currentId: string | null): OwnSession {
  const { id, remembered, requestCount } = record
  return { ...toCommon(record), current: id === currentId, expiresAt: toIso(expiresAt(record)), remembered, requestCount }
}

export function toOwnEndedSession (session: EndedSession): OwnEndedSession {
  return { ...toCommon(session), endedAt: toIso(session.endedAt), reason: session.reason }
}

/** Returns the fields that a user sees of live and ended sessions. */
function toCommon ({ id, device, deviceName, ip, createdAt, lastSeenAt }: SessionRecord | EndedSession) {
  return {
    id,
    device,
    deviceLabel: deviceLabel(device),
    deviceName,
    ip,
    createdAt: toIso(createdAt),
    lastSeenAt: toIso(lastSeenAt)
  }
}

function secondsUntil (at: number, now: number): number {
  return Math.max(0, Math.floor((at - now) / 1000))
}
