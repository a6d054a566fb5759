import { expiresAt } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import { deviceLabel } from '../model/device.ts'
import type { Device } from '../model/device.ts'

/** The fields of a session that its user may see. Timestamps in milliseconds since the epoch. */
export interface SessionInfo {
  readonly id: string
  readonly userId: string | null
  readonly createdAt: number
  readonly authenticatedAt: number | null
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly absoluteExpiresAt: number
  readonly ip: string | null
  readonly userAgent: string | null
  readonly device: Device
  /** `Firefox on Linux` */
  readonly deviceLabel: string
  /** The name that its user gave the device. */
  readonly deviceName: string | null
  readonly requestCount: number
  readonly remembered: boolean
  readonly methods: readonly string[]
}

/** Returns what a user may see of a session. */
export function toInfo (record: SessionRecord): SessionInfo {
  const { id, userId, createdAt, authenticatedAt, lastSeenAt, absoluteExpiresAt, ip, userAgent } = record
  const { device, deviceName, requestCount, remembered, methods } = record
  return {
    id, userId, createdAt, authenticatedAt, lastSeenAt, expiresAt: expiresAt(record), absoluteExpiresAt, ip, userAgent,
    device, deviceLabel: deviceLabel(device), deviceName, requestCount, remembered, methods
  }
}
