import { SessionError } from './errors.ts'

/** A duration: `'30m'`, `'12h'`, `'14d'`, `'90s'`, `'500ms'`, or a number of milliseconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Returns the milliseconds of a duration. Throws `FST_SESSION_INVALID_OPTION` with the option's name if it is invalid or out of bounds. */
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
/** Browsers cap the lifetime of cookies at this (RFC 6265bis §5.5). */
export const maxCookieAge = 400 * day
/** Returns an option's value. Throws if it is not one of the allowed words. */
export function oneOf<T extends string> (value: unknown, option: string, words: readonly T[]): T {
  if (!words.includes(value as T)) throw invalidOption(option, `one of ${words.map(word => `'${word}'`).join(', ')}`)
  return value as T
}
/** Returns the error for an invalid option. */
export function invalidOption (option: string, expected: string): SessionError {
  return new SessionError('FST_SESSION_INVALID_OPTION', { values: [option, expected] })
}
/** Returns an option's value. Throws if it is neither a function nor undefined. */
export function optionalFunction<T> (value: T, option: string): T {
  if (value !== undefined && typeof value !== 'function') throw invalidOption(option, 'a function')
  return value
}

/** Returns the names of the options of a type. The compiler compares them with the type, so that no list of names falls behind. */
export function namesOf<T extends object> (names: Readonly<Record<keyof T, true>>): readonly string[] {
  return Object.keys(names)
}

/**
 * Checks the names in an object of options. An app would rely on an option that has no effect. Throws `FST_SESSION_INVALID_OPTION` with the
 * nearest name, or with the option to use in place of one of another library.
 *
 * @param path the option that the object belongs to, such as `cookie`; empty for the first level
 */
export function checkNames (options: unknown, path: string, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(path === '' ? 'options' : path, `an object with options: ${names.join(', ')}`)
  }
  const wrong = Object.keys(options).find(name => !names.includes(name))
  if (wrong !== undefined) throw unknownOption(wrong, path, names)
}

/** Returns the error for an option that does not exist. */
function unknownOption (wrong: string, path: string, names: readonly string[]): SessionError {
  const full = (name: string): string => path === '' ? name : `${path}.${name}`
  const { name: nearest, distance } = nearestOf(wrong, names)
  // a typo of one letter is no option of another library: `key` for `keys`
  const advice = distance <= 1 ? undefined : foreignOptions[plain(wrong)]
  const expected = advice !== undefined
    ? `left out. ${advice}.`
    : nearest === undefined ? 'left out, because there is no such option.' : `\`${full(nearest)}\`.`
  return invalidOption(full(wrong), `${expected} The options${path === '' ? '' : ` of \`${path}\``} are ${names.join(', ')}`)
}

/** Options of other libraries, in lower case, and what this package has in place of them. */
const foreignOptions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['maxage', 'expires', 'ttl', 'expiry', 'expiresin', 'cookiemaxage'].map(name => [name,
    'The lifetime of sessions and cookies is `idleTimeout` and `absoluteTimeout`; that of persistent sessions is in `remember`'])),
  idle: 'Use `idleTimeout`',
  absolute: 'Use `absoluteTimeout`',
  rolling: 'Each request extends a session until `absoluteTimeout`. A route with `config.session.passive` does not',
  touchafter: 'Activity is written in batches: use `flushInterval`',
  disabletouch: 'Activity is written in batches: use `flushInterval`',
  resave: 'Data is written only if it changed',
  saveuninitialized: 'A guest session is created only when a handler stores data',
  unset: 'Use `session.logout()` to end a session',
  genid: 'The store needs ids of its own form',
  idgenerator: 'The store needs ids of its own form',
  generateid: 'The store needs ids of its own form',
  httponly: 'The cookie is always HttpOnly',
  signed: 'The cookie is always signed',
  cookiename: 'Use `cookie.name`',
  sessionname: 'Use `cookie.name`',
  cookieprefix: 'Use `cookie.name`',
  proxy: "Use Fastify's option `trustProxy`",
  trustproxy: "Use Fastify's option `trustProxy`",
  secrets: 'Use `secret`, which can be an array',
  key: 'Use `secret`, which can be an array',
  keys: 'Use `secret`, which can be an array',
  password: 'Use `secret`, which can be an array',
  limit: 'Use `maxSessions`',
  onlimit: 'Use `maxSessions.onExceeded`',
  legacy: 'Use `migrate`',
  keyprefix: 'Use `prefix`',
  tablename: 'Use `prefix` (SQLite) or `schema` (PostgreSQL)',
  schemaname: 'Use `schema`',
  createtableifmissing: 'Use `migrate`',
  db: 'Put the number of the database in the URL: `redis://host:6379/2`',
  client: 'Pass the client as the first argument: `redisStore(client)`',
  serializer: 'Data is stored as JSON'
}

/** Compares names without case and punctuation. */
function plain (name: string): string {
  return name.replace(/[^a-z\d]/gi, '').toLowerCase()
}

/** Returns the name that a misspelled one most likely means, and how many letters differ. */
function nearestOf (wrong: string, names: readonly string[]): { readonly name: string | undefined, readonly distance: number } {
  const text = plain(wrong)
  let name: string | undefined
  // in a short word one letter may be wrong, in a long one a third; a word of two letters has no nearest name
  let distance = Math.min(Math.max(2, Math.floor(text.length / 3)), Math.floor((text.length - 1) / 2)) + 1
  for (const each of names) {
    const found = distanceOf(text, plain(each))
    if (found < distance) [distance, name] = [found, each]
  }
  name ??= names.find(each => text.length > 2 && (text.includes(plain(each)) || plain(each).includes(text)))
  return { name, distance: name === undefined ? Infinity : distance }
}

/** Returns the edit distance of two texts (Levenshtein): insertions, deletions and substitutions. */
function distanceOf (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substituted))
    }
    row = next
  }
  return row[b.length] as number
}
