import { eventMeanings, migrationOf } from '../events/events.ts'
import type { SessionEvent } from '../events/events.ts'
import { ipGroupOf } from '../model/ip-address.ts'
import type { EndReason } from '../model/record.ts'
import type { StatisticsSlice } from '../store.ts'
import { shardOfId } from '../token/token.ts'
import { TopK, withoutKey, withoutUser } from './top-k.ts'
import type { TopsJson } from './top-k.ts'

export const minute = 60_000
export const hour = 60 * minute
/** The short time buckets; the long ones are an hour. */
export const fiveMinutes = 5 * minute
const day = 24 * hour
/** Retention of slices: two hours for the short ones, 32 days for the others. */
export const retention = (interval: number): number => interval === hour ? 32 * day : 2 * hour
/** Bounds of lifetimes. */
export const lifetimeBounds = [minute, 10 * minute, hour, 6 * hour, day, 7 * day] as const
const maxBytes = 16 * 1024

/** The counts of one time bucket. */
export interface BucketCounts {
  created: number
  /** How many of the created sessions are remembered. */
  remembered: number
  requests: number
  /** Ended sessions by reason. */
  ended: Partial<Record<EndReason, number>>
  /** Security events by type. */
  security: Record<string, number>
  /** Credentials of other libraries, by source and result. */
  migration: Record<string, number>
  /** Lifetimes of ended sessions, by bound. */
  lifetimes: number[]
}

/**
 * The statistics of one node and one time bucket as a store keeps them. Keys are short because many slices are stored: `c` created,
 * `m` remembered, `q` requests, `e` ended, `s` security, `a` migration, `l` lifetimes; the top IP addresses, browsers, systems and users.
 */
export interface SliceJson {
  readonly c: number
  readonly m: number
  readonly q: number
  readonly e: BucketCounts['ended']
  readonly s: BucketCounts['security']
  readonly a: BucketCounts['migration']
  readonly l: BucketCounts['lifetimes']
  readonly ip: TopsJson
  readonly br: TopsJson
  readonly os: TopsJson
  readonly us: TopsJson
}

/** An event with the values that its time buckets count, computed once. */
export interface CountedEvent {
  readonly event: SessionEvent
  readonly migration: ReturnType<typeof migrationOf>
  readonly creation: {
    readonly remembered: boolean
    /** The shard: eight bits of a hash of the user, from the session's id. `null`: a guest. */
    readonly userHash: number | null
    readonly ip: string | null
    readonly browser: string
    readonly os: string
    readonly userId: string | null
  } | null
}

/** Returns the values of an event that statistics count. */
export function toCountedEvent (event: SessionEvent): CountedEvent {
  const migration = migrationOf(event)
  if (event.type !== 'created') return { event, migration, creation: null }
  const { remembered, ip, device, userId } = event
  return {
    event,
    migration,
    creation: {
      remembered,
      userHash: userId === null ? null : shardOfId(event.id as string),
      ip: ip === null ? null : ipGroupOf(ip),
      browser: device.browser ?? 'Unknown',
      os: device.os ?? 'Unknown',
      userId
    }
  }
}

/** The statistics of one time bucket. */
export class Bucket {
  readonly start: number
  readonly interval: number
  readonly counts: BucketCounts = {
    created: 0,
    remembered: 0,
    requests: 0,
    ended: {},
    security: {},
    migration: {},
    lifetimes: Array<number>(lifetimeBounds.length + 1).fill(0)
  }

  readonly tops = { ips: new TopK(), browsers: new TopK(), os: new TopK(), users: new TopK() }
  changed = false

  constructor (start: number, interval: number) {
    this.start = start
    this.interval = interval
  }

  count (counted: CountedEvent): void {
    const { counts, tops } = this
    const { event, migration, creation } = counted
    if (migration !== null) increase(counts.migration, `${migration.source} ${migration.result}`, migration.count)
    if (creation !== null) {
      const { userHash } = creation
      counts.created++
      if (creation.remembered) counts.remembered++
      if (creation.ip !== null) tops.ips.add(creation.ip, userHash)
      tops.browsers.add(creation.browser, userHash)
      tops.os.add(creation.os, userHash)
      if (creation.userId !== null) tops.users.add(creation.userId, userHash)
    } else if (event.type === 'ended') {
      increase(counts.ended, event.reason, 1)
      const lived = event.session.endedAt - event.session.createdAt
      const place = lifetimeBounds.findIndex(bound => lived < bound)
      const index = place === -1 ? lifetimeBounds.length : place
      counts.lifetimes[index] = counts.lifetimes[index] as number + 1
    } else if (eventMeanings[event.type].security) {
      increase(counts.security, event.type, 'count' in event ? event.count : 1)
    }
  }

  /** Adds the counts of a slice. */
  add ({ c, m, q, e, s, a, l }: SliceJson): void {
    const { counts } = this
    counts.created += c
    counts.remembered += m
    counts.requests += q
    for (const [reason, count] of Object.entries(e)) increase(counts.ended, reason as EndReason, count)
    for (const [type, count] of Object.entries(s)) increase(counts.security, type, count)
    for (const [key, count] of Object.entries(a)) increase(counts.migration, key, count)
    l.forEach((count, i) => { counts.lifetimes[i] = counts.lifetimes[i] as number + count })
  }

  /** Adds the top entries of a slice. */
  merge ({ ip, br, os, us }: SliceJson): void {
    const { tops } = this
    tops.ips.merge(ip)
    tops.browsers.merge(br)
    tops.os.merge(os)
    tops.users.merge(us)
  }

  /** Deletes the user from the top entries, and the IP addresses that only this user has. */
  forget ({ userId, userHash }: ForgottenUser): void {
    this.tops.users.delete(userId)
    this.tops.ips.deleteOfUser(userHash)
    this.changed = true
  }

  /** Returns the slice for the store, with as many top entries as fit. */
  toSlice (node: string): StatisticsSlice {
    const { start, interval, tops } = this
    const { created: c, remembered: m, requests: q, ended: e, security: s, migration: a, lifetimes: l } = this.counts
    let text = ''
    for (let share = interval === hour ? 1 : 0.25; text === '' || Buffer.byteLength(text) > maxBytes; share /= 2) {
      const [ip, br] = [tops.ips.toJSON(80 * share), tops.browsers.toJSON(24 * share)]
      const [os, us] = [tops.os.toJSON(16 * share), tops.users.toJSON(60 * share)]
      text = JSON.stringify({ c, m, q, e, s, a, l, ip, br, os, us } satisfies SliceJson)
    }
    return { node, start, interval, value: text, until: start + retention(interval) }
  }
}

/** A user whose entries are deleted, and the eight bits by which the top entries count users. */
export interface ForgottenUser {
  readonly userId: string
  readonly userHash: number
}

/** Returns a slice without the user, and without the IP addresses that only this user has; `null` if it has neither. */
export function withoutUserOf (slice: StatisticsSlice, { userId, userHash }: ForgottenUser): StatisticsSlice | null {
  const value = JSON.parse(slice.value) as SliceJson
  const us = withoutKey(value.us, userId)
  const ip = withoutUser(value.ip, userHash)
  if (us.length === value.us.length && ip.length === value.ip.length) return null
  return { ...slice, value: JSON.stringify({ ...value, us, ip }) }
}

function increase <K extends string> (counts: Partial<Record<K, number>>, key: K, by: number): void {
  counts[key] = (counts[key] ?? 0) + by
}
