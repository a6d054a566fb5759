import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import { Refusal, Renewal } from '../manager/validation-result.ts'
import { decodeValue } from '../model/data.ts'
import { expiresAt } from '../model/record.ts'
import type { EndReason, SessionRecord } from '../model/record.ts'
import { mayJoin } from '../policy.ts'
import type { LegacySession } from './adapter.ts'
import { deletion, RequestCookies } from './cookies.ts'
import { GuardedAdapter } from './guarded-adapter.ts'
import { blockMargin, isEmpty, isPast, restoreKeys, toTakeover } from './mapping.ts'
import type { Takeover } from './mapping.ts'
import type { LegacySettings } from './options.ts'
import { Reports } from './reporter.ts'
import { Shadow } from './shadow.ts'
import { keyOf, OldRecords } from './source-records.ts'
import type { Credential } from './source-records.ts'

/** Who brings a credential. */
export interface Bearer {
  readonly ip: string | undefined
  readonly agent: string | undefined
}

/**
 * What has become of a credential: the session that adopted it, with its token; why it opens nothing; the old store's trouble
 * (`FST_SESSION_STORE_UNAVAILABLE`); `null`: nobody is signed in by it.
 */
export type Taken = Renewal | Refusal | SessionError | null

/** Takes sessions of other libraries over: verified with their rules, loaded once, adopted once over all nodes, never for longer than they would have lived. */
export class Adoption {
  readonly #manager: SessionManager
  readonly #settings: LegacySettings
  readonly #stores: readonly GuardedAdapter[]
  readonly #records: OldRecords
  readonly #underway = new Map<string, Promise<Taken>>()
  readonly #background = new Set<Promise<unknown>>()
  readonly #reports: Reports
  readonly #shadow: Shadow
  readonly #stops: readonly (() => void)[]
  #over = false

