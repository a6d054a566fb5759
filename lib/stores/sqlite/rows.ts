import { expiresAt, noData } from '../../model/record.ts'
import type { EncodedData, EndedSession, EndReason, SessionRecord } from '../../model/record.ts'
import type { Row, SqliteValue } from './driver.ts'

/** The columns of a live session, in the order in which `toRecord` reads them. */
export const recordColumns = 'id, user_id, generation, hash, previous_hash, rotated_at, confirmed_at, created_at, authenticated_at, methods, last_seen_at, idle, absolute_at, requests, remembered, ip, agent, device, name, moved, first_ip, first_agent, data'
/** The columns of an ended session, in the order in which `toEndedSession` reads them. */
export const endedColumns = 'id, user_id, reason, ended_by, created_at, last_seen_at, ended_at, requests, remembered, ip, device, name'

// tables are STRICT: a text is a text; a handle may answer integers as BigInt
type Whole = number | bigint
type Text = string | null
type LiveRow = readonly [
  id: string, userId: Text, generation: Whole, hash: string, previousHash: Text, rotatedAt: Whole, confirmedAt: Whole | null, createdAt: Whole,
  authenticatedAt: Whole | null, methods: string, lastSeenAt: Whole, idle: Whole, absoluteAt: Whole, requests: Whole, remembered: Whole,
  ip: Text, agent: Text, device: Text, name: Text, moved: Whole, firstIp: Text, firstAgent: Text, data: Text
]
type EndedRow = readonly [
  id: string, userId: string, reason: EndReason, by: Text, createdAt: Whole, lastSeenAt: Whole, endedAt: Whole, requests: Whole, remembered: Whole,
  ip: Text, device: Text, name: Text
]

/** A live session, with the data that `toData` read. */
export function toRecord (row: Row, data: EncodedData): SessionRecord {
  const [id, userId, generation, hash, previousHash, rotatedAt, confirmedAt, createdAt, authenticatedAt, methods, lastSeenAt, idle, absoluteAt, requests, remembered, ip, agent, device, name, moved, firstIp, firstAgent] = row as LiveRow
  const elsewhere = Number(moved) === 1
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
    methods,
    lastSeenAt: Number(lastSeenAt),
    idle: Number(idle),
    absoluteAt: Number(absoluteAt),
    requests: Number(requests),
    remembered: Number(remembered) === 1,
    ip,
    agent,
    firstIp: elsewhere ? firstIp : ip,
    firstAgent: elsewhere ? firstAgent : agent,
    device,
    name,
    data
  }
}

/** The data of a row of `recordColumns`; `null` if somebody wrote what is no data. */
export function toData (row: Row): EncodedData | null {
  const text = row[22] as Text
  if (text === null) return noData
  const data = Object.create(null) as Record<string, string>
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

/** Data as a row keeps it; none takes no room. */
export function toText (data: EncodedData): Text {
  return Object.keys(data).length === 0 ? null : JSON.stringify(data)
}

/** The values of the statement `insert`. */
export function toValues (record: SessionRecord): readonly SqliteValue[] {
  const { ip, agent, firstIp, firstAgent } = record
  const moved = ip !== firstIp || agent !== firstAgent
  return [
    record.id, record.userId, record.generation, record.hash, record.previousHash, record.rotatedAt, record.confirmedAt, record.createdAt,
    record.authenticatedAt, record.methods, record.lastSeenAt, record.idle, record.absoluteAt, expiresAt(record), record.requests, Number(record.remembered),
    ip, agent, record.device, record.name, Number(moved), moved ? firstIp : null, moved ? firstAgent : null, toText(record.data)
  ]
}

/** What is left of a session that ended. */
export function toEndedSession (row: Row): EndedSession {
  const [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered, ip, device, name] = row as EndedRow
  return {
    id, userId, reason, by, createdAt: Number(createdAt), lastSeenAt: Number(lastSeenAt), endedAt: Number(endedAt), requests: Number(requests), remembered: Number(remembered) === 1, ip, device, name
  }
}

/** The values of the statement `remember`. */
export function toEndedValues (session: EndedSession): readonly SqliteValue[] {
  const { id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, remembered, ip, device, name } = session
  return [id, userId, reason, by, createdAt, lastSeenAt, endedAt, requests, Number(remembered), ip, device, name]
}

function instant (value: Whole | null): number | null {
  return value === null ? null : Number(value)
}
