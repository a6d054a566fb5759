import type { FastifyRequest } from 'fastify'
import { cookieHeader } from '../cookie/request.ts'
import { endedError } from '../errors.ts'
import type { SessionError } from '../errors.ts'
import type { NewSessionResult } from '../manager/creator.ts'
import type { NewSession } from '../manager/record-factory.ts'
import type { Authentication } from '../manager/rotator.ts'
import { Rotation } from '../manager/validation-result.ts'
import type { Rejection } from '../manager/validation-result.ts'
import { decodeValue, isEmptyText } from '../model/data.ts'
import { hasEnded, noData } from '../model/record.ts'
import type { EncodedData, SessionRecord } from '../model/record.ts'
import { toUserId } from '../model/user-id.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { SessionContext } from './context.ts'
import type { DataChanges, TrackedData } from './tracked-data.ts'

/** A request and its session. */
export interface RequestSession {
  readonly request: FastifyRequest
  readonly record: SessionRecord | null
}

/** A write of data. */
export interface DataWrite {
  /** The owner after the write; `null`: a guest. */
  readonly userId: string | null
  readonly changes: DataChanges
  /** The app called `regenerate`. */
  readonly regenerate: boolean
}

/** `none`: there is nothing to write. */
export type WritePlan = 'none' | 'update' | 'create' | 'logout'

/**
 * Decides how data is written. For another user, or after `regenerate`, a new session is created, because a session has one user for its
 * whole life. The first data that is not empty creates a guest session.
 */
export function planWrite (record: SessionRecord | null, { userId, changes, regenerate }: DataWrite): WritePlan {
  if (record === null && userId === null) return Object.values(changes.set).every(isEmptyText) ? 'none' : 'create'
  if (record?.userId === userId && !regenerate) return 'update'
  return userId === null && changes.all === noData ? 'logout' : 'create'
}

/** Returns the owner of the session. The app may derive it from the data. */
export function ownerOf (record: SessionRecord | null, data: EncodedData, { resolveUserId }: SessionContext): string | null {
  if (resolveUserId === null) return record?.userId ?? null
  // what JSON keeps: the same on the request that stores it and on later ones
  const userId = resolveUserId(Object.fromEntries(Object.entries(data).map(([key, text]) => [key, decodeValue(text)])))
  return userId === undefined || userId === null ? null : toUserId(userId)
}

/**
 * Returns the data that a login copies to the new session: of a guest, never of the user who was logged in before in the same browser.
 */
export function keptOnLogin (record: SessionRecord | null, data: TrackedData, { keepOnLogin }: SessionContext): Record<string, unknown> {
  return record === null || record.userId === null ? data.pick(keepOnLogin) : {}
}

/**
 * Returns a newer record of the session. If `assessRisk` challenged the request, the user stays unauthenticated: only an authentication in
 * this request counts.
 */
export function withSameProof (before: SessionRecord | null, record: SessionRecord): SessionRecord {
  return before !== null && before.authenticatedAt === null && record.authenticatedAt !== null
    ? { ...record, authenticatedAt: null }
    : record
}

/** Creates another session for a request, and ends the current one. Rejects as `SessionManager.create`. */
export function createSessionFor (state: RequestSession, wanted: NewSession, { manager }: SessionContext): Promise<NewSessionResult> {
  const { request, record } = state
  // key by key: a spread of objects of any shape takes longer than the rest of this function
  return manager.core.creator.create({
    userId: wanted.userId,
    remember: wanted.remember,
    method: wanted.method,
    data: wanted.data,
    encodedData: wanted.encodedData,
    ip: request.ip,
    userAgent: request.headers['user-agent'],
    // a write for the same owner is no authentication: only `login` is
    continues: record !== null && wanted.encodedData !== undefined && record.userId === wanted.userId ? record : undefined,
    replaces: record?.id ?? null
  })
}

/** Writes data of the request's session, and returns the session. Rejects with `FST_SESSION_ENDED`, and with the store's errors. */
export async function updateData (state: RequestSession, { set, unset }: DataChanges, context: SessionContext): Promise<SessionRecord> {
  const { id } = state.record as SessionRecord
  const result = await context.manager.core.store.update(id, { set, unset })
  if (result.status !== 'done') throw await endedErrorOf(id, context)
  context.migration?.onDataChange(result.record, cookieHeader(state.request.raw) ?? '')
  return withSameProof(state.record, result.record)
}

/** Reads a session again. If it has ended, rejects with an error that has the reason. */
export async function readLive (record: SessionRecord, { manager }: SessionContext): Promise<SessionRecord> {
  const found = await manager.get(record.id)
  if (found === null || hasEnded(found)) throw endedError(found?.reason ?? null)
  return withSameProof(record, found)
}

/** Resets the idle timeout. If the session has ended, the request loses it, and the promise rejects with an error that has the reason. */
export async function extendLive (state: { record: SessionRecord | null }, context: SessionContext): Promise<void> {
  const before = state.record
  if (before === null) return
  const extended = await context.manager.extend(before.id)
  state.record = extended === null ? null : withSameProof(before, extended)
  if (extended === null) throw await endedErrorOf(before.id, context)
}

/** Rotates a session. Returns `null` if the presented token was not the current one. */
export async function rotateLive (
  record: SessionRecord | null,
  { token, authentication }: { readonly token: PresentedToken | string, readonly authentication: Authentication | undefined },
  { manager }: SessionContext
): Promise<Rotation | null> {
  const rotation = await manager.rotate(token, authentication)
  if (rotation === null || authentication !== undefined) return rotation
  return new Rotation(withSameProof(record, rotation.record), rotation.token)
}

/**
 * Returns the session that a logout ends: that of the request, or that of its token if the store failed. A rejected token ends no session.
 */
export function sessionToEnd (
  state: { record: SessionRecord | null, rejection: Rejection | null },
  presented: PresentedToken | null
): string | undefined {
  return state.record?.id ?? (state.rejection === null ? presented?.id : undefined)
}

/** Returns the error for an ended session, with the reason. */
export async function endedErrorOf (id: string, { manager }: SessionContext): Promise<SessionError> {
  const found = await manager.get(id)
  return endedError(found !== null && hasEnded(found) ? found.reason : null)
}

/** Ends a session whose data cannot be read: it must not pass for a session without data. Returns the error for each further use. */
export function rejectCorrupt ({ id, userId }: SessionRecord, { throttle, manager }: SessionContext): SessionError {
  throttle.emit({ type: 'record-corrupt', at: manager.now(), id, userId, part: 'data' })
  manager.revoke(id, { by: 'unreadable data' }).catch(() => undefined)
  return endedError('revoked')
}
