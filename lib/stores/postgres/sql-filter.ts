import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import { toRequest } from './json.ts'

/** A filter as filter.sql reads it: `filter` is JSON, `net` the network of its IP address. */
export interface SqlFilter {
  readonly filter: string
  readonly net: string | null
}

/** Prepares a filter for the server. Throws `FST_SESSION_INVALID_FILTER` if `compileFilter` does. */
export function toSqlFilter (filter: Filter): SqlFilter {
  compileFilter(filter)
  const { ip, browser, os, search } = filter
  return {
    filter: toRequest({
      userId: filter.userId,
      guest: filter.guest,
      remembered: filter.remembered,
      reason: filter.reason,
      browser: browser?.toLowerCase(),
      os: os?.toLowerCase(),
      search: search?.toLowerCase(),
      createdAfter: atLeast(filter.createdAfter),
      createdBefore: atLeast(filter.createdBefore),
      lastSeenAfter: atLeast(filter.lastSeenAfter),
      lastSeenBefore: atLeast(filter.lastSeenBefore),
      expiresAfter: atLeast(filter.expiresAfter),
      expiresBefore: atLeast(filter.expiresBefore),
      endedAfter: atLeast(filter.endedAfter),
      endedBefore: atLeast(filter.endedBefore),
      minRequests: atLeast(filter.minRequests),
      maxRequests: filter.maxRequests === undefined ? undefined : whole(Math.floor(filter.maxRequests))
    }),
    // a zone names an interface of one machine: stored addresses have no zone
    net: ip?.replace(/%[^/]*/, '') ?? null
  }
}

/** Rounds up, because the store has whole milliseconds: `>= 5.5` and `< 5.5` mean 6. */
function atLeast (value: number | undefined): number | undefined {
  return value === undefined ? undefined : whole(Math.ceil(value))
}

/** Limits a number to the range of a bigint, beyond which no session matches. */
function whole (value: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}
