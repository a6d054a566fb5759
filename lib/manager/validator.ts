import { isThenable } from '../async.ts'
import type { Awaitable } from '../async.ts'
import type { SessionEventEmitter } from '../events/emitter.ts'
import type { EventThrottle } from '../events/throttle.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import { expiryReason, hasEnded, isSession } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { judge } from '../policy.ts'
import type { Policy } from '../policy.ts'
import type { Store } from '../store.ts'
import type { CachedStore } from '../stores/wrappers/cached-store.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { Successors } from '../token/successors.ts'
import { creationTimeOf } from '../token/token.ts'
import type { ActivityBuffer } from './activity.ts'
import { isClientChanged } from './client-change.ts'
import type { ManagerCore } from './core.ts'
import type { ResolvedOptions } from './options.ts'
import type { PendingRevocations } from './pending-revocations.ts'
import type { RequestContext } from './request-context.ts'
import type { Revoker } from './revoker.ts'
import { RiskAssessor } from './risk.ts'
import type { StoreClock } from './store-clock.ts'
import { Rejection, Rotation } from './validation-result.ts'
import type { Validation, ValidationCounts } from './validation-result.ts'

/** Validates presented tokens: judges them with lib/policy.ts, and applies the verdict. */
export class Validator {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #events: SessionEventEmitter
  readonly #throttle: EventThrottle
  readonly #anonymizer: IpAnonymizer
  readonly #cache: CachedStore | null
  readonly #activity: ActivityBuffer
  readonly #pending: PendingRevocations
  readonly #revoker: Revoker
  readonly #successors: Successors
  readonly #counts: ValidationCounts
  readonly #policy: Policy
  /** `null`: the app allows every client. */
  readonly #risk: RiskAssessor | null
  readonly #onTokenReuse: ResolvedOptions['onTokenReuse']
  readonly #writesThrough: boolean

  constructor (core: ManagerCore, revoker: Revoker) {
    const { options } = core
    this.#store = core.store
    this.#clock = core.clock
    this.#events = core.events
    this.#throttle = core.throttle
    this.#anonymizer = core.anonymizer
    this.#cache = core.cache
    this.#activity = core.activity
    this.#pending = core.pending
    this.#revoker = revoker
    this.#successors = core.successors
    this.#counts = core.validationCounts
    this.#policy = options.policy
    this.#risk = options.assessRisk === undefined ? null : new RiskAssessor(core)
    this.#onTokenReuse = options.onTokenReuse
    this.#writesThrough = options.flushInterval === 0
  }

  /** As `SessionManager.validate`. */
  validate (token: PresentedToken | string, request: RequestContext): Awaitable<Validation> {
    const presented = typeof token === 'string' ? present(token) : token
    if (presented === null) return this.#unknown()
    const refused = this.#pending.reasonFor(presented.id)
    if (refused !== undefined) return new Rejection('ended', refused)
    if (this.#cache !== null && request.strict !== true) {
      // the cache can only accept: for every other verdict the store is read
      const cached = this.#cache.peek(presented.id)
      if (cached !== null) {
        const now = this.#clock.now()
        if (judge(this.#policy, cached, presented, now) === 'accept') {
          this.#counts.accepted++
          return this.#accept(cached, request, now, presented)
        }
      }
    }
    const found = this.#store.read(presented.id)
    return isThenable(found) ? found.then(found => this.#judge(found, presented, request)) : this.#judge(found, presented, request)
  }

  #judge (found: SessionRecord | EndedSession | null, presented: PresentedToken, request: RequestContext): Awaitable<Validation> {
    const now = this.#clock.now()
    if (found === null) return this.#missing(presented, now)
    if (!isSession(found)) {
      this.#throttle.emit({ type: 'record-corrupt', at: now, id: presented.id, userId: null, part: 'record' })
      return this.#unknown()
    }
    if (hasEnded(found)) {
      this.#counts.ended++
      const { id, userId, reason } = found
      this.#throttle.emit({ type: 'ended-session-used', at: now, id, userId, reason, ip: request.ip })
      return new Rejection('ended', reason)
    }
    const verdict = judge(this.#policy, found, presented, now)
    switch (verdict) {
      case 'accept':
        this.#counts.accepted++
        return this.#accept(found, request, now, presented)
      case 'rotate': return this.#rotate(found, presented, request)
      case 'resend': return this.#resend(found, presented, request, now)
      case 'expired':
        this.#counts.ended++
        return new Rejection('ended', expiryReason(found))
      case 'reused': return this.#endReused(found, presented, request)
      case 'superseded':
      case 'unknown':
        this.#counts[verdict]++
        return new Rejection(verdict, null)
    }
  }

  /**
   * Returns the rejection of a token whose session the store does not know. Guests have no history, so a guest session may have expired. If
   * the id is too young for that, the session was never in this store, or was lost.
   */
  #missing ({ id }: PresentedToken, now: number): Rejection {
    if (creationTimeOf(id) + this.#policy.guest.idleTimeout > now) return this.#unknown()
    this.#counts.ended++
    return new Rejection('ended', null)
  }

  #unknown (): Rejection {
    this.#counts.unknown++
    return new Rejection('unknown', null)
  }

  #accept (record: SessionRecord, request: RequestContext, now: number, presented: PresentedToken): Awaitable<SessionRecord | Rejection> {
    if (this.#risk !== null && isClientChanged(record, request, this.#anonymizer)) {
      return this.#assess(this.#risk, record, request, presented)
    }
    return this.#count(record, request, now, presented)
  }

