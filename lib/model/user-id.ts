import { types } from 'node:util'
import { SessionError } from '../errors.ts'

/** A user id: a text, an integer, or an object that JSON stores as a text, such as the ObjectId or UUID of a database driver. */
export type UserId = string | number | bigint | { toJSON (): string }

/**
 * Returns the canonical form of a user id: a non-empty, well-formed string of at most 256 bytes. An integer becomes its decimal form; an
 * object becomes the text that JSON stores for it. Throws `FST_SESSION_INVALID_USER_ID`.
 */
export function toUserId (value: unknown): string {
  const text = textOf(value)
  if (typeof text !== 'string' || text === '' || text.includes('\0') || !isWellFormed(text) || Buffer.byteLength(text) > 256) {
    throw new SessionError('FST_SESSION_INVALID_USER_ID')
  }
  return text
}

/** Returns the text of an id, or the value itself if it has no text. A date is a mistake, although JSON stores it as a text. */
function textOf (value: unknown): unknown {
  if (Number.isSafeInteger(value) || typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || types.isDate(value)) return value
  const { toJSON } = value as { readonly toJSON?: unknown }
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, value, ['']) as unknown : value
}

/** Returns whether a text has no lone surrogates. */
export function isWellFormed (text: string): boolean {
  return (text as string & { isWellFormed (): boolean }).isWellFormed()
}
