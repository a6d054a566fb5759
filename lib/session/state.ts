import type { FastifyReply, FastifyRequest } from 'fastify'
import { Mutex } from '../async.ts'
import { cookieHeader } from '../cookie/request.ts'
import { SessionError } from '../errors.ts'
import type { NewSession } from '../manager/record-factory.ts'
import type { Authentication } from '../manager/rotator.ts'
import { Rotation } from '../manager/validation-result.ts'
import type { Rejection } from '../manager/validation-result.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { SessionContext } from './context.ts'
import { noDecodedData } from './decoded-data.ts'
import { toInfo } from './info.ts'
import type { SessionInfo } from './info.ts'
import {
  createSessionFor, endedErrorOf, extendLive, keptOnLogin, ownerOf, planWrite, readLive, rejectCorrupt, rotateLive, sessionToEnd, updateData
} from './operations.ts'
import { ResponseCookies } from './response-cookies.ts'
import type { LoginOptions, SessionActions } from './session-api.ts'
import { createSession } from './session.ts'
import type { SessionObject } from './session.ts'
import { TrackedData } from './tracked-data.ts'
import type { DataChanges } from './tracked-data.ts'

/** The session of one request, from its validation to the headers of its response. Runs one step at a time, in the order of the calls. */
export class SessionState implements SessionActions {
  record: SessionRecord | null = null
  /** Why the presented cookie cannot authenticate. */
  rejection: Rejection | null = null
  /** The store failed: using the session throws this. */
  error: SessionError | null = null
  /** The cookies of the response, once there are any; `cookies` creates them. */
  responseCookies: ResponseCookies | null = null
  /** The handler or a write failed: nothing more is written. */
  failed = false
  guarded = false
  readonly reply: FastifyReply
  readonly #context: SessionContext
  /** The token of the request; a text, if it was issued since and is not parsed yet. */
  #token: PresentedToken | string | null
  #data: TrackedData<SessionObject> | null = null
  /** Created with the first step. */
  #steps: Mutex | null = null
  /** The reason of a failed write: a later `save()` must not resolve. */
  #writeError: Error | null = null
  #createdHere = false
  #regenerate = false

  // three arguments: an object would be one more allocation for each request
  constructor (context: SessionContext, reply: FastifyReply, presented: PresentedToken | null) {
    this.#context = context
    this.reply = reply
    this.#token = presented
  }

