import { oneOf, optionalFunction, refuse, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import type { LegacyAdapter } from './adapter.ts'

type Data = Record<string, unknown>

/** Finds the owner in the data of an old session. */
export type LegacyOwner = (data: Data, source: string) => string | number | null | undefined

/**
 * How sessions of other libraries are taken over:
 * - `shadow`: not at all; only counts and compares what would be, beside the old library
 * - `adopt`: the browser of each old session gets a session of ours instead, once; with `rollback`, the old one stays usable
 * - `drain`: as `adopt`, and the way back is closed: every old record is retired, and every old cookie that opens nothing is deleted, on sight
 */
export type LegacyMode = 'shadow' | 'adopt' | 'drain'

export interface LegacyOptions {
  /** In the order in which they are asked. */
  readonly adapters: readonly LegacyAdapter[]
  /** Default `adopt`. */
  readonly mode?: LegacyMode
  /** From then on old cookies are ignored. Set it once: what an ended session blocks is remembered until 30 days later. */
  readonly until: Date | number
  /** Finds the owner in the data of an old session. Default: the plugin's `userId`. Adapters that know the owner themselves don't ask. */
  readonly userId?: LegacyOwner
  /** What of the old data becomes data of the new session. Default: all of it. */
  readonly data?: (data: Data, source: string) => Data
  /**
   * In mode `adopt`: the old record stays, and is kept in step, until its session ends or the mode is `drain`, so that the old library can
   * take over again. Default false: it is retired once the new cookie has come back. `data`: maps back what the option `data` maps.
   */
  readonly rollback?: boolean | { readonly data: (data: Data, source: string) => Data }
  /** How long the old store may take. Default 1s. */
  readonly timeout?: Duration
}

/** Options, checked. */
export interface LegacySettings {
  readonly adapters: readonly LegacyAdapter[]
  readonly mode: LegacyMode
  readonly until: number
  readonly userId: LegacyOwner
  readonly data: (data: Data, source: string) => Data
  /** Maps data back for the old store; `null`: the old record is not kept. */
  readonly rollback: ((data: Data, source: string) => Data) | null
  readonly timeout: number
}

const names = ['adapters', 'mode', 'until', 'userId', 'data', 'rollback', 'timeout']
const same = (data: Data): Data => data

/** Checks options. `userId`: the plugin's. Throws `FST_SESSION_INVALID_OPTION`. */
export function toLegacySettings (options: LegacyOptions, userId: LegacyOwner | undefined): LegacySettings {
  const unknown = Object.keys(options).find(name => !names.includes(name))
  if (unknown !== undefined) throw refuse(`legacy.${unknown}`, `one of ${names.join(', ')}`)
  const mode = oneOf(options.mode ?? 'adopt', 'legacy.mode', ['shadow', 'adopt', 'drain'])
  const data = optionalFunction(options.data, 'legacy.data')
  const owner = optionalFunction(options.userId, 'legacy.userId') ?? userId
  const adapters = toAdapters(options.adapters)
  if (owner === undefined && adapters.some(({ identifies }) => identifies !== true)) throw refuse('legacy.userId', 'a function that finds the owner in the data of an old session')
  return { adapters, mode, until: toInstant(options.until), userId: owner ?? (() => null), data: data ?? same, rollback: mode === 'adopt' ? toRollback(options) : null, timeout: toMilliseconds(options.timeout ?? 1000, 'legacy.timeout', { min: 1, max: 60_000 }) }
}

function toAdapters (adapters: readonly LegacyAdapter[]): readonly LegacyAdapter[] {
  const given: unknown = adapters
  if (!Array.isArray(given) || given.length === 0 || !given.every(isAdapter)) throw refuse('legacy.adapters', "a list of adapters, such as `fromExpressSession(…)` of 'fastify-session-manager/legacy'")
  if (new Set(adapters.map(({ name }) => name)).size < adapters.length) throw refuse('legacy.adapters', 'adapters with different names')
  return adapters
}

function isAdapter (adapter: unknown): boolean {
  const { name, match, load, cookies } = (adapter ?? {}) as Partial<LegacyAdapter>
  return typeof name === 'string' && typeof match === 'function' && typeof load === 'function' && Array.isArray(cookies)
}

function toInstant (until: Date | number): number {
  const instant = Number(until)
  if (!Number.isFinite(instant) || instant <= 0 || typeof until === 'string') throw refuse('legacy.until', 'a Date, or milliseconds since the epoch')
  return instant
}

function toRollback ({ rollback = false, data }: LegacyOptions): LegacySettings['rollback'] {
  if (rollback === false) return null
  if (typeof rollback === 'object') return optionalFunction(rollback.data, 'legacy.rollback.data')
  if (data !== undefined) throw refuse('legacy.rollback', 'an object with a function `data` that maps back what `legacy.data` maps')
  return same
}
