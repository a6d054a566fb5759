import { STATUS_CODES } from 'node:http'

/** All error codes: `[status, message]`. A code is never reused. The thrower replaces each `%s`. */
const table = {
  FST_SESSION_REQUIRED: [401, 'A signed-in session is required. Sign in first.'],
  FST_SESSION_ENDED: [401, 'The session has ended (%s). Sign in again.'],
  FST_SESSION_NOT_FRESH: [403, 'This needs a recent sign-in. Authenticate again, then retry.'],
  FST_SESSION_CROSS_ORIGIN: [403, 'Cross-origin request refused.'],
  FST_SESSION_FORBIDDEN: [403, 'Not allowed.'],
  FST_SESSION_NOT_FOUND: [404, 'No such session.'],
  FST_SESSION_LIMIT_REACHED: [409, 'The limit of concurrent sessions is reached. Sign out somewhere else first.'],
  FST_SESSION_CONFIRMATION_REQUIRED: [
    428,
    'Revoking sessions by filter requires the confirmation of a preview. ' +
      'Send the same filter with `dryRun: true`, then again with its `token`.'
  ],
  FST_SESSION_DATA_TOO_LARGE: [413, 'Session data is too large: %s. Expected at most %s bytes of JSON.'],
  FST_SESSION_INVALID_USER_ID: [
    500, 'Expected the user id to be a non-empty string of at most 256 bytes, an integer, or an object that JSON stores as such a string.'
  ],
  FST_SESSION_INVALID_CURSOR: [400, 'The cursor is not one of this list. Start again without it.'],
  FST_SESSION_INVALID_FILTER: [400, 'The filter cannot be used: %s.'],
  FST_SESSION_INVALID_IMPORT: [400, 'The import cannot be used: %s.'],
  FST_SESSION_INVALID_CONFIRMATION: [400, 'The confirmation does not belong to this filter, or is too old. Preview again.'],
  FST_SESSION_INVALID_DATA: [
    500, 'Session data cannot be stored: %s. Expected JSON: strings, finite numbers, booleans, null, arrays and plain objects.'
  ],
  FST_SESSION_RESERVED_KEY: [500, '`session.%s` is part of the session API and cannot be assigned. %s'],
  FST_SESSION_NOT_LOADED: [
    500, 'The session was not loaded: the route has `config.session: false`, or the request has not passed the session hook.'
  ],
  FST_SESSION_RESPONSE_SENT: [
    500, 'The response was sent, or its connection closed, before the cookie of the session. Await the session before you send it.'
  ],
  FST_SESSION_GUARD_MISSING: [500, 'Nothing guards the route %s: %s. %s.'],
  FST_SESSION_INVALID_OPTION: [500, 'Expected `%s` to be %s.'],
  FST_SESSION_STORE_NOT_OPENED: [500, 'The session store could not be opened. Tried: %s. Cause: %s. %s.'],
  FST_SESSION_DECORATOR_CONFLICT: [500, '`%s` exists already: %s.'],
  FST_SESSION_CLOSED: [503, 'The session manager is not open.'],
  FST_SESSION_STORE_UNAVAILABLE: [503, 'Sessions are temporarily unavailable. Try again shortly.'],
  FST_SESSION_STORE_FULL: [503, 'No more sessions can be created at the moment. Try again later.'],
  FST_SESSION_REVOCATION_PENDING: [503, 'The session is refused here. Other servers may accept it until the store is available again.']
} as const satisfies Record<`FST_SESSION_${string}`, readonly [number, string]>

/** An error code of this package, in `error.code`; docs/reference/errors.md explains each. */
export type SessionErrorCode = keyof typeof table

/** All codes with HTTP status and message. A test compares docs/reference/errors.md with them. */
export const sessionErrors: Readonly<Record<SessionErrorCode, readonly [status: number, message: string]>> = table

/** The error class of this package. Fastify responds with `statusCode`; `reason` is why the session ended, if it did. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  readonly statusCode: number
  /** As `statusCode`, for frameworks that read this name (http-errors). */
  readonly status: number
  /** Whether the message is for clients (http-errors). That of status 500 describes a fault of the app. */
  readonly expose: boolean
  /** Why the session ended, on `FST_SESSION_ENDED`. */
  readonly reason: string | undefined
  /** Headers that Fastify adds to the response: `retry-after` for each 503. */
  readonly headers: Readonly<Record<string, string>>

  constructor (
    code: SessionErrorCode,
    options: { readonly values?: readonly string[], readonly reason?: string, readonly cause?: unknown } = {}
  ) {
    const [status, message] = table[code]
    let i = 0
    const values = options.values ?? []
    super(message.replace(/%s/g, () => values[i++] ?? ''), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.statusCode = this.status = status
    this.expose = status !== 500
    this.reason = options.reason
    this.headers = status === 503 ? { 'retry-after': '1', 'cache-control': 'no-store' } : {}
  }

  /** Returns Fastify's error shape (`statusCode`, `code`, `error`, `message`) with the reason, for `JSON.stringify`. */
  toJSON (): { statusCode: number, error: string, code: string, message: string, reason?: string } {
    const { statusCode, code, message, reason } = this
    const reply = { statusCode, error: STATUS_CODES[statusCode] as string, code, message }
    return reason === undefined ? reply : { ...reply, reason }
  }
}

/** Returns whether the store failed, as opposed to rejecting. */
export function isUnavailable (error: unknown): boolean {
  return error instanceof SessionError && error.code === 'FST_SESSION_STORE_UNAVAILABLE'
}

/** Returns the error for a request with an ended session; `null`: guests have no ended-session record. */
export function endedError (reason: string | null): SessionError {
  return reason === null ? new SessionError('FST_SESSION_REQUIRED') : new SessionError('FST_SESSION_ENDED', { values: [reason], reason })
}
/** The text between `://` and `@`: the credentials of a connection string. */
const credentials = /:\/\/\S+@/g
/** A name such as `password` with its value: in URLs, in the keyword form of libpq, in JSON and in listings of objects. */
const namedSecrets = new RegExp(
  /((?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|\bauth)["']?\s*[=:]\s*)/.source +
  /(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&})\]]+)/.source,
  'gi'
)
/**
 * Returns a copy of a driver's error that is safe as a cause and in a log: name, code, message and stack, also of its causes. It has no
 * credentials of a connection string, no passwords, and no arguments that drivers attach (OWASP ASVS 5.0 16.2.5).
 */
export function withoutCredentials (error: unknown): unknown {
  return cleaned(error, 5)
}
/** `depth`: how many causes are followed, because an error can be its own cause. */
function cleaned (error: unknown, depth: number): unknown {
  if (typeof error === 'string') return maskCredentials(error)
  if (typeof error !== 'object' || error === null) return error
  const { name, message, stack, cause, code } = error as Partial<Error> & { readonly code?: unknown }
  const text = maskCredentials(String(message))
  if (!(error instanceof Error)) return { message: text, ...code === undefined ? {} : { code } }
  const clean = new Error(text, cause === undefined || depth === 0 ? undefined : { cause: cleaned(cause, depth - 1) })
  clean.name = String(name)
  clean.stack = stack === undefined ? text : maskCredentials(stack)
  return code === undefined ? clean : Object.assign(clean, { code })
}
/** Returns a text without the credentials of connection strings, and without the values of passwords, secrets and tokens. */
export function maskCredentials (text: string): string {
  return text.replace(credentials, '://***@').replace(namedSecrets, '$1***')
}