  get request (): FastifyRequest { return this.reply.request }
  /** Whether the response depends on the session: the app or a guard used it. */
  get used (): boolean { return this.guarded || this.#data !== null }
  /** The object that handlers hold, made when it is first used. Throws the error of a store that failed. */
  get session (): SessionObject { return this.#tracked.object }
  info (): SessionInfo | null { return this.record === null ? null : toInfo(this.record) }

  /** Continues with this session, and issues this token. `renewal`: only because of the age of the token or of its signature. */
  issue ({ record, token }: Rotation, renewal: boolean): void {
    this.record = record
    this.#token = token
    this.cookies.issue(token, { record, now: this.#context.manager.now(), renewal })
  }

  /** Adds these Set-Cookie values, which expire legacy cookies. */
  expireLegacyCookies (cookies: readonly string[]): void {
    if (this.responseCookies !== null || cookies.length > 0) this.cookies.legacyDeletions = cookies
  }

  login (userId: string | number, { remember = false, method, data = {} }: LoginOptions = {}): Promise<void> {
    const before = this.#data?.copy() ?? {}
    return this.#inTurn(async () => {
      const kept = keptOnLogin(this.record, this.#tracked, this.#context)
      await this.#create({ userId: toUserId(userId), remember, method, data: { ...kept, ...data } })
      const sent = Object.keys(kept).filter(key => !Object.hasOwn(data, key))
      this.#load([...this.#tracked.changedSince(before), ...sent])
    })
  }

  logout (): Promise<void> { return this.#inTurn(() => this.#logout()) }

  rotate (): Promise<void> { return this.#inTurn(async () => { if (this.record !== null) await this.#rotate() }) }

  reauthenticate (options: Pick<Authentication, 'method'>): Promise<void> {
    return this.#inTurn(async () => {
      const { record, request } = this
      if (record?.userId == null) throw new SessionError('FST_SESSION_REQUIRED')
      const rotated = await this.#rotate({ ...options, ip: request.ip, userAgent: request.headers['user-agent'] })
      if (!rotated) throw await endedErrorOf(record.id, this.#context)
    })
  }

  extend (): Promise<void> { return this.#inTurn(() => extendLive(this, this.#context)) }

  onEnd (listener: (session: EndedSession) => void): () => void {
    if (this.record === null) throw new SessionError('FST_SESSION_REQUIRED')
    return this.#context.manager.onEnd(this.record, listener)
  }

  reload (): Promise<void> {
    const before = this.#data?.copy() ?? {}
    return this.#inTurn(async () => {
      if (this.record === null) return
      this.record = await readLive(this.record, this.#context)
      this.#load(this.#tracked.changedSince(before))
    })
  }

  async regenerate (keep: readonly string[]): Promise<void> {
    this.#tracked.drop(keep)
    this.#regenerate = true
  }

  /** Writes the data, and adds the cookie to the headers of the response, even of one that the app sends itself. */
  async save (): Promise<void> {
    await this.commit(this.unsaved())
    this.responseCookies?.applyNow(this.reply)
  }

  /** Returns the changes that no write has sent, or `null`. Costs little for a request without changes. */
  unsaved (): DataChanges | null {
    if (this.#data === null || this.failed) return null
    return this.#data.changes() ?? (this.#regenerate ? this.#data.unchanged : null)
  }

  /**
   * Writes these changes in one operation. If another step must finish first, it writes the changes of that moment. Rejects with the
   * store's errors, and with `FST_SESSION_ENDED` if the session has ended meanwhile.
   */
  commit (changes: DataChanges | null): Promise<void> {
    return this.#inTurn(async waited => {
      if (this.#writeError !== null) throw this.#writeError
      try {
        await this.#write(waited ? this.unsaved() : changes)
      } catch (error) {
        this.failed = true
        this.#writeError = error as Error
        throw error
      }
    })
  }

  /** Drops the data of a handler that threw, and ends a session that it created. A logout stays. */
  async rollback (): Promise<void> {
    this.failed = true
    await this.#steps?.runExclusive(async () => {
      if (!this.#createdHere || this.record === null) return
      const { id } = this.record
      this.#clear()
      this.cookies.clear()
      await this.#context.manager.revoke(id, { reason: 'revoked', by: 'rollback' })
    })
  }

  get #tracked (): TrackedData<SessionObject> {
    if (this.error !== null) throw this.error
    if (this.#data === null) {
      this.#data = new TrackedData(createSession(this))
      this.#load()
    }
    return this.#data
  }

  get cookies (): ResponseCookies {
    this.responseCookies ??= new ResponseCookies(this.#context.cookies.for(this.request.raw))
    return this.responseCookies
  }

  /** Runs one step at a time: two saves of a guest at once must not create two sessions. */
  #inTurn (step: (waited: boolean) => Promise<void>): Promise<void> {
    this.#steps ??= new Mutex()
    return this.#steps.runExclusive(step)
  }

  async #logout (): Promise<void> {
    const presented = typeof this.#token === 'string' ? present(this.#token) : this.#token
    const id = sessionToEnd(this, presented)
    this.#clear()
    const { migration, manager } = this.#context
    const legacyCookies = migration?.onLogout(cookieHeader(this.request.raw) ?? '')
    try {
      if (id === undefined && presented === null && this.responseCookies?.hasTwins !== true) return
      this.cookies.clear()
      this.cookies.loggedOut = true
      if (id !== undefined) await manager.revoke(id, { reason: 'logout', by: 'user' })
    } finally {
      if (legacyCookies !== undefined) this.expireLegacyCookies(await legacyCookies)
    }
  }

  async #write (changes: DataChanges | null): Promise<void> {
    if (changes === null) return
    const { record } = this
    const userId = ownerOf(record, this.#tracked.object, this.#context)
    const plan = planWrite(record, { userId, changes, regenerate: this.#regenerate })
    this.#regenerate = false
    if (plan === 'none') return
    if (plan === 'logout') { await this.#logout(); return }
    if (plan === 'create') await this.#create({ userId, remember: record?.remembered, encodedData: changes.all })
    else this.record = await updateData(this, changes, this.#context)
    this.#tracked.applied(changes)
  }

  async #create (wanted: NewSession): Promise<void> {
    const { session, token } = await createSessionFor(this, wanted, this.#context)
    this.rejection = null
    this.#createdHere = true
    this.#regenerate = false
    this.issue(new Rotation(session, token), false)
  }

  /** Returns whether the token was the current one. */
  async #rotate (authentication?: Authentication): Promise<boolean> {
    const rotation = await rotateLive(this.record, { token: this.#token as PresentedToken | string, authentication }, this.#context)
    if (rotation !== null) this.issue(rotation, false)
    return rotation !== null
  }

  #clear (): void {
    this.record = null
    this.#createdHere = false
    this.#regenerate = false
    this.#data?.load(noDecodedData)
  }

  /** Loads the data of the record, except keys that the handler changed meanwhile. */
  #load (newer: readonly string[] = []): void {
    const { record } = this
    if (record === null) return
    try {
      this.#data?.load(this.#context.decoded.of(record.id, record.data), newer)
    } catch {
      this.#data = null
      this.record = null
      this.error = rejectCorrupt(record, this.#context)
      throw this.error
    }
  }
}
