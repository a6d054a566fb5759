import { isThenable } from '../async.ts'
import type { Awaitable } from '../async.ts'
import type { Events } from '../events/emitter.ts'
import { expiryReason, hasEnded, isSession } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { cleanAgent } from '../model/user-agent.ts'
import { oneOf } from '../options.ts'
import { judge } from '../policy.ts'
import type { Policy } from '../policy.ts'
import type { Store } from '../store.ts'
import type { CachedStore } from '../stores/wrappers/cached-store.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { Successors } from '../token/successors.ts'
import type { Activity, Visit } from './activity.ts'
import type { Settings } from './options.ts'
import type { PendingEnds } from './pending-revocations.ts'
import type { Ender } from './revoker.ts'
import { Strangers } from './risk.ts'
import type { Difference } from './risk.ts'
import type { Clock } from './store-clock.ts'
import { Refusal, Renewal } from './validation-result.ts'
import type { Validation, ValidationCounts } from './validation-result.ts'

export interface ValidatorOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly events: Events
  /** `null`: every validation reads. */
  readonly copies: CachedStore | null
  readonly activity: Activity
  readonly pending: PendingEnds
  readonly ender: Ender
  readonly successors: Successors
  /** Added to. */
  readonly counts: ValidationCounts
  /** Told what a request has that its session had not, once for each place that `risk` has doubts about. */
  readonly onChange: (record: SessionRecord, change: Difference) => void
}

/** Judges presented tokens, and acts on the verdict. What a verdict is made of is in lib/policy.ts. */
export class Validator {
  readonly #store: Store
  readonly #clock: Clock
  readonly #events: Events
  readonly #copies: CachedStore | null
  readonly #activity: Activity
  readonly #pending: PendingEnds
  readonly #ender: Ender
  readonly #successors: Successors
  readonly #validations: ValidationCounts
  readonly #strangers: Strangers
  readonly #policy: Policy
  readonly #risk: Settings['risk']
  readonly #onReuse: Settings['onReuse']
  readonly #writesThrough: boolean

  constructor (store: Store, { settings, clock, events, copies, activity, pending, ender, successors, counts, onChange }: ValidatorOptions) {
    this.#store = store
    this.#clock = clock
    this.#events = events
    this.#copies = copies
    this.#activity = activity
    this.#pending = pending
    this.#ender = ender
    this.#successors = successors
    this.#validations = counts
    this.#strangers = new Strangers(onChange)
    this.#policy = settings.policy
    this.#risk = settings.risk
    this.#onReuse = settings.onReuse
    this.#writesThrough = settings.flush === 0
  }