  constructor (manager: SessionManager, settings: LegacySettings) {
    this.#manager = manager
    this.#settings = settings
    const now = (): number => manager.now()
    this.#stores = settings.adapters.map(adapter => new GuardedAdapter(adapter, {
      timeout: settings.timeout,
      onFailure: (operation, error, count) => {
        manager.tell({ type: 'legacy-failed', at: now(), id: null, userId: null, source: adapter.name, operation, error: error instanceof Error ? error.name : 'Error', count })
      }
    }))
    this.#reports = new Reports(manager)
    this.#shadow = new Shadow(manager, { settings, reports: this.#reports })
    this.#records = new OldRecords({ get: id => manager.get(id), tell: event => { manager.tell(event) }, now })
    const ended = ({ id }: { readonly id: string | null }): void => { this.#records.ended(id as string) }
    // whoever signs out everywhere means browsers, too, that have not come by since the switch
    const revoking = (userId: string): Promise<void> => settings.mode === 'shadow' ? Promise.resolve() : manager.blockUser(userId, settings.until + blockMargin)
    this.#stops = [manager.on('ended', ended), manager.onEndElsewhere(ended), manager.onRevokeUser(revoking)]
  }

  /** The credential that a request bears; without I/O. */
  find (header: string, ip?: string): Credential | null {
    if (this.#isOver()) return null
    const cookies = new RequestCookies(header)
    for (const store of this.#stores) {
      const text = store.match(cookies)
      if (typeof text === 'string') return { store, text }
      if (text === false && ip !== undefined) this.#reports.refuse(store, 'forged', ip)
    }
    return null
  }

  /** Takes a session over; parallel requests with one credential share one go. In mode `shadow`: looks, and answers `null`. */
  take (credential: Credential, bearer: Bearer): Promise<Taken> {
    const key = keyOf(credential)
    const underway = this.#underway.get(key)
    if (underway !== undefined) return underway
    const taking = this.#take(credential, bearer).finally(() => { this.#underway.delete(key) })
    this.#underway.set(key, taking)
    return taking
  }

  /**
   * A live session of ours came with the cookies of `header`. If it was adopted, its new cookie has come back: the old record is retired, or
   * kept, as the mode says. Answers the cookies to delete.
   */
  seen (record: SessionRecord, header: string): readonly string[] {
    const { mode, rollback } = this.#settings
    const adopted = record.methods.startsWith('adopted:') || this.#records.has(record.id)
    if (!adopted && mode === 'adopt') return []
    const found = this.find(header)
    if (mode === 'shadow') {
      if (found !== null) this.#later(this.#shadow.compare(found, record))
      return []
    }
    if (found === null) return this.leftovers(header)
    if (adopted) this.#records.remember(record.id, found)
    if (rollback !== null) this.#keepUp(record, header)
    if (rollback !== null || mayJoin(this.#manager.settings.policy, record, this.#manager.now())) return []
    if (this.#records.isRetired(found)) return this.#deletions(header)
    this.#later(this.#records.retire(found, record.id))
    return []
  }

  /** The data of a session has changed: the old record is kept in step, in case the old library takes over again. */
  changed (record: SessionRecord, data: Readonly<Record<string, unknown>>, header: string): void {
    const { rollback } = this.#settings
    if (rollback === null) return
    const found = this.find(header)
    if (found === null) return
    const old = rollback(restoreKeys(data), found.store.adapter.name)
    this.#later(this.#records.mirror(found, record.id, { userId: record.userId, data: old, expiresAt: expiresAt(record) }))
  }

  /** The browser signs out: what it bears of other libraries opens nothing from now on, there or here. Answers the cookies to delete. */
  async signedOut (header: string): Promise<readonly string[]> {
    const found = this.#settings.mode === 'shadow' ? null : this.find(header)
    if (found === null) return []
    try {
      const session = await found.store.load(found.text)
      if (session !== null) {
        const { userId, adopts } = this.#toTakeover(found, session)
        await this.#manager.block(adopts, { userId, reason: 'logout', by: 'user' })
      }
    } catch {
      // told by whoever failed; the old record is still to go
    }
    await this.#records.retire(found, null)
    return this.#deletions(header)
  }

  /** The old expiry moves on, at most once a minute, where the new one does. */
  #keepUp (record: SessionRecord, header: string): void {
    if (expiresAt(record) === record.absoluteAt || !this.#records.isDue(record.id)) return
    this.changed(record, Object.fromEntries(Object.entries(record.data).map(([key, text]) => [key, decodeValue(text)])), header)
  }

  /** Old cookies that opened nothing: in mode `drain`, they are to be deleted. */
  leftovers (header: string): readonly string[] {
    return this.#settings.mode === 'drain' && !this.#isOver() ? this.#deletions(header) : []
  }

  /** Waits for what is under way. */
  async close (): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.all([...this.#underway.values(), ...this.#background])
    await this.#records.settled()
  }

  async #take (credential: Credential, bearer: Bearer): Promise<Taken> {
    if (this.#settings.mode === 'shadow') {
      this.#later(this.#shadow.compare(credential, null))
      return null
    }
    let session: LegacySession | null
    try {
      session = await credential.store.load(credential.text)
    } catch (error) {
      return new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: error })
    }
    if (session === null || isPast(session, this.#manager.now())) return this.#nothing(credential, 'over')
    try {
      const takeover = this.#toTakeover(credential, session)
      if (isEmpty(takeover)) return this.#nothing(credential, 'empty')
      if (await this.#isBlocked(takeover.userId, session)) {
        this.#reports.refuse(credential.store, 'revoked', bearer.ip)
        void this.#records.retire(credential, null)
        return new Refusal('ended', 'revoked')
      }
      return await this.#adopt(credential, takeover, bearer)
    } catch (error) {
      return this.#refused(credential, error, bearer)
    }
  }

  /** Its user has signed out everywhere; only a sign-in after that counts. */
  async #isBlocked (userId: string | null, session: LegacySession): Promise<boolean> {
    const at = userId === null ? null : await this.#manager.blockedAt(userId)
    return at !== null && !(session.createdAt !== undefined && session.createdAt > at)
  }

  async #adopt (credential: Credential, takeover: Takeover, bearer: Bearer): Promise<Renewal> {
    const { renamed, ...wanted } = takeover
    const { session, token, joined } = await this.#manager.create({ ...wanted, ...bearer })
    this.#records.remember(session.id, credential)
    if (joined) {
      this.#reports.tell(credential, 'joined', session)
    } else {
      for (const { from, to } of renamed) this.#manager.tell({ type: 'key-renamed', at: this.#manager.now(), id: session.id, userId: session.userId, from, to })
    }
    return new Renewal(session, token)
  }

  /** Why an old session could not be taken over. Trouble of our own store is thrown on. */
  #refused (credential: Credential, error: unknown, bearer: Bearer): Refusal | null {
    const { code, reason } = error instanceof SessionError ? error : { code: null, reason: undefined }
    if (code === 'FST_SESSION_STORE_UNAVAILABLE' || code === 'FST_SESSION_STORE_FULL') throw error
    const { store } = credential
    if (code === 'FST_SESSION_ENDED') {
      // `replaced` by its own successor: somebody bears a copy of a cookie that its browser no longer needs
      this.#reports.refuse(store, reason === 'superseded' ? 'superseded' : 'ended', bearer.ip)
      if (reason !== 'superseded' || this.#settings.rollback === null) void this.#records.retire(credential, null)
      return reason === 'superseded' ? new Refusal('superseded', null) : new Refusal('ended', reason as EndReason)
    }
    this.#reports.refuse(store, code === 'FST_SESSION_LIMIT_REACHED' ? 'limit' : 'unusable', bearer.ip)
    return null
  }

  #nothing (credential: Credential, result: 'over' | 'empty'): null {
    this.#reports.tell(credential, result)
    return null
  }

  #toTakeover ({ store, text }: Credential, session: LegacySession): Takeover {
    return toTakeover(session, { settings: this.#settings, policy: this.#manager.settings.policy, source: store.adapter.name, credential: text })
  }

  /** Deletes whatever the header bears of the old libraries. */
  #deletions (header: string): string[] {
    const cookies = new RequestCookies(header)
    return this.#settings.adapters.flatMap(adapter => adapter.cookies.filter(({ name }) => cookies.all(name).length > 0)).map(deletion)
  }

  #isOver (): boolean {
    if (this.#manager.now() < this.#settings.until) return false
    if (!this.#over) this.#manager.settings.warn('`legacy.until` has passed: cookies of other libraries are ignored. Remove the option `legacy`.')
    this.#over = true
    return true
  }

  #later (task: Promise<unknown>): void {
    const done = task.finally(() => { this.#background.delete(done) })
    this.#background.add(done)
  }
}
