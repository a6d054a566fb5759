import type { Page } from '../../store.ts'
import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope } from '../cursor.ts'
import type { SortedList } from './sorted-list.ts'

/** Maximum number of sessions that one call examines: about a millisecond. */
const looks = 10_000

/** Returns a page of matches. The page ends early after `looks` sessions. */
export function readPage <T> (
  items: SortedList<T>,
  matches: (item: T) => boolean,
  scope: CursorScope,
  { limit, cursor }: { readonly limit: number, readonly cursor: string | null }
): Page<T> {
  const found: T[] = []
  let looked = 0
  let last: T | null = null
  for (const item of items.walk(scope.order, decodePosition(scope, cursor))) {
    const matched = matches(item)
    if (last !== null && (looked === looks || (matched && found.length === limit))) {
      return { items: found, cursor: encodeCursor(scope, items.positionOf(last)) }
    }
    if (matched) found.push(item)
    last = item
    looked++
  }
  return { items: found, cursor: null }
}
