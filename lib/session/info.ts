import { expiresAt } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import { deviceLabel } from '../model/user-agent.ts'

/** What the server knows of a session, for its user to see. Instants in milliseconds since the epoch. */
export interface SessionInfo {
  readonly id: string
  readonly userId: string | null
  readonly createdAt: number
  readonly authenticatedAt: number | null
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly absoluteAt: number
  readonly ip: string | null
  readonly agent: string | null
  /** `Firefox on Linux` */
  readonly device: string
  readonly name: string | null
  readonly requests: number
  readonly remembered: boolean
  readonly methods: readonly string[]
}

/** What a user may see of a session. */
export function toInfo (record: SessionRecord): SessionInfo {
  const { id, userId, createdAt, authenticatedAt, lastSeenAt, absoluteAt, ip, agent, name, requests, remembered } = record
  return {
    id, userId, createdAt, authenticatedAt, lastSeenAt, expiresAt: expiresAt(record), absoluteAt, ip, agent, device: deviceLabel(record.device),
    name, requests, remembered, methods: record.methods === '' ? [] : record.methods.split(' ')
  }
}
