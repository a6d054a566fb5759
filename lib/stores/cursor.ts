import { hash } from 'node:crypto'
import { SessionError } from '../errors.ts'
import type { Filter } from '../model/filter.ts'

/** The scope of a cursor: it is valid for this list, this filter and this order only. */
export interface CursorScope {
  readonly list: 'live' | 'history' | 'count' | 'end'
  readonly filter: Filter
  readonly order: 'newest' | 'oldest'
}

/** Where a list continues: the timestamp and the id of the last entry that was shown. */
export type Position = readonly [at: number, id: string]

/**
 * Returns a position in a list as text that any node can read. It is neither secret nor signed: a caller that sends it to clients, as the
 * routes do, must sign it.
 *
 * @param position a timestamp and an id, or whatever an engine needs to find its place again: JSON
 */
export function encodeCursor (scope: CursorScope, position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([digestOf(scope), ...position])).toString('base64url')
}

/**
 * Reads the text that `encodeCursor` wrote for the same scope; `null` stays `null`. Throws `FST_SESSION_INVALID_CURSOR` for anything else.
 */
export function decodeCursor (scope: CursorScope, cursor: string | null): readonly unknown[] | null {
  if (cursor === null) return null
  const [digest, ...position] = parse(cursor)
  if (digest !== digestOf(scope)) throw new SessionError('FST_SESSION_INVALID_CURSOR')
  return position
}

/** As `decodeCursor`, for lists whose position is a timestamp and an id. */
export function decodePosition (scope: CursorScope, cursor: string | null): Position | null {
  const position = decodeCursor(scope, cursor)
  if (position === null) return null
  const [at, id] = position
  if (typeof at !== 'number' || typeof id !== 'string' || position.length !== 2) throw new SessionError('FST_SESSION_INVALID_CURSOR')
  return [at, id]
}

function parse (cursor: string): readonly unknown[] {
  // each position has one text: Buffer would ignore invalid characters
  if (cursor.length > 1024 || !/^[\w-]+$/.test(cursor)) return []
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.toString('base64url') !== cursor) return []
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

/** Returns the same text for the same filter, in any order of its fields. */
function digestOf ({ list, filter, order }: CursorScope): string {
  const fields = Object.entries(filter).filter(([, value]) => value !== undefined).sort(([a], [b]) => a < b ? -1 : 1)
  return hash('sha256', JSON.stringify([list, order, fields]), 'base64url').slice(0, 16)
}

/** Returns the scope of the cursors with which a store ends all sessions of a user in steps. */
export function userEndScope (userId: string): CursorScope {
  return { list: 'end', filter: { userId }, order: 'oldest' }
}

/**
 * Reads the time after which no session is ended in the steps of one end of a user; `now` for the first step. Throws
 * `FST_SESSION_INVALID_CURSOR`.
 */
export function endBoundOf (userId: string, cursor: string | null | undefined, now: number): number {
  const position = decodeCursor(userEndScope(userId), cursor ?? null)
  if (position === null) return now
  const [bound] = position
  if (typeof bound !== 'number' || position.length !== 1) throw new SessionError('FST_SESSION_INVALID_CURSOR')
  return bound
}
