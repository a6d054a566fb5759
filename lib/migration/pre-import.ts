import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import { lifetimeFor } from '../policy.ts'
import type { LegacySession } from './adapter.ts'
import { isEmpty, mapSession } from './mapping.ts'
import { resolveMigrationOptions } from './options.ts'
import type { MigrationOptions } from './options.ts'

/** The result of a pre-import. */
export interface PreimportReport {
  /** New sessions. Each browser gets its session with its next request that has the legacy cookie. */
  readonly adopted: number
  /** Legacy sessions that had been adopted before. */
  readonly joined: number
  /** Legacy sessions that were expired, empty, or could not be migrated because of their user id, data or number. */
  readonly skipped: number
}

/**
 * Adopts every legacy session before the next request of its browser, so that all of them can be listed and revoked. `options`: those of
 * the plugin; only adapters with `scan` are read. Each session keeps the remaining lifetime of its legacy session. Can be repeated or
 * resumed.
 */
export async function preimport (sessions: SessionManager, options: MigrationOptions): Promise<PreimportReport> {
  const settings = resolveMigrationOptions(options, undefined)
  const report = { adopted: 0, joined: 0, skipped: 0 }
  for (const adapter of settings.adapters) {
    for await (const { credential, session } of adapter.scan?.() ?? []) {
      report[await adoptOne(session, { source: adapter.name, credential })]++
    }
  }
  return report

  async function adoptOne (
    session: LegacySession,
    from: { readonly source: string, readonly credential: string }
  ): Promise<keyof PreimportReport> {
    const now = sessions.now()
    if (session.expiresAt !== null && session.expiresAt <= now) return 'skipped'
    const { policy } = sessions.settings
    try {
      const { renamed, ...mapped } = mapSession(session, { settings, policy, ...from })
      if (isEmpty(mapped)) return 'skipped'
      const { absoluteTimeout } = lifetimeFor(policy, { userId: mapped.userId, remembered: mapped.remember === true })
      const idleTimeout = Math.min(absoluteTimeout, (session.expiresAt ?? Infinity) - now)
      const { joined } = await sessions.create({ ...mapped, adopts: { ...mapped.adopts, idleTimeout } })
      return joined ? 'joined' : 'adopted'
    } catch (error) {
      // a legacy session with an unusable user id or data is skipped; a failure of the new store is not
      if (error instanceof SessionError && error.statusCode !== 503) return 'skipped'
      throw error
    }
  }
}
