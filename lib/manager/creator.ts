import { isThenable } from '../async.ts'
import { endedError, isUnavailable, SessionError } from '../errors.ts'
import type { SessionEventEmitter } from '../events/emitter.ts'
import type { SessionEventOf } from '../events/events.ts'
import { deviceLabel } from '../model/device.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { acceptsAdoptedCredential } from '../policy.ts'
import type { CreateResult, Store } from '../store.ts'
import { adoptionKeyOf } from '../token/credential-verifiers.ts'
import type { AdoptedCredential, CredentialVerifiers } from '../token/credential-verifiers.ts'
import type { ManagerCore } from './core.ts'
import type { EndNotifier } from './end-notifier.ts'
import type { ResolvedOptions } from './options.ts'
import type { PendingRevocations } from './pending-revocations.ts'
import type { IssuedSession, NewSession, RecordFactory } from './record-factory.ts'
import type { StoreClock } from './store-clock.ts'

/** A created session, with the one token that authenticates it. */
export interface NewSessionResult {
  readonly session: SessionRecord
  /** 68 characters, to be signed and sent to the browser. It is returned only here, and stored nowhere. */
  readonly token: string
  /** Sessions that this creation ended: evicted by the limit, or replaced. */
  readonly ended: readonly EndedSession[]
  /** The credential had been adopted before: the session existed. */
  readonly joined: boolean
}

/** Creates sessions. */
export class Creator {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #events: SessionEventEmitter
  readonly #options: ResolvedOptions
  readonly #records: RecordFactory
  readonly #credentials: CredentialVerifiers
  readonly #notifier: EndNotifier
  readonly #pending: PendingRevocations

  constructor ({ store, clock, events, options, records, credentials, notifier, pending }: ManagerCore) {
    this.#store = store
    this.#clock = clock
    this.#events = events
    this.#options = options
    this.#records = records
    this.#credentials = credentials
    this.#notifier = notifier
    this.#pending = pending
  }

  /** As `SessionManager.create`. */
  async create (session: NewSession): Promise<NewSessionResult> {
    const issued = this.#records.create(session)
    const { record } = issued
    const { adopts } = session
    const { maxSessions } = this.#options
    // no await if the value is no promise
    let max = record.userId === null ? Infinity : maxSessions.max(record.userId)
    if (isThenable(max)) max = await max
    let created
    try {
      created = this.#store.create(record, {
        at: this.#clock.now(),
        limit: max === Infinity ? null : { max, onExceeded: maxSessions.onExceeded },
        replaces: session.replaces ?? null,
        adopts: adopts === undefined ? null : adoptionKeyOf(adopts)
      })
      if (isThenable(created)) created = await created
    } catch (error) {
      // A creation without a result may have succeeded. Its token is lost, so the session must end. But the next request with an adopted
      // credential gets the session that the first one created.
      // An open circuit breaker, which has no cause, has sent nothing.
      const sent = isUnavailable(error) && (error as SessionError).cause !== undefined
      if (adopts === undefined && sent) this.#pending.add([record.id], { reason: 'revoked', by: 'rollback' })
      throw error
    }
    return this.#toResult(created, issued, { adopts, max })
  }

  #toResult (
    created: CreateResult,
    issued: IssuedSession,
    { adopts, max }: { readonly adopts: AdoptedCredential | undefined, readonly max: number }
  ): NewSessionResult {
    const at = this.#clock.now()
    switch (created.status) {
      case 'created': {
        const { record, ended } = created
        this.#notifier.ended(ended, max)
        const base = { at, id: record.id, userId: record.userId }
        this.#events.emit({ type: 'created', ...base, ...toCreatedDetails(record) })
        if (adopts !== undefined) this.#events.emit({ type: 'adopted', ...base, source: adopts.source })
        return { session: record, token: issued.token, ended, joined: false }
      }
      case 'adopted': return this.#join(created.session, adopts as AdoptedCredential, at)
      case 'refused':
        this.#events.emit({ type: 'login-rejected', at, id: null, userId: issued.record.userId, max: created.live.length })
        throw new SessionError('FST_SESSION_LIMIT_REACHED')
      case 'full': throw new SessionError('FST_SESSION_STORE_FULL')
      case 'exists': throw new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: new Error('an id was used twice') })
    }
  }

  /** Returns the session that adopted the credential before: a browser sends its first requests in parallel. */
  #join (session: SessionRecord | EndedSession | null, adopts: AdoptedCredential, now: number): NewSessionResult {
    if (session === null || hasEnded(session)) throw endedError(session?.reason ?? 'logout')
    const refused = this.#pending.reasonFor(session.id)
    if (refused !== undefined) throw endedError(refused)
    const token = this.#credentials.tokenFor(session, adopts)
    if (token === null || !acceptsAdoptedCredential(this.#options.policy, session, now)) throw endedError('superseded')
    return { session, token, ended: [], joined: true }
  }
}

type CreatedDetails = Pick<SessionEventOf<'created'>, 'methods' | 'remembered' | 'ip' | 'device' | 'deviceLabel'>

/** Returns the details of the event `created`. */
function toCreatedDetails ({ methods, remembered, ip, device }: SessionRecord): CreatedDetails {
  return { methods, remembered, ip, device, deviceLabel: deviceLabel(device) }
}
