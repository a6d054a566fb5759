import type { FastifyReply, FastifyRequest } from 'fastify'
import { Mutex } from '../async.ts'
import { SessionError } from '../errors.ts'
import type { Authentication } from '../manager/rotator.ts'
import type { Rejection, Rotation } from '../manager/validation-result.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import type { UserId } from '../model/user-id.ts'
import { checkNames, namesOf } from '../options.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { SessionContext } from './context.ts'
import { noDecodedData } from './decoded-data.ts'
import { toInfo } from './info.ts'
import type { SessionInfo } from './info.ts'
import { endedErrorOf, extendLive, keptOnLogin, readLive, rejectCorrupt } from './operations.ts'
import { ResponseCookies } from './response-cookies.ts'
import type { LoginOptions, SessionActions } from './session-api.ts'
import { createSession } from './session.ts'
import type { SessionObject } from './session.ts'
import { createStep, logoutStep, rotateStep, writeStep } from './steps.ts'
import type { StepState } from './steps.ts'
import { TrackedData } from './tracked-data.ts'
import type { DataChanges } from './tracked-data.ts'

const loginNames = namesOf<LoginOptions>({ remember: true, method: true, data: true })
const reauthenticateNames = namesOf<Pick<Authentication, 'method'>>({ method: true })

/** The session of one request, from its validation to the headers of its response. Runs one step at a time, in the order of the calls. */
export class SessionState implements SessionActions, StepState {
  record: SessionRecord | null = null
  /** Why the presented cookie cannot authenticate. */
  rejection: Rejection | null = null
  /** The store failed: using the session throws this. */
  error: SessionError | null = null
  /** The cookies of the response, once there are any; `cookies` creates them. */
  responseCookies: ResponseCookies | null = null
  /** A write failed: nothing more is written, except by a handler of the error. */
  failed = false
  /** The handler failed, and its data was dropped. What is set from then on is the error handler's. */
  rolledBack = false
  guarded = false
  /** The store failed when the session was looked for: the browser may have one. */
  unverified = false
  /** The head of the response has been sent with everything that the handler changed. */
  sent = false
  regenerates = false
  createdHere = false
  readonly reply: FastifyReply
  readonly context: SessionContext
  /** The token of the request; a text, if it was issued since and is not parsed yet. */
  token: PresentedToken | string | null
  #data: TrackedData<SessionObject> | null = null
  /** Created with the first step. */
  #steps: Mutex | null = null
  /** The reason of a failed write: a later `save()` must not resolve. */
  #writeError: Error | null = null

  // three arguments: an object would be one more allocation for each request
  constructor (context: SessionContext, reply: FastifyReply, presented: PresentedToken | null) {
    this.context = context
    this.reply = reply
    this.token = presented
  }