  #count (record: SessionRecord, request: RequestContext, now: number, presented: PresentedToken): Awaitable<SessionRecord> {
    this.#activity.record(record, request, now, presented)
    if (!this.#writesThrough) return record
    // a store in this process would count the request in the record that it returned
    const found = { ...record }
    return this.#activity.flush(now)?.then(() => found) ?? found
  }

  /** Lets the app decide about a request whose client has changed. */
  async #assess (
    risk: RiskAssessor, record: SessionRecord, request: RequestContext, presented: PresentedToken
  ): Promise<SessionRecord | Rejection> {
    switch (await risk.assess(record, request)) {
      case 'allow': return this.#count(record, request, this.#clock.now(), presented)
      case 'challenge': {
        // The session keeps its known client, or the next request from this one would pass as its own. Until the user authenticates again,
        // the session does not count as recently authenticated.
        const known = { ip: record.ip, userAgent: record.userAgent ?? undefined, passive: request.passive }
        return { ...await this.#count(record, known, this.#clock.now(), presented), authenticatedAt: null }
      }
      case 'revoke':
        await this.#revoker.revokeReliably([record.id], { reason: 'revoked', by: 'risk' })
        return new Rejection('ended', 'revoked')
    }
  }

  /** Replaces a verifier that is old enough. */
  async #rotate (record: SessionRecord, presented: PresentedToken, request: RequestContext): Promise<Validation> {
    const now = this.#clock.now()
    const successor = this.#successors.next(presented)
    if (successor === null) return this.#accept(record, request, now, presented)
    const updated = await this.#store.update(record.id, { rotate: { hash: successor.hash, keep: true } }, { generation: record.generation })
    if (updated.status === 'gone') return new Rejection('ended', updated.ended?.reason ?? null)
    if (updated.status === 'conflict') return this.#judge(updated.record, presented, request)
    this.#counts.renewed++
    const { id, userId } = record
    this.#events.emit({ type: 'rotated', at: now, id, userId, generation: updated.record.generation, cause: 'age' })
    // recorded under the presented generation: the new one is confirmed only by a request that presents it
    const accepted = await this.#accept(record, request, now, presented)
    if (accepted instanceof Rejection) return accepted
    return new Rotation({ ...updated.record, authenticatedAt: accepted.authenticatedAt }, successor.token)
  }

  /** Sends the current token again to a browser that has not received it, if one of the configured secrets derives it. */
  async #resend (record: SessionRecord, presented: PresentedToken, request: RequestContext, now: number): Promise<Validation> {
    // this instance may have seen the current token, and not yet written that
    const confirmedAt = record.confirmedAt ?? this.#activity.confirmedAt(record, now)
    if (judge(this.#policy, { ...record, confirmedAt }, presented, now) === 'reused') return this.#endReused(record, presented, request)
    this.#counts.renewed++
    const accepted = await this.#accept({ ...record, generation: presented.generation }, request, now, presented)
    if (accepted instanceof Rejection) return accepted
    const live = { ...record, authenticatedAt: accepted.authenticatedAt }
    const successor = this.#successors.matching(presented, record.hash)
    if (successor === null) return live
    this.#successors.resend(record.id, now)
    return new Rotation(live, successor.token)
  }

  /** Ends a session that two parties hold (RFC 9700 §4.14.2). */
  async #endReused (record: SessionRecord, presented: PresentedToken, request: RequestContext): Promise<Validation> {
    this.#counts.reused++
    const { id, userId } = record
    const { generation } = presented
    this.#events.emit({ type: 'token-reused', at: this.#clock.now(), id, userId, ip: request.ip, generation })
    const selector = this.#onTokenReuse === 'user' && userId !== null ? { userId } : { ids: [id] }
    await this.#revoker.end(selector, { reason: 'token-reuse' })
    return new Rejection('ended', 'token-reuse')
  }
}
