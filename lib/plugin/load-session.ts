import type { FastifyReply } from 'fastify'
import { rememberSession } from '../cookie/cookie.ts'
import type { PresentedCookie } from '../cookie/cookie.ts'
import { cookieHeader } from '../cookie/request.ts'
import type { Jars } from '../cookie/variants.ts'
import { endedError, SessionError } from '../errors.ts'
import type { Tally } from '../events/throttle.ts'
import type { SessionManager } from '../manager/manager.ts'
import { Refusal, Renewal } from '../manager/validation-result.ts'
import type { Validation } from '../manager/validation-result.ts'
import type { Adoption, Taken } from '../migration/adoption.ts'
import { SessionState } from '../session/state.ts'
import type { StateContext } from '../session/state.ts'
import type { RouteRules } from './route-config.ts'
import { kReply, kState } from './symbols.ts'
import type { SessionRequest } from './symbols.ts'
import type { SpanMarker } from './tracing.ts'

export interface EntranceOptions {
  readonly jars: Jars
  readonly adoption: Adoption | null
  readonly markSpan: SpanMarker | null
  readonly tally: Tally
  /** While the store fails, requests count as signed out. */
  readonly anonymous: boolean
}

/** Where it is decided what a request knows of its session, and whether it may go on. */
export class Entrance {
  readonly #manager: SessionManager
  readonly #context: StateContext
  readonly #jars: Jars
  readonly #adoption: Adoption | null
  readonly #markSpan: SpanMarker | null
  readonly #tally: Tally
  readonly #anonymous: boolean

  constructor (context: StateContext, { jars, adoption, markSpan, tally, anonymous }: EntranceOptions) {
    this.#manager = context.manager
    this.#context = context
    this.#jars = jars
    this.#adoption = adoption
    this.#markSpan = markSpan
    this.#tally = tally
    this.#anonymous = anonymous
  }

  /** What `request.session` answers. */
  get (request: SessionRequest): SessionState {
    const reply = request[kReply]
    if (reply == null) throw new SessionError('FST_SESSION_NOT_LOADED')
    request[kState] ??= new SessionState(this.#context, request, reply, { jar: this.#jars.of(request.raw), presented: null })
    return request[kState]
  }

  /** Starts what a request knows of its session. */
  stateOf (request: SessionRequest, presented: PresentedCookie | null): SessionState {
    const state = new SessionState(this.#context, request, request[kReply] as FastifyReply, { jar: this.#jars.of(request.raw), presented })
    request[kState] = state
    return state
  }

  /** The guard: throws 401 without a signed-in user, 403 without a recent enough sign-in. */
  admit (state: SessionState | null, rules: { readonly required: boolean, readonly fresh: number }): void {
    if (!rules.required) return
    if (state?.error != null) throw state.error
    if (state?.record?.userId == null) throw endedError(state?.refusal?.reason ?? null)
    if (rules.fresh > 0 && !this.#manager.isFresh(state.record, rules.fresh)) throw new SessionError('FST_SESSION_NOT_FRESH')
  }

  /** A request whose cookie has been judged. */
  enter (request: SessionRequest, presented: PresentedCookie, validation: Validation, rules: RouteRules): void {
    const state = this.stateOf(request, presented)
    if (validation instanceof Refusal) {
      state.refusal = validation
      if (validation.code === 'unknown') this.#tally.add('unknown-token', this.#manager.keepAddress(request.ip), this.#manager.now())
    } else if (validation instanceof Renewal) {
      state.renew(validation)
    } else {
      state.record = validation
      rememberSession(presented, validation)
      if (presented.resign) state.resign()
    }
    if (state.record !== null) {
      this.#markSpan?.(request, state.record)
      if (this.#adoption !== null) state.drop(this.#adoption.seen(state.record, cookieHeader(request.raw) as string))
    }
    this.admit(state, rules)
  }

  /** A request whose credential of another library has been tried. */
  enterTaken (request: SessionRequest, taken: Taken, rules: RouteRules): void {
    // the old store's trouble is nobody's who needs no session, and hinders no sign-in
    if (taken instanceof SessionError) {
      if (rules.required && !this.#anonymous) throw taken
      this.admit(null, rules)
      return
    }
    const state = this.stateOf(request, null)
    if (taken instanceof Renewal) state.renew(taken)
    else state.drop((this.#adoption as Adoption).leftovers(cookieHeader(request.raw) as string))
    if (taken instanceof Refusal) state.refusal = taken
    if (state.record !== null) this.#markSpan?.(request, state.record)
    this.admit(state, rules)
  }

  /** What a request is refused with. A store in trouble is said where the session is needed, and only there. */
  failed (request: SessionRequest, presented: PresentedCookie | null, error: unknown, rules: RouteRules): Error | undefined {
    if (!(error instanceof SessionError) || error.code !== 'FST_SESSION_STORE_UNAVAILABLE') return error as Error
    const state = this.stateOf(request, presented)
    if (!this.#anonymous) state.error = error
    return rules.required ? error : undefined
  }
}
