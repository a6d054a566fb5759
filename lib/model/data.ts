import { SessionError } from '../errors.ts'
import { noData } from './record.ts'
import type { EncodedData } from './record.ts'

/** At most so many bytes of a session's data, all keys and values together, as JSON. */
export const maxDataBytes = 64 * 1024

/** One value as JSON text; `undefined` for `undefined`. Throws `FST_SESSION_INVALID_DATA`, naming the key, for what JSON would lose or refuse. */
export function encodeValue (key: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value, refuseLossy)
  } catch (error) {
    throw new SessionError('FST_SESSION_INVALID_DATA', { values: [`\`${key}\` ${error instanceof LossyValue ? error.message : 'refers to itself'}`], cause: error })
  }
}

/** Every key of an object as JSON text. Throws as `encodeValue`, and `FST_SESSION_DATA_TOO_LARGE`. */
export function encodeData (data: Readonly<Record<string, unknown>>): EncodedData {
  const keys = Object.keys(data)
  if (keys.length === 0) return noData
  const encoded: Record<string, string> = Object.create(null) as Record<string, string>
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

/** The value of a text that `encodeValue` wrote. */
export function decodeValue (text: string): unknown {
  return JSON.parse(text) as unknown
}

/** Throws `FST_SESSION_DATA_TOO_LARGE`, naming the largest key. Nothing is cut. */
export function checkSize (data: EncodedData): void {
  let bytes = 0
  let largest = ''
  for (const key of Object.keys(data)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(data[key] as string)
    if ((data[key] as string).length >= (data[largest]?.length ?? 0)) largest = key
  }
  if (bytes > maxDataBytes) {
    throw new SessionError('FST_SESSION_DATA_TOO_LARGE', { values: [`${bytes} bytes, most of it in \`${largest}\``, String(maxDataBytes)] })
  }
}

/** Whether a value says nothing: writing only such values makes no guest session. */
export function isEmptyText (text: string): boolean {
  return text === 'null' || text === '""' || text === '[]' || text === '{}'
}

class LossyValue extends Error {}

function refuseLossy (this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') throw new LossyValue(`holds a ${typeof value}`)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new LossyValue(`holds ${String(value)}`)
  if (typeof value === 'object' && value !== null && losesContent(value)) throw new LossyValue(`holds a ${value.constructor.name}`)
  return value
}

/** What JSON writes as `{}`, or as something else than it was. */
function losesContent (value: object): boolean {
  return value instanceof Map || value instanceof Set || value instanceof WeakMap || value instanceof WeakSet ||
    value instanceof Promise || value instanceof RegExp || ArrayBuffer.isView(value)
}
