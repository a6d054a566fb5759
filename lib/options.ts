import { SessionError } from './errors.ts'

/** A length of time: `'30m'`, `'12h'`, `'14d'`, `'90s'`, `'500ms'`, or a number of milliseconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a duration. Throws `FST_SESSION_INVALID_OPTION`, naming the option, for anything else, and outside the bounds. */
export function toMilliseconds (value: unknown, option: string, bounds: { readonly min?: number, readonly max?: number } = {}): number {
  const { min = 0, max = 3650 * 86_400_000 } = bounds
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null
  const length = match === null ? value : Number(match[1]) * (units[match[2] as string] as number)
  if (typeof length !== 'number' || !Number.isFinite(length) || length < min || length > max) {
    throw new SessionError('FST_SESSION_INVALID_OPTION', {
      values: [option, `a duration such as '30m', or milliseconds, from ${describe(min)} to ${describe(max)}`]
    })
  }
  return Math.round(length)
}

function describe (length: number): string {
  const unit = ['d', 'h', 'm', 's'].find(unit => length > 0 && length % (units[unit] as number) === 0) ?? 'ms'
  return `${length / (units[unit] as number)}${unit}`
}
export const day = 86400000
/** Browsers cap a cookie's life there (RFC 6265bis §5.5). */
export const maxCookieAge = 400 * day
/** Checks that an option is one of some words. */
export function oneOf<T extends string> (value: unknown, option: string, words: readonly T[]): T {
  if (!words.includes(value as T)) throw refuse(option, `one of ${words.map(word => `'${word}'`).join(', ')}`)
  return value as T
}
/** The error for an option that cannot be used. */
export function refuse (option: string, expected: string): SessionError {
  return new SessionError('FST_SESSION_INVALID_OPTION', { values: [option, expected] })
}
/** Checks that an option is a function, if it is there. */
export function optionalFunction<T> (value: T, option: string): T {
  if (value !== undefined && typeof value !== 'function') throw refuse(option, 'a function')
  return value
}
