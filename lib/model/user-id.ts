import { SessionError } from '../errors.ts'

/**
 * Returns the canonical form of a user id: a non-empty, well-formed string of at most 256 bytes; a safe integer becomes its decimal form.
 * Throws `FST_SESSION_INVALID_USER_ID`.
 */
export function toUserId (value: unknown): string {
  const text = Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || text === '' || text.includes('\0') || !isWellFormed(text) || Buffer.byteLength(text) > 256) {
    throw new SessionError('FST_SESSION_INVALID_USER_ID')
  }
  return text
}

/** Returns whether a text has no lone surrogates. */
export function isWellFormed (text: string): boolean {
  return (text as string & { isWellFormed (): boolean }).isWellFormed()
}
