import { useEffect, useState } from 'preact/hooks'
import { ranges } from './types.ts'
import type { Range } from './types.ts'

/** Filters as the API names them; the value `''` means no filter. */
export const filterNames = [
  'search',
  'state',
  'userId',
  'ip',
  'browser',
  'os',
  'remembered',
  'guest',
  'reason',
  'createdAfter',
  'createdBefore',
  'lastSeenAfter',
  'lastSeenBefore',
  'expiresBefore',
  'endedAfter',
  'endedBefore',
  'minRequests',
  'maxRequests',
  'at'
] as const
export type FilterName = typeof filterNames[number]
export type Filters = Readonly<Partial<Record<FilterName, string>>>

/** The state of the console, which is in the URL, so that it can be bookmarked, shared and left with the back button. */
export interface Place {
  readonly range: Range
  readonly order: 'newest' | 'oldest'
  readonly filters: Filters
  /** The session, or the user, whose drawer is open. */
  readonly session: string | null
  readonly user: string | null
}

export function readPlace (search: string): Place {
  const query = new URLSearchParams(search)
  const filters = Object.fromEntries(filterNames.flatMap(name => {
    const value = query.get(name)
    return value === null || value === '' ? [] : [[name, value]]
  }))
  return {
    range: ranges.find(range => range === query.get('range')) ?? '24h',
    order: query.get('order') === 'oldest' ? 'oldest' : 'newest',
    filters,
    session: query.get('session'),
    user: query.get('user')
  }
}

export function writePlace ({ range, order, filters, session, user }: Place): string {
  const query = new URLSearchParams()
  if (range !== '24h') query.set('range', range)
  if (order !== 'newest') query.set('order', order)
  for (const name of filterNames) if ((filters[name] ?? '') !== '') query.set(name, filters[name] as string)
  if (session !== null) query.set('session', session)
  if (user !== null) query.set('user', user)
  const text = query.toString()
  return text === '' ? location.pathname : `?${text}`
}

/** Returns the query for the API: whole numbers, booleans and timestamps are texts of their own form. */
export function toQuery (filters: Filters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, isInstant(name) ? toIso(value) : value]))
}

/** Returns the filters as a body, with numbers as numbers. */
export function toBody (filters: Filters): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(toQuery(filters)).map(([name, value]) => [
      name,
      /^(min|max)Requests$/.test(name) ? Number(value) : name === 'remembered' || name === 'guest' ? value === 'true' : value
    ])
  )
}

export function isInstant (name: string): boolean {
  return name === 'at' || /(After|Before)$/.test(name)
}

/** Returns the milliseconds of a filter's value: a `datetime-local` value is in this browser's zone; NaN for anything else. */
export function toTimestamp (value: string): number {
  return /^\d+$/.test(value) ? Number(value) : Date.parse(value)
}

/** Returns a value that is no timestamp unchanged: the server reports what it expected. */
function toIso (value: string): string {
  const date = new Date(toTimestamp(value))
  return Number.isNaN(date.getTime()) ? value : date.toISOString()
}

/** Returns the place, and a function that changes it; `replace`: without an entry in the browser's history. */
export function usePlace (): readonly [Place, (change: Partial<Place>, replace?: boolean) => void] {
  const [place, setPlace] = useState(() => readPlace(location.search))
  useEffect(() => {
    const read = (): void => { setPlace(readPlace(location.search)) }
    window.addEventListener('popstate', read)
    return () => { window.removeEventListener('popstate', read) }
  }, [])
  return [place, (change, replace = false) => {
    const next = { ...readPlace(location.search), ...change }
    history[replace ? 'replaceState' : 'pushState'](null, '', writePlace(next))
    setPlace(next)
  }]
}
