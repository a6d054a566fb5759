import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PresentedCookie, SessionCookie } from '../cookie/cookie.ts'
import { endedError, SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { NewSession } from '../manager/record-factory.ts'
import type { Refusal, Renewal } from '../manager/validation-result.ts'
import { checkSize, isEmptyText } from '../model/data.ts'
import { hasEnded, noData } from '../model/record.ts'
import type { EncodedData, EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import { toInfo } from './info.ts'
import type { SessionInfo } from './info.ts'
import { Outgoing } from './response-cookies.ts'
import type { LoginOptions, SessionActions, SessionApi } from './session-api.ts'
import { createSession } from './session.ts'
import { changesOf, encodeOwn, loadOwn, pickOwn } from './tracked-data.ts'
import type { OwnChanges } from './tracked-data.ts'

/** What a state needs from the plugin. */
export interface StateContext {
  readonly manager: SessionManager
  /** Data keys that go along from guest to user. */
  readonly keep: readonly string[]
  /** Finds the owner in the data, for apps that know only data. */
  readonly userId: ((data: Record<string, unknown>) => unknown) | null
  /** Keeps other libraries, which sessions were adopted from, in step. `signedOut` answers the cookies to delete. */
  readonly legacy: {
    changed (record: SessionRecord, data: Readonly<Record<string, unknown>>, request: FastifyRequest): void
    signedOut (request: FastifyRequest): Promise<readonly string[]>
  } | null
}

/** What one request knows of its session, and what its response must do about it. */
export class SessionState implements SessionActions {
  record: SessionRecord | null = null
  /** Why the presented cookie opens nothing. */
  refusal: Refusal | null = null
  /** The store failed: using the session throws this. */
  error: SessionError | null = null
  /** What the response must say, if anything. */
  outgoing: Outgoing | null = null
  /** The handler threw: its data is dropped. */
  failed = false
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly jar: SessionCookie
  readonly #context: StateContext
  /** What the request goes by: a token, or the text of one that it was given, until somebody needs more of it. */
  #goesBy: PresentedToken | string | null
  #session: (SessionApi & Record<string, unknown>) | null = null
  /** What the own properties were when they were last in step with the store. */
  #baseline: EncodedData = noData
  #createdHere = false
  #regenerate = false

  constructor (context: StateContext, request: FastifyRequest, reply: FastifyReply, options: { readonly jar: SessionCookie, readonly presented: PresentedCookie | null }) {
    this.#context = context
    this.request = request
    this.reply = reply
    this.jar = options.jar
    this.#goesBy = options.presented
  }

  get #presented (): PresentedToken | null {
    if (typeof this.#goesBy === 'string') this.#goesBy = present(this.#goesBy)
    return this.#goesBy
  }

  /** Somebody looked at the session. */
  get used (): boolean { return this.#session !== null }

  /** The object that handlers hold; made when somebody first asks. Throws what the store threw. */
  get session (): SessionApi & Record<string, unknown> {
    if (this.error !== null) throw this.error
    if (this.#session === null) {
      this.#session = createSession(this)
      try {
        this.#baseline = loadOwn(this.#session, this.record?.data ?? noData)
      } catch {
        throw this.#unreadable()
      }
    }
    return this.#session
  }

  info (): SessionInfo | null {
    const { record } = this
    return record === null ? null : toInfo(record)
  }

  /** The session is live, and its browser is to have this token. */
  renew (renewal: Renewal): void {
    this.record = renewal.record
    // whatever comes next in this request starts from the new one
    this.#goesBy = renewal.token
    this.#give(renewal.token, true)
  }

  /** The same token, signed by the newest secret. */
  resign (): void {
    if (this.#presented !== null) this.#give(this.#presented.token, true)
  }

  /** Cookies of other libraries must go: these Set-Cookie values say so. */
  drop (deletions: readonly string[]): void {
    if (this.outgoing !== null || deletions.length > 0) this.#say().deletions = deletions
  }

  async login (userId: string | number, options: LoginOptions = {}): Promise<void> {
    const kept = pickOwn(this.session, this.#context.keep)
    await this.#create({ userId: toUserId(userId), remember: options.remember ?? false, method: options.method, data: kept === null ? options.data : { ...kept, ...options.data } })
  }

  async logout (): Promise<void> {
    const id = this.record?.id ?? this.#presented?.id
    this.#clear()
    const { legacy, manager } = this.#context
    const forgotten = legacy?.signedOut(this.request)
    try {
      if (id === undefined) return
      const outgoing = this.#say()
      outgoing.clear()
      outgoing.loggedOut = true
      await manager.end(id, { reason: 'logout', by: 'user' })
    } finally {
      if (forgotten !== undefined) this.drop(await forgotten)
    }
  }

  async rotate (): Promise<void> {
    if (this.#presented === null || this.record === null) return
    const renewal = await this.#context.manager.rotate(this.#presented)
    if (renewal !== null) this.#rotated(renewal)
  }

  async reauthenticate (options: { readonly method?: string | readonly string[] }): Promise<void> {
    if (this.#presented === null || this.record?.userId == null) throw new SessionError('FST_SESSION_REQUIRED')
    const renewal = await this.#context.manager.rotate(this.#presented, { ...options, ip: this.request.ip, agent: this.request.headers['user-agent'] })
    if (renewal === null) throw await this.#gone(this.#presented.id)
    this.#rotated(renewal)
  }

  async extend (): Promise<void> {
    if (this.record === null) return
    const { id } = this.record
    this.record = await this.#context.manager.extend(id)
    if (this.record === null) throw await this.#gone(id)
  }

  onEnd (listener: (session: EndedSession) => void): () => void {
    if (this.record === null) throw new SessionError('FST_SESSION_REQUIRED')
    return this.#context.manager.onEnd(this.record, listener)
  }

  async reload (): Promise<void> {
    if (this.record === null) return
    const found = await this.#context.manager.get(this.record.id)
    if (found === null || hasEnded(found)) throw endedError(found?.reason ?? null)
    this.record = found
    this.#load(found.data)
  }

  async regenerate (keep: readonly string[]): Promise<void> {
    const { session } = this
    const kept = pickOwn(session, keep)
    for (const key of Object.keys(session)) Reflect.deleteProperty(session, key)
    Object.assign(session, kept)
    this.#regenerate = true
  }

  /** Keeps the data, and puts the cookie where it leaves with whatever is sent next. */
  async save (): Promise<void> {
    await this.commit()
    this.outgoing?.leaveAtOnce(this.reply)
  }

  /** Whether there is anything to keep: cheap, and all that a response without changes costs. */
  get changed (): boolean {
    return this.#session !== null && !this.failed && (this.#regenerate || changesOf(this.#session, this.#baseline) !== null)
  }

  /** Keeps what changed, in one write. Throws what the store throws, and `FST_SESSION_ENDED` if the session ended meanwhile. */
  async commit (): Promise<void> {
    const session = this.#session
    if (session === null || this.failed) return
    const changes = changesOf(session, this.#baseline)
    if (changes === null && !this.#regenerate) return
    try {
      const owner = this.#owner(session)
      if (this.#regenerate || owner !== (this.record?.userId ?? null)) await this.#reown(owner)
      else if (changes !== null) await this.#write(changes)
    } catch (error) {
      this.failed = true
      throw error
    }
  }

  /** As `commit`, with a response that has left: it cannot say what fails, nor give a cookie to a guest. */
  async commitLate (): Promise<void> {
    if (this.record === null) { this.lose('the response had left'); return }
    try {
      await this.commit()
    } catch (error) {
      this.lose((error as Error).message)
    }
  }

  /** Tells that changes were not kept. */
  lose (why: string): void {
    this.failed = true
    const { manager } = this.#context
    manager.tell({ type: 'write-lost', at: manager.now(), id: this.record?.id ?? null, userId: this.record?.userId ?? null, error: why })
  }

  /** The handler threw. What it signed out stays so; what it signed in does not. */
  async rollback (): Promise<void> {
    this.failed = true
    if (!this.#createdHere || this.record === null) return
    const { id } = this.record
    this.#clear()
    this.#say().clear()
    await this.#context.manager.end(id, { reason: 'revoked', by: 'rollback' })
  }

  async #write (changes: OwnChanges): Promise<void> {
    const { record } = this
    if (record === null) {
      // a guest comes to be with the first thing worth keeping
      if (Object.values(changes.set).every(isEmptyText)) return
      await this.#create({ userId: null, remember: false, method: undefined, data: { ...this.session } })
      return
    }
    checkSize({ ...this.#baseline, ...changes.set })
    const updated = await this.#context.manager.change(record.id, changes)
    if (updated.status !== 'done') throw await this.#gone(record.id)
    this.record = updated.record
    this.#baseline = encodeOwn(this.session)
    this.#context.legacy?.changed(updated.record, this.session.data(), this.request)
  }

  /** The owner that the data names, where the app lets the data name one. */
  #owner (session: Record<string, unknown>): string | null {
    if (this.#context.userId === null) return this.record?.userId ?? null
    const found = this.#context.userId({ ...session })
    return found === undefined || found === null ? null : toUserId(found)
  }

  /** The session goes to another owner, or starts anew: a session has one owner for its whole life, so that it is another session. */
  async #reown (owner: string | null): Promise<void> {
    this.#regenerate = false
    const data = { ...this.session }
    if (this.record === null && owner === null) { await this.#write({ set: encodeOwn(this.session), unset: [] }); return }
    if (owner === null && Object.keys(data).length === 0) { await this.logout(); return }
    await this.#create({ userId: owner, remember: this.record?.remembered ?? false, method: undefined, data })
  }

  async #create (wanted: Pick<NewSession, 'userId' | 'remember' | 'method' | 'data'>): Promise<void> {
    const { request } = this
    // key by key: a spread of whatever shape takes longer than all the rest of this
    const { session, token } = await this.#context.manager.create({
      userId: wanted.userId,
      remember: wanted.remember,
      method: wanted.method,
      data: wanted.data,
      ip: request.ip,
      agent: request.headers['user-agent'],
      replaces: this.record?.id ?? null
    })
    this.record = session
    this.refusal = null
    this.#createdHere = true
    this.#regenerate = false
    this.#goesBy = token
    this.#give(token, false)
    this.#load(session.data)
  }

  #rotated (renewal: Renewal): void {
    this.record = renewal.record
    this.#goesBy = renewal.token
    this.#give(renewal.token, false)
  }

  #give (token: string, renewal: boolean): void {
    const { record } = this
    const maxAge = record?.remembered === true ? record.absoluteAt - this.#context.manager.now() : undefined
    this.#say().give(token, { renewal, maxAge })
  }

  #say (): Outgoing {
    this.outgoing ??= new Outgoing(this.jar)
    return this.outgoing
  }

  async #gone (id: string): Promise<SessionError> {
    const left = await this.#context.manager.get(id)
    return endedError(left !== null && hasEnded(left) ? left.reason : null)
  }

  /** Data that cannot be read is not missing: whoever asks is refused, and the session ends. */
  #unreadable (): SessionError {
    const { manager } = this.#context
    const { id, userId } = this.record as SessionRecord
    manager.tell({ type: 'unreadable', at: manager.now(), id, userId, part: 'data' })
    manager.end(id, { by: 'unreadable data' }).catch(() => undefined)
    this.#session = null
    this.record = null
    this.error = endedError('revoked')
    return this.error
  }

  #clear (): void {
    this.record = null
    this.#createdHere = false
    this.#regenerate = false
    this.#load(noData)
  }

  #load (data: EncodedData): void {
    if (this.#session !== null) this.#baseline = loadOwn(this.#session, data)
  }
}
