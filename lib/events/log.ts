import type { FastifyBaseLogger } from 'fastify'
import { eventMeanings } from './events.ts'
import type { SessionEvent } from './events.ts'

interface Logger { isLevelEnabled (level: string): boolean }

/** Paths that hold cookies, for pino's `redact`. */
export const redactPaths: readonly string[] = ['req.headers.cookie', 'headers.cookie', 'res.headers["set-cookie"]', 'headers["set-cookie"]']

/** Writes one event as a log line: level and name from the OWASP logging vocabulary, never a token or the user's data. */
export function logEvent (log: FastifyBaseLogger, event: SessionEvent): void {
  const { level, owasp, text } = eventMeanings[event.type]
  // nothing is made for a line that nobody writes
  if (isMute(log) || (log as Partial<Logger>).isLevelEnabled?.(level) === false) return
  const { type, at, id, userId, ...details } = event
  const reason = type === 'ended' ? `,${event.reason}` : ''
  log[level]({ event: `session.${type}`, owasp: `${owasp}${userId === null ? '' : `:${userId}${reason}`}`, session: id, userId, time: new Date(at).toISOString(), ...withoutRecord(details) }, text)
}

/** Fastify without a logger, and pino when it is silent: one function that does nothing for every level. */
function isMute ({ info, fatal }: FastifyBaseLogger): boolean {
  return info === fatal && info.name === 'noop'
}

/** The record of an ended session is for listeners; its id and reason say enough in a line. */
function withoutRecord (details: object): object {
  const { session, ...rest } = details as { session?: unknown }
  return rest
}
