import { STATUS_CODES } from 'node:http'

/** Every code this package can answer with: `[status, message]`. A code is never reused. `%s` is filled in by the thrower. */
const table = {
  FST_SESSION_REQUIRED: [401, 'A signed-in session is required. Sign in first.'],
  FST_SESSION_ENDED: [401, 'The session has ended (%s). Sign in again.'],
  FST_SESSION_NOT_FRESH: [403, 'This needs a recent sign-in. Authenticate again, then retry.'],
  FST_SESSION_CROSS_SITE: [403, 'Cross-site request refused.'],
  FST_SESSION_FORBIDDEN: [403, 'Not allowed.'],
  FST_SESSION_NOT_FOUND: [404, 'No such session.'],
  FST_SESSION_LIMIT_REACHED: [409, 'The limit of concurrent sessions is reached. Sign out somewhere else first.'],
  FST_SESSION_CONFIRMATION_REQUIRED: [409, 'Ending sessions by filter wants the confirmation of a preview. Send the same filter with `dryRun: true` first, then again with its `token`.'],
  FST_SESSION_DATA_TOO_LARGE: [413, 'Session data is too large: %s. Expected at most %s bytes of JSON.'],
  FST_SESSION_INVALID_USER_ID: [400, 'Expected the user id to be a non-empty string of at most 256 bytes, or a safe integer.'],
  FST_SESSION_INVALID_CURSOR: [400, 'The cursor is not one of this list. Start again without it.'],
  FST_SESSION_INVALID_FILTER: [400, 'The filter cannot be used: %s.'],
  FST_SESSION_INVALID_IMPORT: [400, 'The import cannot be used: %s.'],
  FST_SESSION_INVALID_CONFIRMATION: [400, 'The confirmation does not belong to this filter, or is too old. Preview again.'],
  FST_SESSION_INVALID_DATA: [400, 'Session data cannot be stored: %s. Expected JSON: strings, finite numbers, booleans, null, arrays and plain objects.'],
  FST_SESSION_RESERVED_KEY: [400, '`session.%s` is part of the session API and cannot be assigned. %s'],
  FST_SESSION_NOT_LOADED: [500, 'The session was not loaded: the route has `config.session: false`, or the request has not passed the session hook.'],
  FST_SESSION_INVALID_OPTION: [500, 'Expected `%s` to be %s.'],
  FST_SESSION_DECORATOR_CONFLICT: [500, '`%s` is already decorated by another plugin. %s'],
  FST_SESSION_CLOSED: [503, 'The session manager is closed.'],
  FST_SESSION_STORE_UNAVAILABLE: [503, 'Sessions are temporarily unavailable. Try again shortly.'],
  FST_SESSION_STORE_FULL: [503, 'No more sessions can be created at the moment. Try again later.'],
  FST_SESSION_NOT_DONE: [503, 'You are signed out here, but that is not done everywhere yet.']
} as const satisfies Record<`FST_SESSION_${string}`, readonly [number, string]>

/** A code of this package, as found in `error.code`; docs/reference/errors.md explains each. */
export type SessionErrorCode = keyof typeof table

/** Every code with its HTTP status and message: what docs/reference/errors.md is checked against. */
export const sessionErrors: Readonly<Record<SessionErrorCode, readonly [status: number, message: string]>> = table

/** What this package throws. `statusCode` is what Fastify answers with; `reason` says why a session ended, where one did. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  readonly statusCode: number
  /** Why the session ended, on `FST_SESSION_ENDED`. */
  readonly reason: string | undefined
  /** What Fastify adds to the response: when to come again, where that is known. */
  readonly headers: Readonly<Record<string, string>>

  constructor (code: SessionErrorCode, options: { readonly values?: readonly string[], readonly reason?: string, readonly cause?: unknown } = {}) {
    const [status, message] = table[code]
    let i = 0
    const values = options.values ?? []
    super(message.replace(/%s/g, () => values[i++] ?? ''), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.statusCode = status
    this.reason = options.reason
    this.headers = status === 503 ? { 'retry-after': '1', 'cache-control': 'no-store' } : {}
  }

  /** Fastify's error shape (`statusCode`, `code`, `error`, `message`) with the reason; used by `JSON.stringify`. */
  toJSON (): { statusCode: number, error: string, code: string, message: string, reason?: string } {
    const { statusCode, code, message, reason } = this
    const reply = { statusCode, error: STATUS_CODES[statusCode] as string, code, message }
    return reason === undefined ? reply : { ...reply, reason }
  }
}

/** Whether the store failed, rather than refused. */
export function isUnavailable (error: unknown): boolean {
  return error instanceof SessionError && error.code === 'FST_SESSION_STORE_UNAVAILABLE'
}

/** What whoever uses a session that is over gets; `null`: of guests nothing is left that says why. */
export function endedError (reason: string | null): SessionError {
  return reason === null ? new SessionError('FST_SESSION_REQUIRED') : new SessionError('FST_SESSION_ENDED', { values: [reason], reason })
}
/** What follows `://` and ends with an `@`: the credentials of a connection string. */
const credentials = /:\/\/\S+@/g
/**
 * An error of a driver as it may be kept as a cause and logged: name, code, message and stack, also of its causes. Without the credentials
 * of a connection string, and without the arguments that drivers hang on (OWASP ASVS 5.0 16.2.5).
 */
export function withoutCredentials (error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const clean = new Error(masked(message), cause === undefined ? undefined : { cause: withoutCredentials(cause) })
  clean.name = name
  clean.stack = masked(stack ?? message)
  return 'code' in error ? Object.assign(clean, { code: error.code }) : clean
}
function masked (text: string): string {
  return text.replace(credentials, '://***@')
}
