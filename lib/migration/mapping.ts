import type { NewSession } from '../manager/record-factory.ts'
import { toUserId } from '../model/user-id.ts'
import { lifetimeFor } from '../policy.ts'
import type { Policy } from '../policy.ts'
import { reservedKeys } from '../session/session-api.ts'
import type { AdoptedCredential } from '../token/credential-verifiers.ts'
import type { LegacySession } from './adapter.ts'
import type { MigrationSettings } from './options.ts'
import type { Credential } from './source-records.ts'

/** The context of a mapping. */
export interface MappingContext {
  readonly settings: MigrationSettings
  readonly policy: Policy
  readonly source: string
  readonly credential: string
}

/** The new session for a legacy session. */
export interface MappedSession extends NewSession {
  readonly userId: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly adopts: AdoptedCredential
  /** Data keys that are reserved by the session API, and their new names. */
  readonly renamed: readonly { readonly from: string, readonly to: string }[]
}

/** Time that a credential stays blocked after it has expired. */
export const blockMargin = 30 * 86_400_000

/** Returns the new session for a legacy session; pure. Throws what the app's functions throw, and `FST_SESSION_INVALID_USER_ID`. */
export function mapSession (session: LegacySession, { settings, policy, source, credential }: MappingContext): MappedSession {
  const owner = session.userId === undefined ? settings.resolveUserId({ ...session.data }, source) : session.userId
  const userId = owner === undefined || owner === null ? null : toUserId(owner)
  const { data, renamed } = renameKeys(toPlain(settings.data({ ...session.data }, source)) as Record<string, unknown>)
  const remember = session.remember === true
  const until = session.expiresAt ?? Infinity
  const lifetime = session.rolling === undefined
    ? {}
    : { idleTimeout: Math.min(session.rolling, lifetimeFor(policy, { userId, remembered: remember }).idleTimeout) }
  return {
    userId,
    data,
    remember,
    renamed,
    method: `adopted:${source}`,
    adopts: {
      credential: session.key ?? credential,
      source,
      // a rolling deadline becomes the idle timeout
      until: session.rolling === undefined ? until : Infinity,
      blockedUntil: Math.max(settings.until, Number.isFinite(until) ? until : 0) + blockMargin,
      ...lifetime
    }
  }
}

/**
 * Returns the credential to block at a logout: that of the mapped session, or its text if the old store cannot be read, so that a copy of
 * it cannot sign in later. `null`: the old store has no session.
 */
export async function mapUnlessUnread (
  { store, text }: Credential, { until }: Pick<MigrationSettings, 'until'>, map: (session: LegacySession) => MappedSession
): Promise<Pick<MappedSession, 'userId' | 'adopts'> | null> {
  try {
    const session = await store.load(text)
    return session === null ? null : map(session)
  } catch {
    const blockedUntil = until + blockMargin
    return { userId: null, adopts: { credential: text, source: store.adapter.name, until: Infinity, blockedUntil } }
  }
}

/** Returns whether there is nothing to migrate: no user and no data. */
export function isEmpty ({ userId, data }: Pick<MappedSession, 'userId' | 'data'>): boolean {
  return userId === null && Object.keys(data).length === 0
}

/** Returns data with its original keys: the reverse of `renameKeys`. */
export function restoreKeys (data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [
    key.startsWith('_') && reservedKeys.has(key.replace(/^_+/, '')) ? key.slice(1) : key,
    value
  ]))
}

/**
 * Returns data as the legacy library stored it: objects with a method `toJSON`, such as ids and buffers of a database, as its result.
 * Values that JSON would change stay, and are rejected later.
 */
function toPlain (value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const { toJSON } = value as { readonly toJSON?: () => unknown }
  if (typeof toJSON === 'function') return toPlain(toJSON.call(value))
  if (Array.isArray(value)) return value.map(toPlain)
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toPlain(each)]))
}

/** Adds an underscore before each key that the session API reserves, and before those that `restoreKeys` would mistake for one of them. */
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