  /** Judges a presented token, and counts the request if it is good. Answers at once if the store does. */
  validate (presented: PresentedToken, visit: Visit): Awaitable<Validation> {
    const refused = this.#pending.reasonFor(presented.id)
    if (refused !== undefined) return new Refusal('ended', refused)
    if (this.#copies !== null && visit.strict !== true) {
      // a copy may only say yes: every other verdict asks the store
      const copy = this.#copies.peek(presented.id)
      if (copy !== null) {
        const now = this.#clock.now()
        if (judge(this.#policy, copy, presented, now) === 'accept') {
          this.#validations.accepted++
          return this.#accept(copy, visit, now, presented)
        }
      }
    }
    const found = this.#store.read(presented.id)
    return isThenable(found) ? found.then(found => this.#judge(found, presented, visit)) : this.#judge(found, presented, visit)
  }

  #judge (found: SessionRecord | EndedSession | null, presented: PresentedToken, visit: Visit): Awaitable<Validation> {
    if (found === null) {
      this.#validations.unknown++
      return new Refusal('unknown', null)
    }
    const now = this.#clock.now()
    if (!isSession(found)) {
      this.#validations.unknown++
      this.#events.emit({ type: 'unreadable', at: now, id: presented.id, userId: null, part: 'record' })
      return new Refusal('unknown', null)
    }
    if (hasEnded(found)) {
      this.#validations.ended++
      this.#events.emit({ type: 'used-after-end', at: now, id: found.id, userId: found.userId, reason: found.reason, ip: visit.ip })
      return new Refusal('ended', found.reason)
    }
    const verdict = judge(this.#policy, found, presented, now)
    switch (verdict) {
      case 'accept':
        this.#validations.accepted++
        return this.#accept(found, visit, now, presented)
      case 'rotate': return this.#rotateByAge(found, presented, visit)
      case 'catch-up': return this.#catchUp(found, presented, visit, now)
      case 'expired':
        this.#validations.ended++
        return new Refusal('ended', expiryReason(found))
      case 'reused': return this.#reused(found, presented, visit)
      case 'superseded':
      case 'unknown':
        this.#validations[verdict]++
        return new Refusal(verdict, null)
    }
  }

  #accept (record: SessionRecord, visit: Visit, now: number, presented: PresentedToken): Awaitable<SessionRecord | Refusal> {
    if (this.#risk !== undefined && differs(record, visit)) return this.#assess(record, visit, now, presented)
    return this.#count(record, visit, now, presented)
  }

  #count (record: SessionRecord, visit: Visit, now: number, presented: PresentedToken): Awaitable<SessionRecord> {
    this.#activity.record(record, visit, now, presented)
    if (!this.#writesThrough) return record
    // a store in this process would count the request into what it found
    const found = { ...record }
    return this.#activity.flush(now)?.then(() => found) ?? found
  }

  /** The app decides about a request that looks different. What it answers is checked: only `allow` allows. */
  async #assess (record: SessionRecord, visit: Visit, now: number, presented: PresentedToken): Promise<SessionRecord | Refusal> {
    const agent = cleanAgent(visit.agent)
    const verdict = oneOf(await this.#risk?.(record, { ip: visit.ip, agent }), 'risk', ['allow', 'challenge', 'end'])
    if (verdict === 'allow') return this.#count(record, visit, now, presented)
    this.#strangers.add(record, visit.ip, agent)
    if (verdict === 'end') {
      await this.#ender.endSurely([record.id], { reason: 'revoked', by: 'risk' })
      return new Refusal('ended', 'revoked')
    }
    // Where the session was last known stays as it was, or the next request from here would pass for its own. Until its user
    // authenticates again, it is one whose sign-in is too long ago for whatever asks for a fresh one.
    const { ip } = record
    return { ...await this.#count(record, { ip, agent: record.agent ?? undefined, passive: visit.passive }, now, presented), authenticatedAt: null }
  }

  async #rotateByAge (record: SessionRecord, presented: PresentedToken, visit: Visit): Promise<Validation> {
    const now = this.#clock.now()
    const successor = this.#successors.next(presented)
    if (successor === null) return this.#accept(record, visit, now, presented)
    const updated = await this.#store.update(record.id, { rotate: { hash: successor.hash, keep: true } }, { generation: record.generation })
    if (updated.status === 'gone') return new Refusal('ended', updated.ended?.reason ?? null)
    if (updated.status === 'conflict') return this.#judge(updated.record, presented, visit)
    this.#validations.renewed++
    this.#events.emit({ type: 'rotated', at: now, id: record.id, userId: record.userId, generation: updated.record.generation, cause: 'age' })
    // recorded under the generation that was presented: the new one is confirmed only when it comes back
    const accepted = await this.#accept(record, visit, now, presented)
    return accepted instanceof Refusal ? accepted : new Renewal({ ...updated.record, authenticatedAt: accepted.authenticatedAt }, successor.token)
  }

  /** The browser has not got its new cookie yet: it is derived again, if one of our secrets made it. */
  async #catchUp (record: SessionRecord, presented: PresentedToken, visit: Visit, now: number): Promise<Validation> {
    // the new one may have been seen here, and not yet written
    const confirmedAt = record.confirmedAt ?? this.#activity.confirmedAt(record, now)
    if (judge(this.#policy, { ...record, confirmedAt }, presented, now) === 'reused') return this.#reused(record, presented, visit)
    this.#validations.renewed++
    const accepted = await this.#accept({ ...record, generation: presented.generation }, visit, now, presented)
    if (accepted instanceof Refusal) return accepted
    const live = { ...record, authenticatedAt: accepted.authenticatedAt }
    const successor = this.#successors.matching(presented, record.hash)
    if (successor === null) return live
    this.#successors.resend(record.id, now)
    return new Renewal(live, successor.token)
  }

  async #reused (record: SessionRecord, presented: PresentedToken, visit: Visit): Promise<Validation> {
    this.#validations.reused++
    const selector = this.#onReuse === 'user' && record.userId !== null ? { userId: record.userId } : { ids: [record.id] }
    this.#events.emit({ type: 'token-reused', at: this.#clock.now(), id: record.id, userId: record.userId, ip: visit.ip, generation: presented.generation })
    await this.#ender.end(selector, { reason: 'reused' })
    return new Refusal('ended', 'reused')
  }
}

/** Whether a request looks different from the session's last. */
function differs (record: SessionRecord, visit: Visit): boolean {
  return visit.ip !== record.ip || (visit.agent !== record.agent && cleanAgent(visit.agent) !== record.agent)
}
