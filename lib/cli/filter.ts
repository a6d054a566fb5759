import type { CommandOptions } from './option.ts'
import { UsageError } from './terminal.ts'

/** The options that select sessions. Each is one field of the filter that the admin routes take. */
export const filterOptions = {
  user: { type: 'string', value: '<id>', help: 'sessions of this user' },
  state: { type: 'string', value: 'live|ended', help: 'default live; --reason and --ended-* select ended sessions' },
  reason: { type: 'string', value: '<reason>', help: 'why they ended, such as logout or idle-timeout' },
  remembered: { type: 'boolean', help: 'persistent (remember-me) sessions only' },
  guest: { type: 'boolean', help: 'sessions without a user only' },
  ip: { type: 'string', value: '<address>', help: 'an IP address, or a network such as 192.0.2.0/24' },
  browser: { type: 'string', value: '<name>', help: 'browser without its version, such as Firefox' },
  os: { type: 'string', value: '<name>', help: 'operating system, such as Windows' },
  'created-after': { type: 'string', value: '<time>', help: 'created at or after this time (ISO 8601)' },
  'created-before': { type: 'string', value: '<time>', help: 'created before this time' },
  'last-seen-after': { type: 'string', value: '<time>', help: 'last seen at or after this time' },
  'last-seen-before': { type: 'string', value: '<time>', help: 'last seen before this time' },
  'expires-after': { type: 'string', value: '<time>', help: 'they expire at or after this time' },
  'expires-before': { type: 'string', value: '<time>', help: 'they expire before this time' },
  'ended-after': { type: 'string', value: '<time>', help: 'ended at or after this time' },
  'ended-before': { type: 'string', value: '<time>', help: 'ended before this time' },
  'min-requests': { type: 'string', value: '<n>', help: 'at least n requests' },
  'max-requests': { type: 'string', value: '<n>', help: 'at most n requests' },
  search: { type: 'string', value: '<text>', help: 'a part of user id, IP address, device or device name, or the start of the session id' },
  at: { type: 'string', value: '<time>', help: 'sessions that were live at this time' }
} as const satisfies CommandOptions

/** Returns the filter with the routes' names; whole numbers and booleans as such. Throws `UsageError` for an invalid number. */
export function toFilter (values: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const filter: Record<string, string | number | boolean> = {}
  for (const option of Object.keys(filterOptions)) {
    const value = values[option] as string | boolean | undefined
    if (value === undefined) continue
    const name = option === 'user' ? 'userId' : option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    filter[name] = option.endsWith('-requests') ? toCount(value as string, option) : value
  }
  return filter
}

/** Returns a whole number, 0 or more. */
export function toCount (text: string, option: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`Expected \`--${option}\` to be a whole number.`)
  return Number(text)
}

/** Returns the filter as a query string, with further parameters. */
export function toQuery (
  filter: Readonly<Record<string, string | number | boolean>>,
  more: Readonly<Record<string, string | number | boolean | undefined>> = {}
): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...filter, ...more })) if (value !== undefined) query.set(name, String(value))
  return query
}
