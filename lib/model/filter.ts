import { SessionError } from '../errors.ts'
import { isBlockId } from '../token/token.ts'
import { toDeviceText } from './device.ts'
import { compileNetwork } from './ip-network.ts'
import { expiresAt, hasEnded } from './record.ts'
import type { EndedSession, EndReason, SessionRecord } from './record.ts'

/**
 * Selects sessions, for list, count, export and revoke. Conditions are combined with AND. Timestamps are milliseconds on the store's
 * clock; `After` includes the timestamp, `Before` does not.
 */
export interface Filter {
  /** The owner, exactly. */
  readonly userId?: string
  /** Only guests, or only sessions with an owner. */
  readonly guest?: boolean
  readonly remembered?: boolean
  /** Why the session ended. For ended sessions only; live ones never match. */
  readonly reason?: EndReason
  /** The last IP address: one address, or a network in CIDR notation (RFC 4632, RFC 4291). */
  readonly ip?: string
  /** Browser family without version, such as `Firefox`; case-insensitive. */
  readonly browser?: string
  /** Operating system, such as `Windows`; case-insensitive. */
  readonly os?: string
  readonly createdAfter?: number
  readonly createdBefore?: number
  readonly lastSeenAfter?: number
  readonly lastSeenBefore?: number
  readonly expiresAfter?: number
  readonly expiresBefore?: number
  /** For ended sessions only; live ones never match. */
  readonly endedAfter?: number
  readonly endedBefore?: number
  /** Minimum and maximum of `requestCount`. */
  readonly minRequests?: number
  readonly maxRequests?: number
  /** Text in the user id, IP address, device or device name, or at the start of the session id; case-insensitive. */
  readonly search?: string
}

/** Decides whether one session matches. */
export type Matcher = (session: SessionRecord | EndedSession) => boolean

/**
 * Compiles a filter for many sessions. Marks that block legacy credentials never match. Throws `FST_SESSION_INVALID_FILTER` for an invalid
 * IP address.
 */
export function compileFilter (filter: Filter): Matcher {
  const inNetwork = filter.ip === undefined ? null : toNetwork(filter.ip)
  const search = filter.search?.toLowerCase()
  const browser = filter.browser?.toLowerCase()
  const system = filter.os?.toLowerCase()
  return session => {
    if (isBlockId(session.id)) return false
    if (filter.userId !== undefined && session.userId !== filter.userId) return false
    if (filter.guest !== undefined && (session.userId === null) !== filter.guest) return false
    if (filter.remembered !== undefined && session.remembered !== filter.remembered) return false
    if (!within(session.createdAt, filter.createdAfter, filter.createdBefore)) return false
    if (!within(session.lastSeenAt, filter.lastSeenAfter, filter.lastSeenBefore)) return false
    if (session.requestCount < (filter.minRequests ?? 0) || session.requestCount > (filter.maxRequests ?? Infinity)) return false
    if (!matchesLife(filter, session)) return false
    if (inNetwork !== null && (session.ip === null || !inNetwork(session.ip))) return false
    if (browser !== undefined && (session.device.browser ?? '').toLowerCase() !== browser) return false
    if (system !== undefined && (session.device.os ?? '').toLowerCase() !== system) return false
    return search === undefined || mentions(session, search)
  }
}

/** Checks the conditions that apply only to live, or only to ended sessions. */
function matchesLife (filter: Filter, session: SessionRecord | EndedSession): boolean {
  if (hasEnded(session)) {
    return (filter.reason === undefined || session.reason === filter.reason) &&
      within(session.endedAt, filter.endedAfter, filter.endedBefore) &&
      filter.expiresAfter === undefined && filter.expiresBefore === undefined
  }
  return filter.reason === undefined && filter.endedAfter === undefined && filter.endedBefore === undefined &&
    within(expiresAt(session), filter.expiresAfter, filter.expiresBefore)
}

function within (timestamp: number, after: number | undefined, before: number | undefined): boolean {
  return timestamp >= (after ?? -Infinity) && timestamp < (before ?? Infinity)
}

function mentions (session: SessionRecord | EndedSession, search: string): boolean {
  return session.id.toLowerCase().startsWith(search) ||
    [session.userId, session.ip, toDeviceText(session.device), session.deviceName].some(text => text?.toLowerCase().includes(search))
}

/** Throws `FST_SESSION_INVALID_FILTER` if the text is neither an IP address nor a network. */
function toNetwork (text: string): (ip: string) => boolean {
  const inNetwork = compileNetwork(text)
  if (inNetwork === null) {
    throw new SessionError('FST_SESSION_INVALID_FILTER', { values: ['expected `ip` to be an address or a network such as 192.0.2.0/24'] })
  }
  return inNetwork
}
