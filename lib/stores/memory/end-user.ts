import { expiresAt } from '../../model/record.ts'
import type { EndCause, EndResult, EndSelector } from '../../store.ts'
import { encodeCursor, endBoundOf, userEndScope } from '../cursor.ts'
import type { Capacity } from './capacity.ts'
import type { LiveSessions } from './live-sessions.ts'

/** An end takes about 15 µs. */
const endsAtOnce = 500

/** Ends some sessions of a user. Steps with its cursor end no session that was created after the first step. */
export function endOfUser (
  { live, capacity, now }: { readonly live: LiveSessions, readonly capacity: Capacity, readonly now: number },
  { userId, except, cursor }: Extract<EndSelector, { readonly userId: string }>,
  why: EndCause
): EndResult {
  const bound = endBoundOf(userId, cursor, now)
  const due = live.some(userId, endsAtOnce, ({ record }) => {
    return record.id !== except && record.createdAt <= bound && now < expiresAt(record)
  })
  const next = due.length < endsAtOnce ? null : encodeCursor(userEndScope(userId), [bound])
  return { ended: due.map(entry => capacity.remove(entry, why, now)), cursor: next }
}
