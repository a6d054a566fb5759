import { expiresAt } from './model/record.ts'
import type { SessionRecord } from './model/record.ts'
import type { Presented } from './token/presented-token.ts'
import { sameHash } from './token/token.ts'

/** The lengths of a life, in milliseconds. */
export interface Lengths {
  /** Without a request. */
  readonly idle: number
  /** Whatever happens. */
  readonly absolute: number
}

/** Everything the decisions depend on. Milliseconds. */
export interface Policy {
  /** A session that dies with the browser. */
  readonly session: Lengths
  /** A session that outlives the browser. */
  readonly remembered: Lengths
  /** A session without a user. */
  readonly guest: Lengths
  /** How old a verifier may get before it is rotated; 0: never by age. */
  readonly rotate: { readonly session: number, readonly remembered: number }
  /** A verifier stays good at least so long after its successor was issued: browsers write cookies to disk late, and may crash. */
  readonly settle: number
  /** And so long after its successor was first seen: requests that were already under way. */
  readonly grace: number
}

/**
 * What a presented token is worth:
 * - `accept`: it is the current one
 * - `rotate`: it is the current one, and old enough to be replaced
 * - `catch-up`: it is the one before, still good; its browser has not got the new one yet, so send it again
 * - `expired`: the session is over, swept or not
 * - `superseded`: the one before, or older, too late, but no proof of theft: refused without alarm
 * - `unknown`: not a verifier of this session, or of a generation the store has not seen (it lost writes): refused without alarm
 * - `reused`: an old verifier whose browser long has a newer one: two parties hold the session, so it must end
 */
export type Verdict = 'accept' | 'rotate' | 'catch-up' | 'expired' | 'superseded' | 'unknown' | 'reused'

/** Every decision about a presented token, in one place; pure. `now` is on the store's clock. */
export function judge (policy: Policy, record: SessionRecord, presented: Presented, now: number): Verdict {
  // a deadline that is no number must not become an endless one
  if (!(now < expiresAt(record))) return 'expired'
  if (presented.generation === record.generation) {
    if (presented.accepted !== record.hash && !sameHash(presented.hash, record.hash)) return 'unknown'
    return isDue(policy, record, now) ? 'rotate' : 'accept'
  }
  if (presented.generation > record.generation) return 'unknown'
  return judgeOlder(policy, record, presented, now)
}

/** How long a new session lives. `slack`: added to the idle time that a shared store knows, for activity that another node has not written yet. */
export function lengthsFor (policy: Policy, session: { readonly userId: string | null, readonly remembered: boolean }, slack = 0): Lengths {
  const lengths = session.userId === null ? policy.guest : session.remembered ? policy.remembered : policy.session
  return slack === 0 ? lengths : { idle: lengths.idle + slack, absolute: lengths.absolute }
}

/** Whether the user proved who they are within `maxAge` milliseconds. Being remembered proves nothing (NIST SP 800-63B-4 §5.1). */
export function isFresh (record: Pick<SessionRecord, 'authenticatedAt'>, maxAge: number, now: number): boolean {
  return record.authenticatedAt !== null && now - record.authenticatedAt <= maxAge
}

/**
 * Whether another library's credential, adopted before, still opens its session: only until the new cookie has come back, and as long
 * after as requests and browsers that write late need. From then on the old cookie is somebody else's copy.
 */
export function mayJoin (policy: Policy, record: SessionRecord, now: number): boolean {
  if (record.generation > 1) return false
  return record.confirmedAt === null || now < Math.max(record.rotatedAt + policy.settle, record.confirmedAt) + policy.grace
}

/**
 * Whether a request with the current verifier shows that its browser has it for good: not before it had the time to write it to disk,
 * since it was issued or, if an answer got lost, sent again (`resentAt`; 0: never). A browser that crashes sooner comes back with the one
 * before, however much later.
 */
export function confirms (policy: Policy, record: Pick<SessionRecord, 'rotatedAt' | 'previousHash'>, resentAt: number, now: number): boolean {
  return record.previousHash === null || now >= Math.max(record.rotatedAt, resentAt) + policy.settle
}

/** A verifier is due once it is old enough and its browser is known to have it for good: it comes back with the one before, but not with two. */
function isDue (policy: Policy, record: SessionRecord, now: number): boolean {
  const after = record.remembered ? policy.rotate.remembered : policy.rotate.session
  return after > 0 && now - record.rotatedAt >= after && record.generation < 0xffff && (record.confirmedAt !== null || record.previousHash === null)
}

function judgeOlder (policy: Policy, record: SessionRecord, presented: Presented, now: number): Verdict {
  const settled = record.rotatedAt + policy.settle
  if (presented.generation === record.generation - 1) {
    if (record.previousHash !== null) {
      if (!sameHash(presented.hash, record.previousHash)) return 'unknown'
      // until its browser has shown the new one, the old one is all it may have
      const good = record.confirmedAt === null || now < Math.max(settled, record.confirmedAt) + policy.grace
      return good ? 'catch-up' : 'reused'
    }
    // killed at once by a sign-in or a privilege change whose answer may never have arrived
    if (record.confirmedAt === null) return 'superseded'
  }
  // requests that were under way while the verifier changed are no theft
  return now < settled + policy.grace ? 'superseded' : 'reused'
}