  get request (): FastifyRequest { return this.reply.request }
  /** Whether the response depends on the session: the app or a guard used it. */
  get used (): boolean { return this.guarded || this.#data !== null }
  /** The object that handlers hold, made when it is first used. Throws the error of a store that failed. */
  get session (): SessionObject { return this.tracked.object }
  info (): SessionInfo | null { return this.record === null ? null : toInfo(this.record) }

  /** Continues with this session, and issues this token. `renewal`: only because of the age of the token or of its signature. */
  issue ({ record, token }: Rotation, renewal: boolean): void {
    this.record = record
    this.token = token
    this.cookies.issue(token, { record, now: this.context.manager.now(), renewal })
  }

  /** Adds these Set-Cookie values, which expire legacy cookies. */
  expireLegacyCookies (cookies: readonly string[]): void {
    if (this.responseCookies !== null || cookies.length > 0) this.cookies.legacyDeletions = cookies
  }

  login (userId: UserId, options: LoginOptions = {}): Promise<void> {
    const before = this.#data?.copy() ?? {}
    return this.#inTurn(async () => {
      checkNames(options, 'login', loginNames)
      const { remember = false, method, data = {} } = options
      const kept = keptOnLogin(this.record, this.tracked, this.context)
      await createStep(this, { userId: toUserId(userId), remember, method, data: { ...kept, ...data } })
      const sent = Object.keys(kept).filter(key => !Object.hasOwn(data, key))
      this.#load([...this.tracked.changedSince(before), ...sent])
    })
  }

  logout (): Promise<void> { return this.#inTurn(() => logoutStep(this)) }

  rotate (): Promise<void> { return this.#inTurn(async () => { if (this.record !== null) await rotateStep(this) }) }

  reauthenticate (options: Pick<Authentication, 'method'>): Promise<void> {
    return this.#inTurn(async () => {
      checkNames(options, 'reauthenticate', reauthenticateNames)
      const { record, request } = this
      if (record?.userId == null) throw new SessionError('FST_SESSION_REQUIRED')
      const rotated = await rotateStep(this, { ...options, ip: request.ip, userAgent: request.headers['user-agent'] })
      if (!rotated) throw await endedErrorOf(record.id, this.context)
    })
  }

  extend (): Promise<void> { return this.#inTurn(() => extendLive(this, this.context)) }

  onEnd (listener: (session: EndedSession) => void): () => void {
    if (this.record === null) throw new SessionError('FST_SESSION_REQUIRED')
    return this.context.manager.onEnd(this.record, listener)
  }

  reload (): Promise<void> {
    const before = this.#data?.copy() ?? {}
    return this.#inTurn(async () => {
      if (this.record === null) return
      this.record = await readLive(this.record, this.context)
      this.#load(this.tracked.changedSince(before))
    })
  }

  async regenerate (keep: readonly string[]): Promise<void> {
    this.tracked.drop(keep)
    this.regenerates = true
  }

  /** Writes the data now. Its cookie is sent with the head of the response, also if the app sends that itself. */
  async save (): Promise<void> { await this.commit(this.unsaved()) }

  /** Returns the changes that no write has sent, or `null`. Costs little for a request without changes. */
  unsaved (): DataChanges | null {
    if (this.#data === null || this.failed) return null
    return this.#data.changes() ?? (this.regenerates ? this.#data.unchanged : null)
  }

  /**
   * Writes these changes in one operation. If another step must finish first, it writes the changes of that moment. Rejects with the
   * store's errors, and with `FST_SESSION_ENDED` if the session has ended meanwhile.
   */
  commit (changes: DataChanges | null): Promise<void> {
    return this.#inTurn(async waited => {
      if (this.#writeError !== null) throw this.#writeError
      try {
        await writeStep(this, waited ? this.unsaved() : changes)
      } catch (error) {
        this.failed = true
        this.#writeError = error as Error
        throw error
      }
    })
  }

  /** Whether a step is in flight, which the handler has not awaited. */
  get isBusy (): boolean { return this.#steps?.isBusy === true }

  /** Waits for the steps in flight. */
  settled (): Promise<void> { return this.#inTurn(async () => {}) }

  /**
   * Drops the data of a handler that threw, and ends a session that it created. A logout stays, and so does what the error handler writes
   * from then on.
   */
  async rollback (): Promise<void> {
    this.failed = true
    if (this.#steps === null) this.#reset()
    else {
      await this.#steps.runExclusive(async () => {
        const id = this.createdHere ? this.record?.id : undefined
        if (id !== undefined) {
          this.clear()
          this.cookies.clear()
        }
        this.#reset()
        if (id !== undefined) await this.context.manager.revoke(id, { reason: 'revoked', by: 'rollback' })
      })
    }
  }

  get tracked (): TrackedData<SessionObject> {
    if (this.error !== null) throw this.error
    if (this.#data === null) {
      this.#data = new TrackedData(createSession(this))
      this.#load()
    }
    return this.#data
  }

  get cookies (): ResponseCookies {
    this.responseCookies ??= new ResponseCookies(this.context.cookies.for(this.request.raw), this)
    return this.responseCookies
  }

  /** Runs one step at a time: two saves of a guest at once must not create two sessions. */
  #inTurn (step: (waited: boolean) => Promise<void>): Promise<void> {
    this.#steps ??= new Mutex()
    return this.#steps.runExclusive(step)
  }

  /** Takes the data back to what is stored. */
  #reset (): void {
    this.rolledBack = true
    this.failed = this.regenerates = false
    this.#writeError = null
    if (this.record === null) this.#data?.load(noDecodedData)
    else this.#load()
  }

  clear (): void {
    this.record = null
    this.createdHere = false
    this.regenerates = false
    this.#data?.load(noDecodedData)
  }

  /** Loads the data of the record, except keys that the handler changed meanwhile. */
  #load (newer: readonly string[] = []): void {
    const { record } = this
    if (record === null) return
    try {
      this.#data?.load(this.context.decoded.of(record.id, record.data), newer)
    } catch {
      this.#data = null
      this.record = null
      this.error = rejectCorrupt(record, this.context)
      throw this.error
    }
  }
}
