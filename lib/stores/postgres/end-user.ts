import type { EndedSession } from '../../model/record.ts'
import type { EndResult, EndSelector } from '../../store.ts'
import { encodeCursor, endBoundOf, userEndScope } from '../cursor.ts'

/** The lock of the user is held for about 100 ms. */
const endsAtOnce = 200

/** Ends some sessions of a user. Steps with its cursor end no session that was created after the first step. */
export async function endOfUser (
  { userId, except, cursor }: Extract<EndSelector, { readonly userId: string }>,
  end: (which: object) => Promise<EndedSession[]>
): Promise<EndResult> {
  const createdUntil = endBoundOf(userId, cursor, Infinity)
  const ended = await end({ userId, except, createdUntil, max: endsAtOnce })
  const [first] = ended
  if (first === undefined || ended.length < endsAtOnce) return { ended, cursor: null }
  return { ended, cursor: encodeCursor(userEndScope(userId), [Math.min(createdUntil, first.endedAt)]) }
}
