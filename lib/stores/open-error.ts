import { maskCredentials, SessionError, withoutCredentials } from '../errors.ts'
import type { Store } from '../store.ts'

/** The fixes for failures, by the driver's message. The first match counts. */
const fixes: readonly (readonly [cause: RegExp, fix: string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'No such host is known. Check the host name'],
  [/ECONNREFUSED/, 'No server listens there. Check host and port, and start the server'],
  [
    /DB index|SELECT is not allowed/,
    'The number at the end of the URL is a database that the server does not have (`databases` in redis.conf)'
  ],
  [/WRONGPASS|NOAUTH|called without any password|28P01|28000|SCRAM|password must be/, 'The server refuses user or password. Check both'],
  [/NOPERM|42501/, 'The user lacks permissions. Grant those that the page about the store lists'],
  [
    /CERT|SELF_SIGNED|UNABLE_TO|certificate/,
    'The certificate of the server is not trusted. Set NODE_EXTRA_CA_CERTS, or pass a client with its `ca`'
  ],
  [
    /EPROTO|ERR_SSL|SSL routines|TLS|does not support SSL/,
    'The server speaks no TLS on this port. Check the port, or use a URL without TLS'
  ],
  [
    /ECONNRESET|socket hang up|losed|terminated/,
    'The server closed the connection. Check whether the port expects TLS (`rediss://`, `sslmode=require`)'
  ],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|time-?out|timed out|no response/i,
    'The server does not respond. Check host, port and firewall, and whether both sides use TLS'
  ],
  [/MOVED|CLUSTERDOWN|cluster/, 'The server belongs to a cluster. Pass a cluster client instead of a URL'],
  [/READONLY/, 'The server is a replica. Connect to the primary'],
  [/3D000/, 'The database does not exist. Create it, or correct the end of the URL'],
  [/ENOENT/, 'The directory does not exist. Create it, or correct the path'],
  [/EACCES|EPERM|EROFS|readonly/, 'The process may not write there. Check the owner and the permissions of the file and its directory'],
  [
    /EISDIR|CANTOPEN|nable to open/,
    'The file cannot be opened. Check that the path is no directory, and that the process may read and write there'
  ],
  [/NOTADB|not a database/, 'The file is no SQLite database. Use another path'],
  [
    /INVALID_URL|INVALID_FILE_URL|Invalid URL|URI malformed/,
    'The URL is invalid. Encode special characters in user and password (`encodeURIComponent`)'
  ]
]

/**
 * Returns the error for a store that could not be opened, with the URL or name that was tried, the cause and a fix. It contains no
 * credentials. Errors of this package are returned unchanged.
 */
export function toOpenError (error: unknown, store: Store | string): SessionError {
  if (error instanceof SessionError) return error
  const cause = causeOf(error)
  const fix = fixes.find(([pattern]) => pattern.test(cause))?.[1] ?? 'Check the option `store` and the server'
  return new SessionError('FST_SESSION_STORE_NOT_OPENED', { values: [placeOf(store), cause, fix], cause: withoutCredentials(error) })
}

/** Returns the tried store: a URL without credentials and parameters, or the name. */
function placeOf (store: Store | string): string {
  if (typeof store !== 'string') return `store \`${store.name}\``
  return store.replace(/:\/\/.*@/s, '://').replace(/[?#].*$/s, '')
}

/** Returns code and message of a driver's error. If all addresses of a host fail, only the single errors have messages. */
function causeOf (error: unknown): string {
  const {
    code, message = '', errors = []
  } = error as { readonly code?: unknown, readonly message?: string, readonly errors?: readonly unknown[] }
  const text = message === '' ? [...new Set(errors.map(each => (each as Error).message))].join(', ') : message
  return maskCredentials(typeof code !== 'string' || text.includes(code) ? text : `${code} ${text}`)
}
