import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a whole run of the tests leaves its logs and cookies, for `npm run test:trace` to compare. */
const dir = process.env['TRACE_DIR']

function write (kind: 'log' | 'cookies', text: string): void {
  if (dir !== undefined) appendFileSync(join(dir, `${process.pid}.${kind}`), text)
}

/** Options of a server that logs everything, if somebody wants to see it. */
export function tracing (): object {
  return dir === undefined ? {} : { logger: { level: 'trace', stream: { write: (line: string) => { write('log', line) } } } }
}

/** Keeps the cookies that were given out, if somebody wants to look for them. */
export function noteCookies (cookies: readonly string[]): void {
  for (const cookie of cookies) write('cookies', `${cookie.split(';', 1).join('')}\n`)
}
