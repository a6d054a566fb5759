import { isThenable } from '../async.ts'
import { endedError, isUnavailable, SessionError } from '../errors.ts'
import type { Events } from '../events/emitter.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { mayJoin } from '../policy.ts'
import type { Created, Store } from '../store.ts'
import { markOf } from '../token/credential-verifiers.ts'
import type { Adopted, AdoptedVerifiers } from '../token/credential-verifiers.ts'
import type { Announcer } from './end-notifier.ts'
import type { Settings } from './options.ts'
import type { PendingEnds } from './pending-revocations.ts'
import type { NewRecords, NewSession } from './record-factory.ts'
import type { Clock } from './store-clock.ts'

/** A created session, with the one token that opens it. */
export interface NewSessionResult {
  readonly session: SessionRecord
  /** 68 characters, to be signed and given to the browser; nobody else ever sees it. */
  readonly token: string
  /** What made room for it, or was replaced. */
  readonly ended: readonly EndedSession[]
  /** Its credential was adopted before: the session existed. */
  readonly joined: boolean
}

export interface CreatorOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly events: Events
  readonly announcer: Announcer
  readonly pending: PendingEnds
  readonly records: NewRecords
  readonly adopted: AdoptedVerifiers
}

/** Makes sessions. */
export class Creator {
  readonly #store: Store
  readonly #options: CreatorOptions

  constructor (store: Store, options: CreatorOptions) {
    this.#store = store
    this.#options = options
  }

  /** Creates a session, in one step with the limit. */
  async create (options: NewSession): Promise<NewSessionResult> {
    const { record, token } = this.#options.records.newRecord(options)
    const { adopts } = options
    const { limit } = this.#options.settings
    // no await where there is nothing to wait for
    let max = record.userId === null ? Infinity : limit.max(record.userId)
    if (isThenable(max)) max = await max
    let created
    try {
      created = this.#store.create(record, {
        at: this.#options.clock.now(),
        limit: max === Infinity ? null : { max, onLimit: limit.onLimit },
        replaces: options.replaces ?? null,
        adopts: adopts === undefined ? null : markOf(adopts)
      })
      if (isThenable(created)) created = await created
    } catch (error) {
      // A sign-in that was not answered may still have happened: then nobody has its token, and it must not stay. But a credential's next
      // request gets what the first one made.
      if (adopts === undefined && isUnavailable(error)) this.#options.pending.add([record.id], { reason: 'revoked', by: 'rollback' })
      throw error
    }
    return this.#created(created, { record, token }, options)
  }

  #created (created: Created, wanted: { readonly record: SessionRecord, readonly token: string }, options: NewSession): NewSessionResult {
    const { clock, events, announcer, pending } = this.#options
    const at = clock.now()
    switch (created.status) {
      case 'created': {
        const { record, ended } = created
        announcer.ended(ended)
        const base = { at, id: record.id, userId: record.userId }
        events.emit({ type: 'created', ...base, methods: record.methods, remembered: record.remembered, ip: record.ip, device: record.device })
        if (options.adopts !== undefined) events.emit({ type: 'adopted', ...base, source: options.adopts.source })
        return { session: record, token: wanted.token, ended, joined: false }
      }
      case 'adopted': {
        const { session } = created
        if (session === null || hasEnded(session)) throw endedError(session?.reason ?? 'logout')
        const refused = pending.reasonFor(session.id)
        if (refused !== undefined) throw endedError(refused)
        return { session, token: this.#joinToken(session, options.adopts as Adopted, at), ended: [], joined: true }
      }
      case 'refused':
        events.emit({ type: 'limit-refused', at, id: null, userId: wanted.record.userId, max: created.live.length })
        throw new SessionError('FST_SESSION_LIMIT_REACHED')
      case 'full': throw new SessionError('FST_SESSION_STORE_FULL')
      case 'exists': throw new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: new Error('an id was used twice') })
    }
  }

  /** The token for a browser that brings an adopted credential again. Its first requests go in parallel, so that it is not alone. */
  #joinToken (session: SessionRecord, adopts: Adopted, now: number): string {
    const { settings, adopted } = this.#options
    const token = adopted.tokenOf(session, adopts)
    if (token === null || !mayJoin(settings.policy, session, now)) throw endedError('superseded')
    return token
  }
}
