import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { ManagerServices } from '../manager/services.ts'
import { Rejection, Rotation } from '../manager/validation-result.ts'
import { decodeValue } from '../model/data.ts'
import { expiresAt } from '../model/record.ts'
import type { EndReason, SessionRecord } from '../model/record.ts'
import { acceptsAdoptedCredential } from '../policy.ts'
import { isExpired } from './adapter.ts'
import type { LegacySession } from './adapter.ts'
import { expiringSetCookie, RequestCookies } from './cookies.ts'
import { GuardedAdapter } from './guarded-adapter.ts'
import { blockMargin, isEmpty, mapSession, mapUnlessUnread, restoreKeys } from './mapping.ts'
import type { MappedSession } from './mapping.ts'
import type { MigrationSettings } from './options.ts'
import { MigrationReporter } from './reporter.ts'
import { Shadow } from './shadow.ts'
import { keyOf, SourceRecords } from './source-records.ts'
import type { ClientInfo, Credential } from './source-records.ts'

/**
 * The result of a credential: the session that adopted it, with its token; why it was rejected; the failure of the old store
 * (`FST_SESSION_STORE_UNAVAILABLE`); `null`: it does not authenticate a user.
 */
export type AdoptionResult = Rotation | Rejection | SessionError | null

/**
 * Migrates sessions of other libraries. Credentials are verified by their rules, and adopted by one node only, never for longer than their
 * remaining lifetime.
 */
export class Adoption {
  readonly #manager: SessionManager
  readonly #core: ManagerServices
  readonly #settings: MigrationSettings
  readonly #stores: readonly GuardedAdapter[]
  readonly #records: SourceRecords
  readonly #inFlight = new Map<string, Promise<AdoptionResult>>()
  readonly #background = new Set<Promise<unknown>>()
  readonly #reporter: MigrationReporter
  readonly #shadow: Shadow
  readonly #stops: readonly (() => void)[]
  #pastDeadline = false

