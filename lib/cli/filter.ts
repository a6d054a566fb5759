import { UsageError } from './terminal.ts'

/** The options that say which sessions, as `parseArgs` of node:util takes them. Each is one field of the filter that the admin routes take. */
export const filterOptions = {
  user: { type: 'string' },
  state: { type: 'string' },
  reason: { type: 'string' },
  remembered: { type: 'boolean' },
  guest: { type: 'boolean' },
  ip: { type: 'string' },
  browser: { type: 'string' },
  system: { type: 'string' },
  'created-after': { type: 'string' },
  'created-before': { type: 'string' },
  'seen-after': { type: 'string' },
  'seen-before': { type: 'string' },
  'expires-after': { type: 'string' },
  'expires-before': { type: 'string' },
  'ended-after': { type: 'string' },
  'ended-before': { type: 'string' },
  'requests-min': { type: 'string' },
  'requests-max': { type: 'string' },
  search: { type: 'string' },
  at: { type: 'string' }
} as const

/** The filter in the routes' words; whole numbers and booleans as such. Throws `UsageError` for a number that is none. */
export function toFilter (values: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const filter: Record<string, string | number | boolean> = {}
  for (const option of Object.keys(filterOptions)) {
    const value = values[option] as string | boolean | undefined
    if (value === undefined) continue
    const name = option === 'user' ? 'userId' : option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    filter[name] = option.startsWith('requests-') ? toCount(value as string, option) : value
  }
  return filter
}

/** A whole number, 0 or more. */
export function toCount (text: string, option: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`Expected \`--${option}\` to be a whole number.`)
  return Number(text)
}

/** The filter as a query string, with what else the route takes. */
export function toQuery (filter: Readonly<Record<string, string | number | boolean>>, more: Readonly<Record<string, string | number | boolean | undefined>> = {}): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...filter, ...more })) if (value !== undefined) query.set(name, String(value))
  return query
}
