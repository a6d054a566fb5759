import { noData } from '../../model/record.ts'
import type { EncodedData, SessionRecord } from '../../model/record.ts'
import type { Change, CreateOptions, Expect, Touch } from '../../store.ts'
import { put, putLast, toFields } from './fields.ts'

/** What create.lua is given. `near`: the replaced session, if it lies in the same shard. */
export function toCreateArguments (record: SessionRecord, { at, limit, adopts }: CreateOptions, near: string | null): string[] {
  const { id, userId, createdAt, absoluteAt, idle, remembered, authenticatedAt, lastSeenAt, generation, rotatedAt, confirmedAt } = record
  const instant = (value: number | null): string => value === null ? '-' : String(value)
  return [
    id, userId ?? '', String(at),
    limit === null || limit.max === Infinity ? '' : String(limit.max), limit?.onLimit ?? '',
    near ?? '',
    adopts?.key ?? '', instant(adopts?.until ?? null),
    String(createdAt), String(absoluteAt), String(idle), remembered ? '1' : '0', instant(authenticatedAt), String(lastSeenAt),
    String(generation), String(rotatedAt), instant(confirmedAt),
    ...toFields(record)
  ]
}

/** The record as create.lua stores it: its instants moved to the server's clock. */
export function toStored (record: SessionRecord, shift: number): SessionRecord {
  const at = (instant: number): number => Math.round(instant + shift)
  const { createdAt, lastSeenAt, absoluteAt, rotatedAt, confirmedAt, authenticatedAt, data } = record
  return {
    ...record,
    createdAt: at(createdAt),
    lastSeenAt: at(lastSeenAt),
    absoluteAt: at(absoluteAt),
    rotatedAt: at(rotatedAt),
    confirmedAt: confirmedAt === null ? null : at(confirmedAt),
    authenticatedAt: authenticatedAt === null ? null : at(authenticatedAt),
    data: copyOf(data)
  }
}

/** What touch.lua is given for one session. */
export function toTouchArguments ({ id, requests, seenAt, generation, ip, agent, device }: Touch): string[] {
  const counts = [id, String(requests), String(seenAt), String(generation)]
  if (ip === undefined && agent === undefined && device === undefined) return [...counts, '0', '0']
  const names: string[] = []
  const texts: string[] = []
  for (const [name, text] of [['i', ip], ['a', agent]] as const) {
    if (text === undefined) continue
    names.push(name)
    putLast(texts, name, text)
  }
  if (device !== undefined) {
    names.push('d')
    put(texts, 'd', device)
  }
  return [...counts, String(names.length), ...names, String(texts.length / 2), ...texts]
}

/** What update.lua is given. */
export function toChangeArguments (id: string, change: Change, expect: Expect | undefined): string[] {
  const { set = noData, unset = [], rotate, name, seen, authenticate, shorten } = change
  const names = [...Object.keys(set), ...unset].map(key => `=${key}`)
  const texts: string[] = []
  for (const [key, value] of Object.entries(set)) {
    // what is set and unset at once is unset
    if (!unset.includes(key)) put(texts, `=${key}`, value)
  }
  if (name !== undefined) {
    names.push('w')
    put(texts, 'w', name)
  }
  if (authenticate !== undefined) {
    names.push('m')
    put(texts, 'm', authenticate.methods)
  }
  return [
    id, expect === undefined ? '' : String(expect.generation),
    rotate?.hash ?? '', rotate?.keep === true ? '1' : '', seen === true ? '1' : '',
    ...(authenticate === undefined ? ['', ''] : [String(authenticate.idle), String(authenticate.absolute)]),
    shorten === undefined ? '' : String(shorten.absolute),
    String(names.length), ...names, ...texts
  ]
}

function copyOf (data: EncodedData): EncodedData {
  return Object.keys(data).length === 0 ? noData : Object.freeze(Object.assign(Object.create(null) as Record<string, string>, data))
}
