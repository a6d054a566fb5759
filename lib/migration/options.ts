import { checkNames, invalidOption, namesOf, oneOf, optionalFunction, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import type { LegacyAdapter } from './adapter.ts'

type Data = Record<string, unknown>

/** Returns the user id from the data of a legacy session. */
export type UserIdResolver = (data: Data, source: string) => string | number | null | undefined

/**
 * How sessions of other libraries are migrated:
 * - `shadow`: beside the old library, only counts and compares the sessions that would be migrated
 * - `adopt`: replaces each legacy session by a new session, once; with `rollback`, the legacy session stays usable
 * - `drain`: as `adopt`, without rollback; when a browser returns, also deletes its legacy record, and legacy cookies that cannot
 *   authenticate
 */
export type MigrationMode = 'shadow' | 'adopt' | 'drain'

export interface MigrationOptions {
  /** In the order in which they are tried. */
  readonly adapters: readonly LegacyAdapter[]
  /** Default `adopt`. */
  readonly mode?: MigrationMode
  /** From then on legacy cookies are ignored. Set it once: credentials of ended sessions stay blocked until 30 days later. */
  readonly until: Date | number
  /**
   * Returns the user id from the data of a legacy session. Default: the plugin's `resolveUserId`. Not called for adapters whose sessions
   * have a user id.
   */
  readonly resolveUserId?: UserIdResolver
  /** Returns the data of the new session, from that of the legacy session. Default: all of it. */
  readonly data?: (data: Data, source: string) => Data
  /**
   * In mode `adopt`: the legacy record stays, and is written back, until its session ends or the mode is `drain`, so that you can roll back
   * to the old library. Default false: it is deleted once the browser has sent the new cookie. `data`: the reverse of the option `data`.
   */
  readonly rollback?: boolean | { readonly data: (data: Data, source: string) => Data }
  /** Maximum duration of an operation of the old store. Default 1s. */
  readonly timeout?: Duration
}

/** Options, checked. */
export interface MigrationSettings {
  readonly adapters: readonly LegacyAdapter[]
  readonly mode: MigrationMode
  readonly until: number
  readonly resolveUserId: UserIdResolver
  readonly data: (data: Data, source: string) => Data
  /** Maps data back for the old store; `null`: the legacy record is not kept. */
  readonly rollback: ((data: Data, source: string) => Data) | null
  readonly timeout: number
}

const names = namesOf<MigrationOptions>({
  adapters: true,
  mode: true,
  until: true,
  resolveUserId: true,
  data: true,
  rollback: true,
  timeout: true
})
const same = (data: Data): Data => data

/** Checks options. `resolveUserId`: the plugin's. Throws `FST_SESSION_INVALID_OPTION`. */
export function resolveMigrationOptions (options: MigrationOptions, userId: UserIdResolver | undefined): MigrationSettings {
  checkNames(options, 'migrate', names)
  const mode = oneOf(options.mode ?? 'adopt', 'migrate.mode', ['shadow', 'adopt', 'drain'])
  const data = optionalFunction(options.data, 'migrate.data')
  const owner = optionalFunction(options.resolveUserId, 'migrate.resolveUserId') ?? userId
  const adapters = toAdapters(options.adapters)
  if (owner === undefined && adapters.some(({ identifies }) => identifies !== true)) {
    throw invalidOption('migrate.resolveUserId', 'a function that returns the user id from the data of a legacy session')
  }
  return {
    adapters,
    mode,
    until: toInstant(options.until),
    resolveUserId: owner ?? (() => null),
    data: data ?? same,
    rollback: mode === 'adopt' ? toRollback(options) : null,
    timeout: toMilliseconds(options.timeout ?? 1000, 'migrate.timeout', { min: 1, max: 60_000 })
  }
}

function toAdapters (adapters: readonly LegacyAdapter[]): readonly LegacyAdapter[] {
  const given: unknown = adapters
  if (!Array.isArray(given) || given.length === 0 || !given.every(isAdapter)) {
    throw invalidOption('migrate.adapters', "a list of adapters, such as `fromExpressSession(…)` of 'fastify-session-manager/migrate'")
  }
  if (new Set(adapters.map(({ name }) => name)).size < adapters.length) {
    throw invalidOption('migrate.adapters', 'adapters with different names')
  }
  return adapters
}

function isAdapter (adapter: unknown): boolean {
  const { name, match, load, cookies } = (adapter ?? {}) as Partial<LegacyAdapter>
  return typeof name === 'string' && typeof match === 'function' && typeof load === 'function' && Array.isArray(cookies)
}

function toInstant (until: Date | number): number {
  const instant = Number(until)
  if (!Number.isFinite(instant) || instant <= 0 || typeof until === 'string') {
    throw invalidOption('migrate.until', 'a Date, or milliseconds since the epoch')
  }
  return instant
}

function toRollback ({ rollback = false, data }: MigrationOptions): MigrationSettings['rollback'] {
  if (rollback === false) return null
  if (typeof rollback === 'object') checkNames(rollback, 'migrate.rollback', ['data'])
  if (typeof rollback === 'object') return optionalFunction(rollback.data, 'migrate.rollback.data')
  if (data !== undefined) {
    throw invalidOption('migrate.rollback', 'an object with a function `data` that maps back what `migrate.data` maps')
  }
  return same
}
