import { SessionError } from '../errors.ts'
import { findLossy } from './json-value.ts'
import { noData } from './record.ts'
import type { EncodedData } from './record.ts'
import { isWellFormed } from './user-id.ts'

/**
 * Returns an object for `EncodedData`, without a prototype. One from `Object.create(null)` is a hash table of some 250 bytes; this one has
 * a shape, which all sessions with the same keys share.
 */
export function newTexts (): Record<string, string> {
  return Object.setPrototypeOf({}, null) as Record<string, string>
}

/** The maximum size of a session's data in bytes, all keys and values together, as JSON. */
export const maxDataBytes = 64 * 1024

/**
 * Returns a value as JSON text; `undefined` for `undefined`. Throws `FST_SESSION_INVALID_DATA` with the key, and with what to store in its
 * place, if JSON would not return the value as it was.
 */
export function encodeValue (key: string, value: unknown): string | undefined {
  // in UTF-8 all lone surrogates become one character, so that a store would merge two keys
  if (!isWellFormed(key)) {
    throw new SessionError('FST_SESSION_INVALID_DATA', { values: [`the key ${JSON.stringify(key)} has half of a surrogate pair`] })
  }
  // most values are texts and numbers, which need no walk
  const lossy = typeof value === 'string' ? null : findLossy(value)
  if (lossy !== null) throw new SessionError('FST_SESSION_INVALID_DATA', { values: [`\`${key}${lossy.path}\` ${lossy.problem}`] })
  return JSON.stringify(value)
}

/** Returns each key of an object as JSON text. Throws like `encodeValue`, and `FST_SESSION_DATA_TOO_LARGE`. */
export function encodeData (data: Readonly<Record<string, unknown>>): EncodedData {
  const keys = Object.keys(data)
  if (keys.length === 0) return noData
  const encoded = newTexts()
  let any = false
  for (const key of keys) {
    const text = encodeValue(key, data[key])
    if (text === undefined) continue
    encoded[key] = text
    any = true
  }
  if (!any) return noData
  checkSize(encoded)
  return Object.freeze(encoded)
}

/** Returns the value of a text that `encodeValue` returned. */
export function decodeValue (text: string): unknown {
  return JSON.parse(text) as unknown
}

/** Throws `FST_SESSION_DATA_TOO_LARGE` with the largest key. No data is cut. */
export function checkSize (data: EncodedData, max = maxDataBytes): void {
  let bytes = 0
  let largest = ''
  for (const key of Object.keys(data)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(data[key] as string)
    if ((data[key] as string).length >= (data[largest]?.length ?? 0)) largest = key
  }
  if (bytes > max) {
    throw new SessionError('FST_SESSION_DATA_TOO_LARGE', { values: [`${bytes} bytes, most of it in \`${largest}\``, String(max)] })
  }
}

/** Returns the error of a store that found the whole data after a change too large. */
export function dataTooLarge (bytes: number, { maxBytes = maxDataBytes }: { readonly maxBytes?: number }): SessionError {
  return new SessionError('FST_SESSION_DATA_TOO_LARGE', { values: [`${bytes} bytes with what parallel requests wrote`, String(maxBytes)] })
}

/** Returns whether a value is empty: writing only such values creates no guest session. */
export function isEmptyText (text: string): boolean {
  return text === 'null' || text === '""' || text === '[]' || text === '{}'
}
