import { expiresAt, expiryReason, noData, toEnded, toMethods, toMethodsText } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'
import type { ActivityUpdate, CreateOptions, SessionPatch, StatisticsSlice } from '../../store.ts'
import { decodeText, encodeText } from './json.ts'
import { toDevice, toDeviceText } from '../../model/device.ts'

/** The columns of `record_of` (shapes.sql) for a live session; the last is the clock. */
type RecordRow = readonly [
  id: string, userId: string | null, generation: number, hash: string, previousHash: string | null, rotatedAt: number,
  confirmedAt: number | null, createdAt: number, authenticatedAt: number | null, methods: string, lastSeenAt: number, idleTimeout: number,
  absoluteExpiresAt: number, requestCount: number, remembered: boolean, ip: string | null, userAgent: string | null, firstIp: string | null,
  firstUserAgent: string | null, device: string | null, deviceName: string | null,
  data: Readonly<Record<string, unknown>> | null, clock: number]

/** The columns of `ended_of` (shapes.sql) for an ended session. */
export type EndedRow = readonly [
  id: string, userId: string | null, reason: EndReason, by: string | null, createdAt: number, lastSeenAt: number, endedAt: number,
  requestCount: number, remembered: boolean, ip: string | null, device: string | null, deviceName: string | null]

/** The result of `find_session` (shapes.sql). */
export type KnownRow = RecordRow | EndedRow | null

export function toRecord (row: unknown): SessionRecord {
  const [id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods, lastSeenAt, idleTimeout,
    absoluteExpiresAt, requestCount, remembered, ip, userAgent, firstIp, firstUserAgent, device, deviceName, data] = row as RecordRow
  return {
    id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods: toMethods(methods), lastSeenAt,
    idleTimeout, absoluteExpiresAt, requestCount, remembered, ip, userAgent, firstIp, firstUserAgent, device: toDevice(device), deviceName,
    data: toData(data)
  }
}

export function toEndedSession (row: unknown): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device, deviceName] = row as EndedRow
  return { id, userId, reason, by, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device: toDevice(device), deviceName }
}

/** Returns the live session, its ended-session record, or `null`. `now`: used instead of the store's clock. */
export function toKnown (row: KnownRow, now: number | undefined): SessionRecord | EndedSession | null {
  if (row === null) return null
  if (row.length === 12) return toEndedSession(row)
  const record = toRecord(row)
  const at = expiresAt(record)
  return (now ?? row[22]) < at ? record : toEnded(record, { reason: expiryReason(record), by: null, at })
}

/** Returns the columns of a new session. Timestamps are milliseconds from the caller's current time, which the store's clock replaces. */
export function toColumns (record: SessionRecord, at: number): Record<string, unknown> {
  const ipChanged = record.ip !== record.firstIp
  const userAgentChanged = record.userAgent !== record.firstUserAgent
  return {
    id: record.id,
    user_id: record.userId,
    generation: record.generation,
    hash: record.hash,
    previous_hash: record.previousHash,
    rotated_at: since(record.rotatedAt, at),
    confirmed_at: record.confirmedAt === null ? null : since(record.confirmedAt, at),
    created_at: since(record.createdAt, at),
    authenticated_at: record.authenticatedAt === null ? null : since(record.authenticatedAt, at),
    methods: toMethodsText(record.methods),
    last_seen_at: since(record.lastSeenAt, at),
    idle_timeout: Math.round(record.idleTimeout),
    absolute_expires_at: since(record.absoluteExpiresAt, at),
    request_count: record.requestCount,
    remembered: record.remembered,
    ip_changed: ipChanged,
    user_agent_changed: userAgentChanged,
    ...ipChanged ? { ip: record.ip } : {},
    ...userAgentChanged ? { user_agent: record.userAgent } : {},
    first_ip: record.firstIp,
    first_user_agent: record.firstUserAgent,
    device: toDeviceText(record.device),
    device_name: record.deviceName,
    ...Object.keys(record.data).length === 0 ? {} : { data: encodeKeys(record.data) }
  }
}

export function toAdoption (adopts: CreateOptions['adopts'], at: number): CreateOptions['adopts'] {
  return adopts === null ? null : { key: adopts.key, until: since(adopts.until, at) }
}

/** Returns one touch as touch.sql reads it: short, because a batch has many. */
export function toTouchRow (touch: ActivityUpdate, at: number): readonly unknown[] {
  const { id, requestCount, seenAt, generation, ip, userAgent, device } = touch
  const row = [id, requestCount, seenAt === 0 ? null : since(seenAt, at), generation]
  if (ip === undefined && userAgent === undefined && device === undefined) return row
  return [...row, { ip, userAgent, device: device === undefined ? undefined : toDeviceText(device) }]
}

export function toSlice (row: readonly [node: string, start: number, interval: number, value: string, until: number]): StatisticsSlice {
  const [node, start, interval, value, until] = row
  return { node, start, interval, value, until }
}

/** A change as `update_session` reads it. */
export function toStoredPatch (change: SessionPatch): Record<string, unknown> {
  const { set, authenticate } = change
  return {
    ...change,
    ...set === undefined ? {} : { set: encodeKeys(set) },
    ...authenticate === undefined ? {} : { authenticate: { ...authenticate, methods: toMethodsText(authenticate.methods) } }
  }
}

/** Returns data as it is stored. Keys are the app's, and may contain any character. */
function encodeKeys (data: EncodedData): EncodedData {
  const encoded = Object.create(null) as Record<string, string>
  for (const key of Object.keys(data)) encoded[encodeText(key)] = data[key] as string
  return encoded
}

function toData (stored: Readonly<Record<string, unknown>> | null): EncodedData {
  if (stored === null) return noData
  const data = Object.create(null) as Record<string, string>
  // this package writes only texts: another program wrote any other value, which is itself the JSON
  for (const key of Object.keys(stored)) data[decodeText(key)] = typeof stored[key] === 'string' ? stored[key] : JSON.stringify(stored[key])
  return Object.freeze(data)
}

function since (instant: number, at: number): number {
  return Math.round(instant - at)
}
