import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieHeader } from '../cookie/request.ts'
import { SessionError } from '../errors.ts'
import type { NewSession } from '../manager/record-factory.ts'
import type { Authentication } from '../manager/rotator.ts'
import { Rotation } from '../manager/validation-result.ts'
import type { Rejection } from '../manager/validation-result.ts'
import type { SessionRecord } from '../model/record.ts'
import { present } from '../token/presented-token.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { SessionContext } from './context.ts'
import { refuseGuest } from './guest-policy.ts'
import { createSessionFor, ownerOf, planWrite, rotateLive, sessionToEnd, updateData } from './operations.ts'
import { hasLeft } from './response-cookies.ts'
import type { ResponseCookies } from './response-cookies.ts'
import type { SessionObject } from './session.ts'
import type { DataChanges, TrackedData } from './tracked-data.ts'

/** The state of a request, as its steps see it. One step runs at a time. */
export interface StepState {
  readonly context: SessionContext
  readonly reply: FastifyReply
  readonly request: FastifyRequest
  record: SessionRecord | null
  rejection: Rejection | null
  /** The token of the request; a text, if it was issued since and nothing more of it was needed yet. */
  readonly token: PresentedToken | string | null
  readonly unverified: boolean
  readonly tracked: TrackedData<SessionObject>
  readonly cookies: ResponseCookies
  readonly responseCookies: ResponseCookies | null
  /** The app called `regenerate`. */
  regenerates: boolean
  createdHere: boolean
  issue (rotation: Rotation, renewal: boolean): void
  expireLegacyCookies (cookies: readonly string[]): void
  clear (): void
}

/**
 * Creates another session for the request. Rejects with `FST_SESSION_RESPONSE_SENT` if its cookie cannot be sent any more; then there is no
 * session. Rejects as `SessionManager.create`.
 */
export async function createStep (state: StepState, wanted: NewSession): Promise<void> {
  const { context, reply } = state
  refuseIfLeft(reply)
  const { session, token } = await createSessionFor(state, wanted, context)
  if (hasLeft(reply)) {
    // no client has its token, and the session that it replaced has ended
    state.clear()
    await context.manager.revoke(session.id, { reason: 'revoked', by: 'rollback' })
    refuseIfLeft(reply)
  }
  state.rejection = null
  state.createdHere = true
  state.regenerates = false
  state.issue(new Rotation(session, token), false)
}

/** Rotates the token of the request. Returns whether it was the current one. Rejects with `FST_SESSION_RESPONSE_SENT` before it does so. */
export async function rotateStep (state: StepState, authentication?: Authentication): Promise<boolean> {
  const { context, reply, record } = state
  refuseIfLeft(reply)
  const rotation = await rotateLive(record, { token: state.token as PresentedToken | string, authentication }, context)
  if (rotation === null) return false
  state.issue(rotation, false)
  if (hasLeft(reply)) reportLostWrite(state, 'the response had left before the new cookie was issued')
  return true
}

/** Ends the session of the request, and deletes its cookies. */
export async function logoutStep (state: StepState): Promise<void> {
  const presented = typeof state.token === 'string' ? present(state.token) : state.token
  const id = sessionToEnd(state, presented)
  state.clear()
  const { migration, manager } = state.context
  const legacyCookies = migration?.onLogout(cookieHeader(state.request.raw) ?? '')
  try {
    if (id === undefined && presented === null && state.responseCookies?.hasTwins !== true) return
    state.cookies.clear()
    state.cookies.loggedOut = true
    if (id !== undefined) await manager.revoke(id, { reason: 'logout', by: 'user' })
  } finally {
    if (legacyCookies !== undefined) state.expireLegacyCookies(await legacyCookies)
  }
}

/** Writes the data of the request: to its session, or to another one that takes its place. */
export async function writeStep (state: StepState, changes: DataChanges | null): Promise<void> {
  if (changes === null) return
  const { record, context, tracked } = state
  const userId = ownerOf(record, changes.all, context)
  const plan = planWrite(record, { userId, changes, regenerate: state.regenerates })
  state.regenerates = false
  switch (plan) {
    case 'none': return
    case 'logout': return logoutStep(state)
    case 'update':
      state.record = await updateData(state, changes, context)
      break
    case 'create': {
      const refusal = record === null && userId === null ? refusalOfGuest(state) : null
      if (refusal === null) await createStep(state, { userId, remember: record?.remembered, encodedData: changes.all })
      else reportLostWrite(state, refusal)
    }
  }
  tracked.applied(changes)
}

/** Emits `write-lost`: something that the app stored is not stored, and no caller can receive the error. */
export function reportLostWrite ({ context, record }: Pick<StepState, 'context' | 'record'>, why: string): void {
  const { throttle, manager } = context
  throttle.emit({ type: 'write-lost', at: manager.now(), id: record?.id ?? null, userId: record?.userId ?? null, error: why }, why)
}

function refusalOfGuest ({ reply, request, token, unverified, context }: StepState): string | null {
  if (hasLeft(reply)) return 'the response had left'
  return refuseGuest({ request, presented: token !== null, unverified, sameSite: context.cookies.for(request.raw).sameSite })
}

function refuseIfLeft (reply: FastifyReply): void {
  if (hasLeft(reply)) throw new SessionError('FST_SESSION_RESPONSE_SENT')
}
