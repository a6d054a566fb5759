import { SessionError } from '../errors.ts'
import { compileFilter } from '../model/filter.ts'
import type { Filter } from '../model/filter.ts'
import { canonicalIp } from '../model/ip-address.ts'
import { endReasons } from '../model/record.ts'
import type { EndReason } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'

/** A filter in a query string, a body or a command line: timestamps are ISO 8601 or milliseconds since the epoch. */
export interface QueryInput {
  readonly userId?: string
  /** Default `live`; `reason`, `endedAfter` and `endedBefore` mean `ended`. */
  readonly state?: string
  readonly reason?: string
  readonly remembered?: boolean
  readonly guest?: boolean
  readonly ip?: string
  readonly browser?: string
  readonly os?: string
  readonly createdAfter?: string | number
  readonly createdBefore?: string | number
  readonly lastSeenAfter?: string | number
  readonly lastSeenBefore?: string | number
  readonly expiresAfter?: string | number
  readonly expiresBefore?: string | number
  readonly endedAfter?: string | number
  readonly endedBefore?: string | number
  readonly minRequests?: number
  readonly maxRequests?: number
  readonly search?: string
  /** Sessions that were live at this past time: those that are still live, and those that ended later and are in history. */
  readonly at?: string | number
}

/** A checked filter, and the kinds of sessions that it selects. */
export interface Query {
  readonly filter: Filter
  readonly state: 'live' | 'ended'
  /** A past time in milliseconds, which selects live and ended sessions; `null`: only those of `state`. */
  readonly at: number | null
}

const instants = [
  'createdAfter', 'createdBefore', 'lastSeenAfter', 'lastSeenBefore', 'expiresAfter', 'expiresBefore', 'endedAfter', 'endedBefore'
] as const
const endedOnly = ['reason', 'endedAfter', 'endedBefore'] as const
const liveOnly = ['expiresAfter', 'expiresBefore'] as const
const copied = ['remembered', 'guest', 'browser', 'os', 'minRequests', 'maxRequests', 'search'] as const

/** Checks a filter. Throws `FST_SESSION_INVALID_FILTER` with the expected value. */
export function parseQuery (input: QueryInput): Query {
  const filter: { -readonly [K in keyof Filter]: Filter[K] } = {}
  if (input.userId !== undefined) filter.userId = parseUserId(input.userId)
  if (input.reason !== undefined) filter.reason = toReason(input.reason)
  if (input.ip !== undefined) filter.ip = toNetwork(input.ip)
  for (const name of instants) {
    const value = input[name]
    if (value !== undefined) filter[name] = toTimestamp(value, name)
  }
  for (const name of copied) if (input[name] !== undefined) Object.assign(filter, { [name]: input[name] })
  compileFilter(filter)
  const at = input.at === undefined ? null : toTimestamp(input.at, 'at')
  return { filter, at, state: toState(input, at) }
}

/** Returns the same text for all queries of the same meaning. Tokens and cursors are bound to it. */
export function canonicalQuery (query: Query): string {
  const fields = Object.entries(query.filter).sort(([a], [b]) => a < b ? -1 : 1)
  return JSON.stringify([query.state, query.at, fields])
}

/** Returns whether a query selects all sessions. */
export function isEmptyQuery (query: Query): boolean {
  return query.at === null && query.state === 'live' && Object.keys(query.filter).length === 0
}

/** Parses a timestamp: ISO 8601 (UTC without a zone), a date, or milliseconds since the epoch. Throws `FST_SESSION_INVALID_FILTER`. */
export function toTimestamp (value: string | number, name: string): number {
  const text = String(value)
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  const timestamp = /^\d{1,16}$/.test(text)
    ? Number(text)
    : iso === null ? NaN : Date.parse(iso[1] !== undefined && iso[4] === undefined ? `${text}Z` : text)
  if (!(timestamp >= 0 && timestamp <= 8.64e15)) {
    throw invalidFilter(`expected \`${name}\` to be a timestamp such as 2026-01-31T12:00:00Z, or milliseconds since the epoch`)
  }
  return timestamp
}

/** Checks a user id that a client sent. Throws `FST_SESSION_INVALID_FILTER`: `FST_SESSION_INVALID_USER_ID` would blame the app. */
export function parseUserId (userId: string): string {
  try {
    return toUserId(userId)
  } catch {
    throw invalidFilter('expected `userId` to be a user id')
  }
}

/** Returns the error for an invalid filter. */
export function invalidFilter (why: string): SessionError {
  return new SessionError('FST_SESSION_INVALID_FILTER', { values: [why] })
}

function toState (input: QueryInput, at: number | null): Query['state'] {
  const { state } = input
  if (state !== undefined && state !== 'live' && state !== 'ended') throw invalidFilter('expected `state` to be live or ended')
  if (at !== null && state !== undefined) throw invalidFilter('expected either `at` or `state`')
  const ended = endedOnly.find(name => input[name] !== undefined)
  const live = liveOnly.find(name => input[name] !== undefined)
  if (ended !== undefined && (state === 'live' || live !== undefined || at !== null)) {
    throw invalidFilter(`expected \`${ended}\` with \`state\` ended, since only ended sessions have it`)
  }
  if (live !== undefined && (state === 'ended' || at !== null)) {
    throw invalidFilter(`expected \`${live}\` with \`state\` live, since only live sessions have it`)
  }
  return state ?? (ended === undefined ? 'live' : 'ended')
}

function toReason (text: string): EndReason {
  const reason = endReasons.find(reason => reason === text)
  if (reason === undefined) throw invalidFilter(`expected \`reason\` to be one of ${endReasons.join(', ')}`)
  return reason
}

/** Returns the canonical form, in which IP addresses are stored. */
function toNetwork (text: string): string {
  const [address = '', ...rest] = text.trim().split('/')
  return [canonicalIp(address) ?? address, ...rest].join('/')
}
