import { SessionError } from '../errors.ts'
import { hasEnded, namedMethods } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import { deviceOf, sanitizeUserAgent } from '../model/user-agent.ts'
import type { SessionPatch } from '../store.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import { maxGeneration, sameHash } from '../token/token.ts'
import type { ManagerCore } from './core.ts'
import { Rotation } from './validation-result.ts'

/** Proof that the user has authenticated again: how, and from which client. */
export interface Authentication {
  readonly method?: string | readonly string[]
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
}

/** Replaces a session's verifier at once and invalidates the old one, on request. The validator rotates by age. */
export class Rotator {
  readonly #core: ManagerCore

  constructor (core: ManagerCore) {
    this.#core = core
  }

  /** As `SessionManager.rotate`. */
  async rotate (token: PresentedToken | string, authentication?: Authentication): Promise<Rotation | null> {
    const { clock, events, store, successors } = this.#core
    const presented = typeof token === 'string' ? present(token) : token
    if (presented === null) return null
    const current = await store.read(presented.id)
    if (current === null || hasEnded(current) || !sameHash(current.hash, presented.hash)) return null
    const successor = successors.next(presented)
    if (successor === null) return current.generation < maxGeneration ? null : this.#replace(current, authentication)
    const methods = authentication === undefined ? current.methods : namedMethods(authentication.method)
    const authenticate = authentication === undefined ? {} : this.#authenticate(current, methods)
    const patch = { rotate: { hash: successor.hash, keep: false }, ...authenticate }
    const updated = await store.update(presented.id, patch, { generation: presented.generation })
    if (updated.status !== 'done') return null
    const { record } = updated
    const base = { at: clock.now(), id: record.id, userId: record.userId }
    const cause = authentication === undefined ? 'request' : 'authentication'
    events.emit({ type: 'rotated', ...base, generation: record.generation, cause })
    if (authentication !== undefined) {
      events.emit({ type: 'reauthenticated', ...base, methods })
      await this.#trustClient(record, authentication)
    }
    return new Rotation(record, successor.token)
  }

  /**
   * Replaces a session of the highest generation, which is the limit of the token's two bytes, by another one with the same content. The
   * first one ends as `replaced`.
   */
  async #replace (current: SessionRecord, authentication: Authentication | undefined): Promise<Rotation> {
    const { clock, events, notifier, records, store } = this.#core
    const { record: { id, hash }, token } = records.create({ userId: current.userId })
    const now = clock.now()
    const record = {
      ...current, id, hash, generation: 0, previousHash: null, rotatedAt: now, confirmedAt: null,
      ...authentication === undefined ? {} : this.#authenticatedNow(current, authentication, now)
    }
    const created = await store.create(record, { at: now, limit: null, replaces: current.id, adopts: null })
    if (created.status !== 'created') throw new SessionError('FST_SESSION_STORE_FULL')
    notifier.ended(created.ended)
    const cause = authentication === undefined ? 'request' : 'authentication'
    events.emit({ type: 'rotated', at: now, id, userId: record.userId, generation: 0, cause })
    if (authentication !== undefined) {
      events.emit({ type: 'reauthenticated', at: now, id, userId: record.userId, methods: record.methods })
      await this.#trustClient(created.record, authentication)
    }
    return new Rotation(created.record, token)
  }

  #authenticatedNow (record: SessionRecord, { method }: Authentication, now: number): Partial<SessionRecord> {
    const { idleTimeout, absoluteTimeout } = this.#core.records.lifetimeOf(record)
    return { methods: namedMethods(method), authenticatedAt: now, lastSeenAt: now, idleTimeout, absoluteExpiresAt: now + absoluteTimeout }
  }

  /** Resets both timeouts (NIST SP 800-63B-4 §5.2). */
  #authenticate (record: SessionRecord, methods: readonly string[]): Pick<SessionPatch, 'authenticate'> {
    return { authenticate: { methods, ...this.#core.records.lifetimeOf(record) } }
  }

  /** Makes the client that authenticated the session's known one, so that `assessRisk` is no longer called for it. */
  async #trustClient (record: SessionRecord, authentication: Authentication): Promise<void> {
    const { options, clock, store, anonymizer } = this.#core
    if (options.assessRisk === undefined) return
    const ip = anonymizer.apply(authentication.ip)
    const userAgent = sanitizeUserAgent(authentication.userAgent)
    if (ip === record.ip && userAgent === record.userAgent) return
    const update = { id: record.id, requestCount: 0, seenAt: 0, generation: -1, ip, userAgent, device: deviceOf(userAgent) }
    await store.touch([update], clock.now())
  }
}
