import type { EventThrottle } from '../events/throttle.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import type { SessionRecord } from '../model/record.ts'
import { sanitizeUserAgent } from '../model/user-agent.ts'
import type { RequestContext } from './request-context.ts'

/** A request from another client than the session's last one. Absent properties have not changed. */
export interface ClientChange {
  readonly record: SessionRecord
  readonly at: number
  readonly ip?: string | null
  readonly userAgent?: string | null
}

/** Returns whether a request comes from another address or user agent than the session's last one. */
export function isClientChanged (record: SessionRecord, request: RequestContext, anonymizer: IpAnonymizer): boolean {
  return !anonymizer.isSame(request.ip, record.ip) ||
    (request.userAgent !== record.userAgent && sanitizeUserAgent(request.userAgent) !== record.userAgent)
}

/** Emits an event for each part of the client that has changed. */
export function emitClientChange (throttle: EventThrottle, { record, at, ip, userAgent }: ClientChange): void {
  const base = { at, id: record.id, userId: record.userId }
  if (ip !== undefined) throttle.emit({ type: 'ip-changed', ...base, from: record.ip, to: ip })
  if (userAgent !== undefined) throttle.emit({ type: 'user-agent-changed', ...base, from: record.userAgent, to: userAgent })
}