  constructor (manager: SessionManager, settings: MigrationSettings) {
    const { core } = manager
    const { events, blocks, revoker } = core
    this.#manager = manager
    this.#core = core
    this.#settings = settings
    this.#reporter = new MigrationReporter(core)
    this.#stores = settings.adapters.map(adapter => new GuardedAdapter(adapter, {
      timeout: settings.timeout, now: () => manager.now(),
      onFailure: (operation, error, count) => { this.#reporter.failed(adapter, operation, { error, count }) }
    }))
    this.#shadow = new Shadow(core, { settings, reporter: this.#reporter })
    this.#records = new SourceRecords(core)
    const ended = ({ id }: { readonly id: string | null }): void => { this.#records.onEnded(id as string) }
    // a logout everywhere includes browsers that have not sent a request since the switch
    const revoking = (userId: string): Promise<void> =>
      settings.mode === 'shadow' ? Promise.resolve() : blocks.blockUser(userId, settings.until + blockMargin)
    this.#stops = [events.on('ended', ended), core.notifier.onRemoteEnd(ended), revoker.onRevokeUser(revoking)]
  }

  /** Returns the credential of a request, without I/O. */
  find (header: string, ip?: string): Credential | null {
    if (this.#isPastDeadline()) return null
    const cookies = new RequestCookies(header)
    for (const store of this.#stores) {
      const text = store.match(cookies)
      if (typeof text === 'string') return { store, text }
      if (text === false && ip !== undefined) this.#reporter.reject(store, 'forged', ip)
    }
    return null
  }

  /**
   * Adopts a legacy session. Parallel requests with one credential share one adoption. In mode `shadow`, only compares, and returns `null`.
   */
  adopt (credential: Credential, client: ClientInfo): Promise<AdoptionResult> {
    const key = keyOf(credential)
    const underway = this.#inFlight.get(key)
    if (underway !== undefined) return underway
    const taking = this.#adoptNew(credential, client).finally(() => { this.#inFlight.delete(key) })
    this.#inFlight.set(key, taking)
    return taking
  }

  /**
   * Handles a request with a live session and the cookies of `header`. If the session was adopted, the browser has sent its new cookie: the
   * legacy record is deleted or kept, according to the mode. Returns the cookies to delete.
   */
  onLiveSession (record: SessionRecord, header: string): readonly string[] {
    const { mode, rollback } = this.#settings
    const adopted = record.methods.some(method => method.startsWith('adopted:')) || this.#records.has(record.id)
    if (!adopted && mode === 'adopt') return []
    const found = this.find(header)
    if (mode === 'shadow') {
      if (found !== null) this.#inBackground(this.#shadow.compare(found, record))
      return []
    }
    if (found === null) return this.staleCookies(header)
    if (adopted) this.#records.remember(record.id, found)
    if (rollback !== null) this.#extendSource(record, header)
    if (rollback !== null || acceptsAdoptedCredential(this.#manager.settings.policy, record, this.#manager.now())) return []
    if (this.#records.isRetired(found)) return this.#deletions(header)
    this.#inBackground(this.#records.retire(found, record.id))
    return []
  }

  /** Writes changed data back to the legacy record, so that a rollback finds it. */
  onDataChange (record: SessionRecord, header: string): void {
    const { rollback } = this.#settings
    if (rollback === null) return
    const found = this.find(header)
    if (found === null) return
    const data = Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, decodeValue(text)]))
    const old = rollback(restoreKeys(data), found.store.adapter.name)
    this.#inBackground(this.#records.mirror(found, record.id, { userId: record.userId, data: old, expiresAt: expiresAt(record) }))
  }

  /**
   * Blocks the legacy credential of a browser that signs out, and deletes its record. Returns the cookies to delete. Rejects with
   * `FST_SESSION_REVOCATION_PENDING` if the credential could not be blocked.
   */
  async onLogout (header: string): Promise<readonly string[]> {
    const found = this.#settings.mode === 'shadow' ? null : this.find(header)
    if (found === null) return []
    try {
      const known = await mapUnlessUnread(found, this.#settings, session => this.#mapSession(found, session))
      if (known !== null) await this.#core.blocks.block(known.adopts, { userId: known.userId, reason: 'logout', by: 'user' })
    } catch (error) {
      throw new SessionError('FST_SESSION_REVOCATION_PENDING', { cause: error })
    } finally {
      await this.#records.retire(found, null)
    }
    return this.#deletions(header)
  }

  /** Extends the legacy session with the new one, at most once a minute. */
  #extendSource (record: SessionRecord, header: string): void {
    if (expiresAt(record) === record.absoluteExpiresAt || !this.#records.isDue(record.id)) return
    this.onDataChange(record, header)
  }

  /** Returns the legacy cookies to delete in mode `drain`, because they cannot authenticate. */
  staleCookies (header: string): readonly string[] {
    return this.#settings.mode === 'drain' && !this.#isPastDeadline() ? this.#deletions(header) : []
  }

  /** Waits for adoptions in flight. */
  async close (): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.all([...this.#inFlight.values(), ...this.#background])
    await this.#records.settled()
  }

  async #adoptNew (credential: Credential, client: ClientInfo): Promise<AdoptionResult> {
    if (this.#settings.mode === 'shadow') {
      this.#inBackground(this.#shadow.compare(credential, null))
      return null
    }
    let session
    try {
      session = await credential.store.load(credential.text)
    } catch (error) {
      // the circuit breaker of the adapter throws nothing else
      return error as SessionError
    }
    if (session === null || isExpired(session, this.#manager.now())) return this.#skip(credential, 'over')
    try {
      const mapped = this.#mapSession(credential, session)
      if (isEmpty(mapped)) return this.#skip(credential, 'empty')
      if (await this.#isBlocked(mapped.userId, session)) {
        this.#reporter.reject(credential.store, 'revoked', client.ip)
        void this.#records.retire(credential, null)
        return new Rejection('ended', 'revoked')
      }
      return await this.#adopt(credential, mapped, client)
    } catch (error) {
      return this.#rejected(credential, error, client)
    }
  }

  /** Returns whether the user has signed out everywhere after this session signed in. */
  async #isBlocked (userId: string | null, session: LegacySession): Promise<boolean> {
    const at = userId === null ? null : await this.#core.blocks.blockedAt(userId)
    return at !== null && !(session.createdAt !== undefined && session.createdAt > at)
  }

  async #adopt (credential: Credential, mapped: MappedSession, client: ClientInfo): Promise<Rotation> {
    const { renamed, ...wanted } = mapped
    const { session, token, joined } = await this.#manager.create({ ...wanted, ...client })
    this.#records.remember(session.id, credential)
    if (joined) {
      this.#reporter.report(credential, 'joined', session)
    } else {
      const base = { at: this.#manager.now(), id: session.id, userId: session.userId }
      for (const { from, to } of renamed) this.#core.events.emit({ type: 'key-renamed', ...base, from, to })
    }
    return new Rotation(session, token)
  }

  /** Returns why a legacy session was not adopted. Failures of the new store are thrown. */
  #rejected (credential: Credential, error: unknown, client: ClientInfo): Rejection | null {
    const { code, reason } = error instanceof SessionError ? error : { code: null, reason: undefined }
    if (code === 'FST_SESSION_STORE_UNAVAILABLE' || code === 'FST_SESSION_STORE_FULL') throw error
    const { store } = credential
    if (code === 'FST_SESSION_ENDED') {
      // `superseded` by its own successor: a client sends a copy of a cookie that its browser no longer needs
      this.#reporter.reject(store, reason === 'superseded' ? 'superseded' : 'ended', client.ip)
      if (reason !== 'superseded' || this.#settings.rollback === null) void this.#records.retire(credential, null)
      return reason === 'superseded' ? new Rejection('superseded', null) : new Rejection('ended', reason as EndReason)
    }
    this.#reporter.reject(store, code === 'FST_SESSION_LIMIT_REACHED' ? 'limit' : 'unusable', client.ip)
    return null
  }

  #skip (credential: Credential, result: 'over' | 'empty'): null {
    this.#reporter.report(credential, result)
    return null
  }

  #mapSession ({ store, text }: Credential, session: LegacySession): MappedSession {
    const { policy } = this.#manager.settings
    return mapSession(session, { settings: this.#settings, policy, source: store.adapter.name, credential: text })
  }

  /** Returns Set-Cookie values that delete every legacy cookie of the header. */
  #deletions (header: string): string[] {
    return new RequestCookies(header).present(this.#settings.adapters.flatMap(adapter => adapter.cookies)).map(expiringSetCookie)
  }

  #isPastDeadline (): boolean {
    if (this.#manager.now() < this.#settings.until) return false
    if (this.#pastDeadline) return true
    this.#pastDeadline = true
    this.#manager.settings.warn('`migrate.until` has passed: cookies of other libraries are ignored. Remove the option `migrate`.')
    return true
  }

  #inBackground (task: Promise<unknown>): void {
    const done = task.finally(() => { this.#background.delete(done) })
    this.#background.add(done)
  }
}
