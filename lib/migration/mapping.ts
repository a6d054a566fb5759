import type { NewSession } from '../manager/record-factory.ts'
import { toUserId } from '../model/user-id.ts'
import { lengthsFor } from '../policy.ts'
import type { Policy } from '../policy.ts'
import { reservedKeys } from '../session/session-api.ts'
import type { Adopted } from '../token/credential-verifiers.ts'
import type { LegacySession } from './adapter.ts'
import type { LegacySettings } from './options.ts'

/** What a take-over depends on besides the old session. */
export interface TakeoverContext {
  readonly settings: LegacySettings
  readonly policy: Policy
  readonly source: string
  readonly credential: string
}

/** A session of ours in place of an old one. */
export interface Takeover extends NewSession {
  readonly userId: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly adopts: Adopted
  /** Data keys that are part of our API, and what they are called now. */
  readonly renamed: readonly { readonly from: string, readonly to: string }[]
}

/** What an ended session blocks is remembered so much longer than anything could use it. */
export const blockMargin = 30 * 86_400_000

/** The session that takes an old one over; pure. Throws what the app's functions throw, and `FST_SESSION_INVALID_USER_ID`. */
export function toTakeover (session: LegacySession, { settings, policy, source, credential }: TakeoverContext): Takeover {
  const owner = session.userId === undefined ? settings.userId({ ...session.data }, source) : session.userId
  const userId = owner === undefined || owner === null ? null : toUserId(owner)
  const { data, renamed } = renameKeys(settings.data({ ...session.data }, source))
  const remember = session.remember === true
  const until = session.expiresAt ?? Infinity
  const idle = session.rolling === undefined ? {} : { idle: Math.min(session.rolling, lengthsFor(policy, { userId, remembered: remember }).idle) }
  return {
    userId,
    data,
    remember,
    renamed,
    method: `adopted:${source}`,
    adopts: {
      credential: session.key ?? credential,
      source,
      // an idle deadline that moved on is kept by the idle time
      until: session.rolling === undefined ? until : Infinity,
      blockedUntil: Math.max(settings.until, Number.isFinite(until) ? until : 0) + blockMargin,
      ...idle
    }
  }
}

/** Whether there is nothing to take over: nobody has signed in, and nothing was put there. */
export function isEmpty ({ userId, data }: Pick<Takeover, 'userId' | 'data'>): boolean {
  return userId === null && Object.keys(data).length === 0
}

/** Whether an old session has outlived its deadline. */
export function isPast ({ expiresAt }: LegacySession, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}

/** Our names for what old data calls by names of our API. */
export function restoreKeys (data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key.startsWith('_') && reservedKeys.has(key.replace(/^_+/, '')) ? key.slice(1) : key, value]))
}

/** An underscore goes before each key that is part of our API, and before those that would be taken for one of these. */
function renameKeys (data: Readonly<Record<string, unknown>>): { data: Record<string, unknown>, renamed: { from: string, to: string }[] } {
  const renamed: { from: string, to: string }[] = []
  const entries = Object.entries(data).map(([from, value]) => {
    if (!reservedKeys.has(from.replace(/^_+/, ''))) return [from, value] as const
    const to = `_${from}`
    renamed.push({ from, to })
    return [to, value] as const
  })
  return { data: Object.fromEntries(entries), renamed }
}
