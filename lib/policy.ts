import { expiresAt } from './model/record.ts'
import type { SessionRecord } from './model/record.ts'
import type { Presented } from './token/presented-token.ts'
import { sameHash } from './token/token.ts'

/** The timeouts of a session, in milliseconds. */
export interface Lifetime {
  /** Maximum time without a request. */
  readonly idleTimeout: number
  /** Maximum time since the login, regardless of activity. */
  readonly absoluteTimeout: number
}

/** The configuration of all decisions. Milliseconds. */
export interface Policy {
  /** For session cookies. */
  readonly session: Lifetime
  /** For persistent cookies (remember-me). */
  readonly remembered: Lifetime
  /** For sessions without a user. */
  readonly guest: Lifetime
  /** The age at which a verifier is rotated; 0: never by age. */
  readonly rotateAfter: { readonly session: number, readonly remembered: number }
  /** Minimum time that a verifier stays valid after its successor was issued: browsers write cookies to disk late, and may crash before. */
  readonly minOverlap: number
  /** Grace period after the successor was first seen, for requests in flight. */
  readonly grace: number
}

/**
 * The verdict about a presented token:
 * - `accept`: it is current
 * - `rotate`: it is current, and old enough to be replaced
 * - `resend`: it is the previous one, still valid; its browser has not stored the new one yet, so the new one is sent again
 * - `expired`: the session has expired, even before cleanup
 * - `superseded`: an outdated token, too late, but no proof of theft: rejected without an alarm
 * - `unknown`: no verifier of this session, or of a generation that the store has not seen (it lost writes): rejected without an alarm
 * - `reused`: an outdated token whose browser has a newer one: two parties hold the session, so it must end
 */
export type Verdict = 'accept' | 'rotate' | 'resend' | 'expired' | 'superseded' | 'unknown' | 'reused'

/** Decides about a presented token; pure. `now` is on the store's clock. */
export function judge (policy: Policy, record: SessionRecord, presented: Presented, now: number): Verdict {
  // a NaN deadline must not become an infinite one
  if (!(now < expiresAt(record))) return 'expired'
  if (presented.generation === record.generation) {
    if (presented.accepted !== record.hash && !sameHash(presented.hash, record.hash)) return 'unknown'
    return isRotationDue(policy, record, now) ? 'rotate' : 'accept'
  }
  if (presented.generation > record.generation) return 'unknown'
  return judgeOlder(policy, record, presented, now)
}

/**
 * Returns the timeouts of a new session. `slack`: added to the idle timeout of a shared store, for activity that another node has not
 * written yet.
 */
export function lifetimeFor (policy: Policy, session: Pick<SessionRecord, 'userId' | 'remembered'>, slack = 0): Lifetime {
  const lengths = session.userId === null ? policy.guest : session.remembered ? policy.remembered : policy.session
  return slack === 0 ? lengths : { idleTimeout: lengths.idleTimeout + slack, absoluteTimeout: lengths.absoluteTimeout }
}

/** Returns whether the user authenticated within `maxAge` milliseconds. Being remembered proves nothing (NIST SP 800-63B-4 §5.1). */
export function isFresh (record: Pick<SessionRecord, 'authenticatedAt'>, maxAge: number, now: number): boolean {
  return record.authenticatedAt !== null && now - record.authenticatedAt <= maxAge
}

/**
 * Returns whether an adopted credential of another library is still accepted: until the new cookie has been presented, plus the overlap and
 * grace period. From then on the legacy cookie is treated as a copy.
 */
export function acceptsAdoptedCredential (policy: Policy, record: SessionRecord, now: number): boolean {
  if (record.generation > 1) return false
  return record.confirmedAt === null || now < Math.max(record.rotatedAt + policy.minOverlap, record.confirmedAt) + policy.grace
}

/**
 * Returns whether a request with the current verifier shows that its browser has stored it: not before the browser had time to write it to
 * disk, since it was issued or, after a lost response, sent again (`resentAt`; 0: never). A browser that crashes sooner returns with the
 * previous one, however much later.
 */
export function confirmsRotation (
  policy: Policy, record: Pick<SessionRecord, 'rotatedAt' | 'previousHash'>, resentAt: number, now: number
): boolean {
  return record.previousHash === null || now >= Math.max(record.rotatedAt, resentAt) + policy.minOverlap
}

/** Returns whether a verifier is old enough, and stored by its browser: a browser may be one verifier behind, never two. */
function isRotationDue (policy: Policy, record: SessionRecord, now: number): boolean {
  const after = record.remembered ? policy.rotateAfter.remembered : policy.rotateAfter.session
  const stored = record.confirmedAt !== null || record.previousHash === null
  return after > 0 && now - record.rotatedAt >= after && record.generation < 0xffff && stored
}

function judgeOlder (policy: Policy, record: SessionRecord, presented: Presented, now: number): Verdict {
  const settled = record.rotatedAt + policy.minOverlap
  if (presented.generation === record.generation - 1) {
    if (record.previousHash !== null) {
      if (!sameHash(presented.hash, record.previousHash)) return 'unknown'
      // until its browser has presented the new one, it may have only the old one
      const good = record.confirmedAt === null || now < Math.max(settled, record.confirmedAt) + policy.grace
      return good ? 'resend' : 'reused'
    }
    // invalidated at once by a login or a privilege change whose response may be lost
    if (record.confirmedAt === null) return 'superseded'
  }
  // requests in flight while the verifier changed are no theft
  return now < settled + policy.grace ? 'superseded' : 'reused'
}
