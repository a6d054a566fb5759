import { decodeValue, encodeValue } from '../model/data.ts'
import { noData } from '../model/record.ts'
import type { EncodedData } from '../model/record.ts'
import { reservedKeys } from './session-api.ts'

/** The object that handlers hold: its own properties are the data. */
type Own = Record<string, unknown>

/** What a write must say. */
export interface OwnChanges {
  readonly set: EncodedData
  readonly unset: readonly string[]
}

/** Makes the own properties what the store has. Answers the baseline: what they are compared with from now on. */
export function loadOwn (session: Own, data: EncodedData): EncodedData {
  for (const key of Object.keys(session)) Reflect.deleteProperty(session, key)
  if (data === noData) return noData
  const baseline: Record<string, string> = Object.create(null) as Record<string, string>
  for (const key of Object.keys(data)) {
    if (reservedKeys.has(key)) continue
    baseline[key] = data[key] as string
    session[key] = decodeValue(data[key] as string)
  }
  return baseline
}

/** What the own properties say now. Throws `FST_SESSION_INVALID_DATA` for what is no JSON. */
export function encodeOwn (session: Own): EncodedData {
  const encoded: Record<string, string> = Object.create(null) as Record<string, string>
  for (const key of Object.keys(session)) {
    const text = encodeValue(key, session[key])
    if (text !== undefined) encoded[key] = text
  }
  return encoded
}

/** How the own properties differ from the baseline; `null`: not at all. */
export function changesOf (session: Own, baseline: EncodedData): OwnChanges | null {
  const keys = Object.keys(session)
  // most sessions hold no data: nothing is made for them
  if (keys.length === 0 && baseline === noData) return null
  const set: Record<string, string> = Object.create(null) as Record<string, string>
  const unset: string[] = []
  let any = false
  for (const key of keys) {
    const text = encodeValue(key, session[key])
    if (text === baseline[key]) continue
    if (text === undefined) { unset.push(key) } else { set[key] = text }
    any = true
  }
  for (const key of Object.keys(baseline)) {
    if (!Object.hasOwn(session, key)) { unset.push(key); any = true }
  }
  return any ? { set, unset } : null
}

/** Those own properties that are there, of the names given; `null` if no names are. */
export function pickOwn (session: Own, keys: readonly string[]): Own | null {
  return keys.length === 0 ? null : Object.fromEntries(keys.filter(key => Object.hasOwn(session, key)).map(key => [key, session[key]]))
}
