import { newTexts } from '../../model/data.ts'
import { expiresAt, noData, toMethods, toMethodsText } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'
import type { Row, SqliteValue } from './driver.ts'
import { toDevice, toDeviceText } from '../../model/device.ts'

/** The columns of a live session, in the order in which `toRecord` reads them. */
export const recordColumns = 'id, user_id, generation, hash, previous_hash, rotated_at, confirmed_at, created_at, authenticated_at, ' +
  'methods, last_seen_at, idle_timeout, absolute_expires_at, request_count, remembered, ip, user_agent, device, device_name, ' +
  'client_changed, first_ip, first_user_agent, data'
/** The columns of an ended session, in the order in which `toEndedSession` reads them. */
export const endedColumns = 'id, user_id, reason, ended_by, created_at, last_seen_at, ended_at, ' +
  'request_count, remembered, ip, device, device_name'

// tables are STRICT: a text is a text; a driver may return integers as BigInt
type Whole = number | bigint
type Text = string | null
type LiveRow = readonly [
  id: string, userId: Text, generation: Whole, hash: string, previousHash: Text, rotatedAt: Whole, confirmedAt: Whole | null,
  createdAt: Whole, authenticatedAt: Whole | null, methods: string, lastSeenAt: Whole, idleTimeout: Whole, absoluteExpiresAt: Whole,
  requestCount: Whole, remembered: Whole, ip: Text, userAgent: Text, device: Text, deviceName: Text, clientChanged: Whole, firstIp: Text,
  firstUserAgent: Text, data: Text
]
type EndedRow = readonly [
  id: string, userId: string, reason: EndReason, by: Text, createdAt: Whole, lastSeenAt: Whole, endedAt: Whole,
  requestCount: Whole, remembered: Whole, ip: Text, device: Text, deviceName: Text
]

/** Returns a live session, with the data that `toData` returned. */
export function toRecord (row: Row, data: EncodedData): SessionRecord {
  const [
    id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods, lastSeenAt, idleTimeout,
    absoluteExpiresAt, requestCount, remembered, ip, userAgent, device, deviceName, clientChanged, firstIp, firstUserAgent
  ] = row as LiveRow
  const changed = Number(clientChanged) === 1
  return {
    id,
    userId,
    generation: Number(generation),
    hash,
    previousHash,
    rotatedAt: Number(rotatedAt),
    confirmedAt: instant(confirmedAt),
    createdAt: Number(createdAt),
    authenticatedAt: instant(authenticatedAt),
    methods: toMethods(methods),
    lastSeenAt: Number(lastSeenAt),
    idleTimeout: Number(idleTimeout),
    absoluteExpiresAt: Number(absoluteExpiresAt),
    requestCount: Number(requestCount),
    remembered: Number(remembered) === 1,
    ip,
    userAgent,
    firstIp: changed ? firstIp : ip,
    firstUserAgent: changed ? firstUserAgent : userAgent,
    device: toDevice(device),
    deviceName,
    data
  }
}

/** Returns the data of a row of `recordColumns`; `null` if the column has no valid data. */
export function toData (row: Row): EncodedData | null {
  const text = row[22] as Text
  if (text === null) return noData
  const data = newTexts()
  try {
    const parsed = JSON.parse(text) as Readonly<Record<string, unknown>>
    for (const key of Object.keys(parsed)) {
      const value = parsed[key]
      if (typeof value !== 'string') return null
      data[key] = value
    }
  } catch {
    return null
  }
  return Object.freeze(data)
}

/** Returns data as a row stores it; `null` for no data. */
export function toText (data: EncodedData): Text {
  return Object.keys(data).length === 0 ? null : JSON.stringify(data)
}

/** Returns the values of the statement `insert`. */
export function toValues (record: SessionRecord): readonly SqliteValue[] {
  const { ip, userAgent, firstIp, firstUserAgent } = record
  const changed = ip !== firstIp || userAgent !== firstUserAgent
  return [
    record.id, record.userId, record.generation, record.hash, record.previousHash, record.rotatedAt, record.confirmedAt, record.createdAt,
    record.authenticatedAt, toMethodsText(record.methods), record.lastSeenAt, record.idleTimeout, record.absoluteExpiresAt,
    expiresAt(record),
    record.requestCount, Number(record.remembered), ip, userAgent, toDeviceText(record.device), record.deviceName, Number(changed),
    changed ? firstIp : null,
    changed ? firstUserAgent : null, toText(record.data)
  ]
}

/** Returns an ended-session record from a row of `endedColumns`. */
export function toEndedSession (row: Row): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device, deviceName] = row as EndedRow
  return {
    id, userId, reason, by, createdAt: Number(createdAt), lastSeenAt: Number(lastSeenAt), endedAt: Number(endedAt),
    requestCount: Number(requestCount), remembered: Number(remembered) === 1, ip, device: toDevice(device), deviceName
  }
}

/** Returns the values of the statement `insertEnded`. */
export function toEndedValues (session: EndedSession): readonly SqliteValue[] {
  const { id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device, deviceName } = session
  return [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, Number(remembered), ip, toDeviceText(device), deviceName]
}

function instant (value: Whole | null): number | null {
  return value === null ? null : Number(value)
}
