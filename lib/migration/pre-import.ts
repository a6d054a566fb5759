import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import { lengthsFor } from '../policy.ts'
import type { LegacySession } from './adapter.ts'
import { isEmpty, toTakeover } from './mapping.ts'
import { toLegacySettings } from './options.ts'
import type { LegacyOptions } from './options.ts'

/** What became of the old sessions. */
export interface PreimportReport {
  /** Sessions that are there now; each goes to its browser when that comes with its old cookie. */
  readonly adopted: number
  /** Had been adopted before. */
  readonly joined: number
  /** Over, empty, or not to be taken over: their user id, data or number. */
  readonly skipped: number
}

/**
 * Takes every old session over before its browser comes by, so that all of them can be seen and ended. `options`: those of the plugin; only adapters
 * with `scan` have a part. Each lives as long as the old one would have, however idle. May be repeated, or go on where it was broken off.
 */
export async function preimport (sessions: SessionManager, options: LegacyOptions): Promise<PreimportReport> {
  const settings = toLegacySettings(options, undefined)
  const report = { adopted: 0, joined: 0, skipped: 0 }
  for (const adapter of settings.adapters) {
    for await (const { credential, session } of adapter.scan?.() ?? []) {
      report[await takeOne(session, { source: adapter.name, credential })]++
    }
  }
  return report

  async function takeOne (session: LegacySession, from: { readonly source: string, readonly credential: string }): Promise<keyof PreimportReport> {
    const now = sessions.now()
    if (session.expiresAt !== null && session.expiresAt <= now) return 'skipped'
    const { policy } = sessions.settings
    try {
      const { renamed, ...wanted } = toTakeover(session, { settings, policy, ...from })
      if (isEmpty(wanted)) return 'skipped'
      const { absolute } = lengthsFor(policy, { userId: wanted.userId, remembered: wanted.remember === true })
      const idle = Math.min(absolute, (session.expiresAt ?? Infinity) - now)
      const { joined } = await sessions.create({ ...wanted, adopts: { ...wanted.adopts, idle } })
      return joined ? 'joined' : 'adopted'
    } catch (error) {
      if (error instanceof SessionError && error.statusCode < 500) return 'skipped'
      throw error
    }
  }
}
