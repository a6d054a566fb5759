import { noData } from '../model/record.ts'
import type { EncodedData, SessionRecord } from '../model/record.ts'
import type { Change, Touch } from '../store.ts'

/** A record that is being made, or whose activity moves on. */
export type Draft = { -readonly [K in keyof SessionRecord]: SessionRecord[K] }

/** The record after a change, for stores that change records in JavaScript. Pure; the record that came in stays as it is. */
export function applyChange (record: SessionRecord, change: Change, now: number): SessionRecord {
  let next = record
  if (change.set !== undefined || change.unset !== undefined) next = { ...next, data: mergeData(record.data, change) }
  if (change.rotate !== undefined) next = { ...next, generation: record.generation + 1, hash: change.rotate.hash, previousHash: change.rotate.keep ? record.hash : null, rotatedAt: now, confirmedAt: null }
  if (change.name !== undefined) next = { ...next, name: change.name }
  if (change.seen === true) next = { ...next, lastSeenAt: Math.max(now, next.lastSeenAt) }
  if (change.authenticate !== undefined) {
    const { methods, idle, absolute } = change.authenticate
    next = { ...next, authenticatedAt: now, lastSeenAt: now, methods, idle, absoluteAt: now + absolute }
  }
  if (change.shorten !== undefined) next = { ...next, absoluteAt: Math.min(next.absoluteAt, now + change.shorten.absolute) }
  return next
}

/** Adds what requests added to a live session, in place. `at`: what `seenAt` goes by; `now`: the same moment on the store's clock. */
export function applyTouch (record: Draft, touch: Touch, now: number, at: number): void {
  const seen = touch.seenAt === 0 ? 0 : Math.min(now, touch.seenAt + now - at)
  addActivity(record, touch, seen)
  if (record.confirmedAt === null && touch.generation === record.generation) record.confirmedAt = seen === 0 ? now : seen
}

/** Adds what requests added, but what only a store confirms. `seen`: the last of them on the record's clock; 0: none kept it alive. */
export function addActivity (record: Draft, { requests, ip, agent, device }: Touch, seen: number): void {
  record.requests += requests
  if (seen > record.lastSeenAt) record.lastSeenAt = seen
  if (ip !== undefined) record.ip = ip
  if (agent !== undefined) record.agent = agent
  if (device !== undefined) record.device = device
}

/** Data of its own, whoever else has the same. */
export function copyData (data: EncodedData): EncodedData {
  return data === noData ? noData : mergeData(data, {})
}

/** Key by key; what is not named stays. */
function mergeData (data: EncodedData, { set, unset = [] }: Change): EncodedData {
  const merged = Object.assign(Object.create(null) as Record<string, string>, data, set)
  for (const key of unset) Reflect.deleteProperty(merged, key)
  return Object.keys(merged).length === 0 ? noData : Object.freeze(merged)
}

/** The record on the store's clock, which is `shift` ms ahead of the one that its instants came from, with data of its own. */
export function shiftRecord (record: SessionRecord, shift: number): SessionRecord {
  const { confirmedAt, authenticatedAt } = record
  return {
    ...record,
    createdAt: record.createdAt + shift,
    lastSeenAt: record.lastSeenAt + shift,
    absoluteAt: record.absoluteAt + shift,
    rotatedAt: record.rotatedAt + shift,
    confirmedAt: confirmedAt === null ? null : confirmedAt + shift,
    authenticatedAt: authenticatedAt === null ? null : authenticatedAt + shift,
    data: copyData(record.data)
  }
}
