import { checkSize, newTexts } from '../model/data.ts'
import { noData } from '../model/record.ts'
import type { EncodedData, SessionRecord } from '../model/record.ts'
import type { SessionPatch, ActivityUpdate } from '../store.ts'

/** A record whose fields may be changed. */
export type MutableRecord = { -readonly [K in keyof SessionRecord]: SessionRecord[K] }

/** Returns the record after a change, for stores that change records in JavaScript. Pure: the given record stays unchanged. */
export function applyPatch (record: SessionRecord, change: SessionPatch, now: number): SessionRecord {
  let next = record
  if (change.set !== undefined || change.unset !== undefined) next = { ...next, data: mergeData(record.data, change) }
  if (change.rotate !== undefined) {
    next = {
      ...next,
      generation: record.generation + 1,
      hash: change.rotate.hash,
      previousHash: change.rotate.keep ? record.hash : null,
      rotatedAt: now,
      confirmedAt: null
    }
  }
  if (change.deviceName !== undefined) next = { ...next, deviceName: change.deviceName }
  if (change.seen === true) next = { ...next, lastSeenAt: Math.max(now, next.lastSeenAt) }
  if (change.authenticate !== undefined) {
    const { methods, idleTimeout, absoluteTimeout } = change.authenticate
    next = { ...next, authenticatedAt: now, lastSeenAt: now, methods, idleTimeout, absoluteExpiresAt: now + absoluteTimeout }
  }
  if (change.shorten !== undefined) {
    next = { ...next, absoluteExpiresAt: Math.min(next.absoluteExpiresAt, now + change.shorten.absoluteTimeout) }
  }
  return next
}

/** Adds the activity of requests to a live session, in place. `at`: the time on the clock of `seenAt`; `now`: on the store's. */
export function applyTouch (record: MutableRecord, touch: ActivityUpdate, now: number, at: number): void {
  const seen = touch.seenAt === 0 ? 0 : Math.min(now, touch.seenAt + now - at)
  addActivity(record, touch, seen)
  if (record.confirmedAt === null && touch.generation === record.generation) record.confirmedAt = seen === 0 ? now : seen
}

/**
 * Adds activity, except the confirmation of a rotation, which only a store decides. `seen`: the last request on the record's clock; 0: all
 * were passive.
 */
export function addActivity (record: MutableRecord, { requestCount, ip, userAgent, device }: ActivityUpdate, seen: number): void {
  record.requestCount += requestCount
  if (seen > record.lastSeenAt) record.lastSeenAt = seen
  if (ip !== undefined) record.ip = ip
  if (userAgent !== undefined) record.userAgent = userAgent
  if (device !== undefined) record.device = device
}

/** Returns a copy of the data. All empty data is one object. */
export function copyData (data: EncodedData): EncodedData {
  return data === noData ? noData : Object.freeze(Object.assign(newTexts(), data))
}

/** Returns the data after a change, key by key; other keys stay. */
function mergeData (data: EncodedData, { set, unset = [], maxBytes }: SessionPatch): EncodedData {
  const merged = Object.assign(newTexts(), data, set)
  for (const key of unset) Reflect.deleteProperty(merged, key)
  if (maxBytes !== undefined) checkSize(merged, maxBytes)
  return Object.keys(merged).length === 0 ? noData : Object.freeze(merged)
}

/** Returns the record on the store's clock, which is `shift` ms ahead of the clock of its timestamps, with its own copy of the data. */
export function shiftRecord (record: SessionRecord, shift: number): SessionRecord {
  const { confirmedAt, authenticatedAt } = record
  return {
    ...record,
    createdAt: record.createdAt + shift,
    lastSeenAt: record.lastSeenAt + shift,
    absoluteExpiresAt: record.absoluteExpiresAt + shift,
    rotatedAt: record.rotatedAt + shift,
    confirmedAt: confirmedAt === null ? null : confirmedAt + shift,
    authenticatedAt: authenticatedAt === null ? null : authenticatedAt + shift,
    data: copyData(record.data)
  }
}
