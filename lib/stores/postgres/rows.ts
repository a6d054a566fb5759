import { expiresAt, expiryReason, noData, toEnded } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'
import type { CreateOptions, Slice, Touch } from '../../store.ts'
import { decodeText, encodeText } from './json.ts'

/** What `record_of` (shapes.sql) tells of a live session; the last is the clock. */
type RecordRow = readonly [
  id: string, userId: string | null, generation: number, hash: string, previousHash: string | null, rotatedAt: number, confirmedAt: number | null,
  createdAt: number, authenticatedAt: number | null, methods: string, lastSeenAt: number, idle: number, absoluteAt: number, requests: number,
  remembered: boolean, ip: string | null, agent: string | null, firstIp: string | null, firstAgent: string | null, device: string | null,
  name: string | null, data: Readonly<Record<string, unknown>> | null, clock: number]

/** What `ended_of` (shapes.sql) tells of an ended session. */
export type EndedRow = readonly [
  id: string, userId: string | null, reason: EndReason, by: string | null, createdAt: number, lastSeenAt: number, endedAt: number,
  requests: number, remembered: boolean, ip: string | null, device: string | null, name: string | null]

/** What is known of an id. */
export type KnownRow = RecordRow | EndedRow | null

export function toRecord (row: unknown): SessionRecord {
  const [id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods, lastSeenAt, idle, absoluteAt,
    requests, remembered, ip, agent, firstIp, firstAgent, device, name, data] = row as RecordRow
  return {
    id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods, lastSeenAt, idle, absoluteAt,
    requests, remembered, ip, agent, firstIp, firstAgent, device, name, data: toData(data)
  }
}

export function toEndedSession (row: unknown): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered, ip, device, name] = row as EndedRow
  return { id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered, ip, device, name }
}

/** The live session, or what is left of it, or `null`. `now`: instead of the store's clock. */
export function toKnown (row: KnownRow, now: number | undefined): SessionRecord | EndedSession | null {
  if (row === null) return null
  if (row.length === 12) return toEndedSession(row)
  const record = toRecord(row)
  const at = expiresAt(record)
  return (now ?? row[22]) < at ? record : toEnded(record, { reason: expiryReason(record), by: null, at })
}

/** The columns of a new session. Instants as milliseconds from the caller's present, which the store's clock replaces. */
export function toColumns (record: SessionRecord, at: number): Record<string, unknown> {
  const ipMoved = record.ip !== record.firstIp
  const agentMoved = record.agent !== record.firstAgent
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
    methods: record.methods,
    last_seen_at: since(record.lastSeenAt, at),
    idle: Math.round(record.idle),
    absolute_at: since(record.absoluteAt, at),
    requests: record.requests,
    remembered: record.remembered,
    ip_moved: ipMoved,
    agent_moved: agentMoved,
    ...ipMoved ? { ip: record.ip } : {},
    ...agentMoved ? { agent: record.agent } : {},
    first_ip: record.firstIp,
    first_agent: record.firstAgent,
    device: record.device,
    name: record.name,
    ...Object.keys(record.data).length === 0 ? {} : { data: encodeKeys(record.data) }
  }
}

export function toAdoption (adopts: CreateOptions['adopts'], at: number): CreateOptions['adopts'] {
  return adopts === null ? null : { key: adopts.key, until: since(adopts.until, at) }
}

/** One touch as touch.sql reads it: short, because there are many. */
export function toTouchRow (touch: Touch, at: number): readonly unknown[] {
  const { id, requests, seenAt, generation, ip, agent, device } = touch
  const row = [id, requests, seenAt === 0 ? null : since(seenAt, at), generation]
  return ip === undefined && agent === undefined && device === undefined ? row : [...row, { ip, agent, device }]
}

export function toSlice (row: readonly [node: string, at: number, span: number, value: string, until: number]): Slice {
  const [node, at, span, value, until] = row
  return { node, at, span, value, until }
}

/** Data as it is stored: keys are the app's, and may hold anything. */
export function encodeKeys (data: EncodedData): EncodedData {
  const encoded = Object.create(null) as Record<string, string>
  for (const key of Object.keys(data)) encoded[encodeText(key)] = data[key] as string
  return encoded
}

function toData (stored: Readonly<Record<string, unknown>> | null): EncodedData {
  if (stored === null) return noData
  const data = Object.create(null) as Record<string, string>
  // a value that is no text was put there by somebody else: it is the JSON that it is
  for (const key of Object.keys(stored)) data[decodeText(key)] = typeof stored[key] === 'string' ? stored[key] : JSON.stringify(stored[key])
  return Object.freeze(data)
}

function since (instant: number, at: number): number {
  return Math.round(instant - at)
}
