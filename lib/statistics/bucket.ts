import { eventMeanings, legacyOf } from '../events/events.ts'
import type { SessionEvent } from '../events/events.ts'
import { addressGroup } from '../model/ip-address.ts'
import type { EndReason } from '../model/record.ts'
import { browserOf, systemOf } from '../model/user-agent.ts'
import type { Slice } from '../store.ts'
import { shardOfId } from '../token/token.ts'
import { Tops } from './top-k.ts'
import type { TopsJson } from './top-k.ts'

export const minute = 60_000
export const hour = 60 * minute
/** The short stretches; the long ones are an hour. */
export const fine = 5 * minute
const day = 24 * hour
/** How long slices are kept: two hours of the short ones, a month and a bit of the others. */
const kept = (span: number): number => span === hour ? 32 * day : 2 * hour
/** Bounds of lifetimes. */
export const lifetimeBounds = [minute, 10 * minute, hour, 6 * hour, day, 7 * day] as const
const maxBytes = 16 * 1024

/** What one node writes of one stretch, as JSON. Keys are short because many are kept. */
export interface SliceValue {
  /** Created, and how many of them remembered; requests. */
  c: number
  m: number
  q: number
  /** Ended by reason, security events by type. */
  e: Partial<Record<EndReason, number>>
  s: Record<string, number>
  /** What happened to credentials of other libraries, by source and result. */
  a: Record<string, number>
  /** Lifetimes of ended sessions, by bound. */
  l: number[]
}

/** And of the most frequent addresses, browsers, systems and users. */
export interface SliceJson extends SliceValue {
  ip: TopsJson
  br: TopsJson
  os: TopsJson
  us: TopsJson
}

/** An event, with what each stretch that it falls into needs to know of it: found out once. */
export interface Counted {
  readonly event: SessionEvent
  readonly legacy: ReturnType<typeof legacyOf>
  readonly creation: {
    readonly remembered: boolean
    /** The shard: eight bits of a hash of the user, already there. `null`: nobody. */
    readonly mark: number | null
    readonly ip: string | null
    readonly browser: string
    readonly system: string
    readonly userId: string | null
  } | null
}

/** What an event adds to statistics. */
export function toCounted (event: SessionEvent): Counted {
  const legacy = legacyOf(event)
  if (event.type !== 'created') return { event, legacy, creation: null }
  const { remembered, ip, device, userId } = event
  return {
    event,
    legacy,
    creation: {
      remembered,
      mark: userId === null ? null : shardOfId(event.id as string),
      ip: ip === null ? null : addressGroup(ip),
      browser: browserOf(device) || 'Unknown',
      system: systemOf(device) || 'Unknown',
      userId
    }
  }
}

/** The numbers of one stretch of time. */
export class Stretch {
  readonly at: number
  readonly span: number
  readonly value: SliceValue = { c: 0, m: 0, q: 0, e: {}, s: {}, a: {}, l: Array<number>(lifetimeBounds.length + 1).fill(0) }
  readonly tops = { ip: new Tops(), br: new Tops(), os: new Tops(), us: new Tops() }
  changed = false

  constructor (at: number, span: number) {
    this.at = at
    this.span = span
  }

  count (counted: Counted): void {
    const { value, tops } = this
    const { event, legacy, creation } = counted
    if (legacy !== null) increase(value.a, `${legacy.source} ${legacy.result}`, legacy.count)
    if (creation !== null) {
      const { mark } = creation
      value.c++
      if (creation.remembered) value.m++
      if (creation.ip !== null) tops.ip.add(creation.ip, mark)
      tops.br.add(creation.browser, mark)
      tops.os.add(creation.system, mark)
      if (creation.userId !== null) tops.us.add(creation.userId, mark)
    } else if (event.type === 'ended') {
      increase(value.e, event.reason, 1)
      const lived = event.session.endedAt - event.session.createdAt
      const place = lifetimeBounds.findIndex(bound => lived < bound)
      const index = place === -1 ? lifetimeBounds.length : place
      value.l[index] = value.l[index] as number + 1
    } else if (eventMeanings[event.type].security) {
      increase(value.s, event.type, 'count' in event ? event.count : 1)
    }
  }

  add (value: SliceValue): void {
    const into = this.value
    into.c += value.c
    into.m += value.m
    into.q += value.q
    for (const [reason, count] of Object.entries(value.e)) increase(into.e, reason as EndReason, count)
    for (const [type, count] of Object.entries(value.s)) increase(into.s, type, count)
    for (const [key, count] of Object.entries(value.a)) increase(into.a, key, count)
    value.l.forEach((count, i) => { into.l[i] = into.l[i] as number + count })
  }

  merge ({ ip, br, os, us }: SliceJson): void {
    const { tops } = this
    tops.ip.merge(ip)
    tops.br.merge(br)
    tops.os.merge(os)
    tops.us.merge(us)
  }

  /** The value as a store keeps it; of the most frequent, as many as there is room for. */
  toSlice (node: string): Slice {
    const { at, span, value, tops } = this
    let text = ''
    for (let share = span === hour ? 1 : 0.25; text === '' || Buffer.byteLength(text) > maxBytes; share /= 2) {
      text = JSON.stringify({ ...value, ip: tops.ip.toJSON(80 * share), br: tops.br.toJSON(24 * share), os: tops.os.toJSON(16 * share), us: tops.us.toJSON(60 * share) } satisfies SliceJson)
    }
    return { node, at, span, value: text, until: at + kept(span) }
  }
}

function increase <K extends string> (counts: Partial<Record<K, number>>, key: K, by: number): void {
  counts[key] = (counts[key] ?? 0) + by
}
