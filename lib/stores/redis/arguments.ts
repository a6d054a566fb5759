import { noData, toMethodsText } from '../../model/record.ts'
import type { EncodedData, SessionRecord } from '../../model/record.ts'
import type { SessionPatch, CreateOptions, Precondition, ActivityUpdate } from '../../store.ts'
import { put, putLast, toFields } from './fields.ts'
import { userKeysOf } from './shard.ts'
import { toDeviceText } from '../../model/device.ts'

/** Returns the arguments of create.lua. `near`: the replaced session, if it is in the same shard. */
export function toCreateArguments (record: SessionRecord, { at, limit, adopts }: CreateOptions, near: string | null): string[] {
  const {
    id, userId, createdAt, absoluteExpiresAt, idleTimeout, remembered, authenticatedAt, lastSeenAt, generation, rotatedAt, confirmedAt
  } = record
  const instant = (value: number | null): string => value === null ? '-' : String(value)
  return [
    id, userId ?? '', String(at),
    limit === null || limit.max === Infinity ? '' : String(limit.max), limit?.onExceeded ?? '',
    near ?? '',
    adopts?.key ?? '', instant(adopts?.until ?? null),
    String(createdAt), String(absoluteExpiresAt), String(idleTimeout), remembered ? '1' : '0', instant(authenticatedAt), String(lastSeenAt),
    String(generation), String(rotatedAt), instant(confirmedAt),
    ...toFields(record)
  ]
}

/** Returns the suffixes of the keys that create.lua touches, besides those of the sessions that it evicts. */
export function toCreateKeys ({ id, userId }: SessionRecord, { adopts }: CreateOptions, near: string | null): string[] {
  return [
    `s:${id}`,
    ...userId === null ? [] : userKeysOf(userId),
    ...near === null ? [] : [`s:${near}`],
    ...adopts === null ? [] : ['m', 'a']
  ]
}

/** Returns the record as create.lua stores it: timestamps moved to the server's clock. */
export function toStored (record: SessionRecord, shift: number): SessionRecord {
  const at = (instant: number): number => Math.round(instant + shift)
  const { createdAt, lastSeenAt, absoluteExpiresAt, rotatedAt, confirmedAt, authenticatedAt, data } = record
  return {
    ...record,
    createdAt: at(createdAt),
    lastSeenAt: at(lastSeenAt),
    absoluteExpiresAt: at(absoluteExpiresAt),
    rotatedAt: at(rotatedAt),
    confirmedAt: confirmedAt === null ? null : at(confirmedAt),
    authenticatedAt: authenticatedAt === null ? null : at(authenticatedAt),
    data: copyOf(data)
  }
}

/** Returns the arguments of touch.lua for one session. */
export function toTouchArguments ({ id, requestCount, seenAt, generation, ip, userAgent, device }: ActivityUpdate): string[] {
  const counts = [id, String(requestCount), String(seenAt), String(generation)]
  if (ip === undefined && userAgent === undefined && device === undefined) return [...counts, '0', '0']
  const names: string[] = []
  const texts: string[] = []
  for (const [name, text] of [['i', ip], ['a', userAgent]] as const) {
    if (text === undefined) continue
    names.push(name)
    putLast(texts, name, text)
  }
  if (device !== undefined) {
    names.push('d')
    put(texts, 'd', toDeviceText(device))
  }
  return [...counts, String(names.length), ...names, String(texts.length / 2), ...texts]
}

/** Returns the arguments of update.lua. */
export function toUpdateArguments (id: string, change: SessionPatch, expect: Precondition | undefined): string[] {
  const { set = noData, unset = [], maxBytes, rotate, deviceName, seen, authenticate, shorten } = change
  const names = [...Object.keys(set), ...unset].map(key => `=${key}`)
  const texts: string[] = []
  for (const [key, value] of Object.entries(set)) {
    // a key that is both set and unset is unset
    if (!unset.includes(key)) put(texts, `=${key}`, value)
  }
  if (deviceName !== undefined) {
    names.push('w')
    put(texts, 'w', deviceName)
  }
  if (authenticate !== undefined) {
    names.push('m')
    put(texts, 'm', toMethodsText(authenticate.methods))
  }
  return [
    id, expect === undefined ? '' : String(expect.generation),
    rotate?.hash ?? '', rotate?.keep === true ? '1' : '', seen === true ? '1' : '',
    ...(authenticate === undefined ? ['', ''] : [String(authenticate.idleTimeout), String(authenticate.absoluteTimeout)]),
    shorten === undefined ? '' : String(shorten.absoluteTimeout),
    maxBytes === undefined ? '' : String(maxBytes),
    String(names.length), ...names, ...texts
  ]
}

function copyOf (data: EncodedData): EncodedData {
  return Object.keys(data).length === 0 ? noData : Object.freeze(Object.assign(Object.create(null) as Record<string, string>, data))
}
