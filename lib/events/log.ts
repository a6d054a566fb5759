import type { FastifyBaseLogger } from 'fastify'
import { eventMeanings } from './events.ts'
import type { SessionEvent } from './events.ts'

interface Logger { isLevelEnabled (level: string): boolean }

/** Paths that contain cookies, for pino's `redact`. */
export const redactPaths: readonly string[] = ['req.headers.cookie', 'headers.cookie', 'res.headers["set-cookie"]', 'headers["set-cookie"]']

/**
 * Writes an event as a log line, with its level and name in the OWASP Logging Vocabulary. A line has no token, and none of the user's data.
 * `at` is the time of the event; `time` belongs to the logger, which would write it twice.
 */
export function logEvent (log: FastifyBaseLogger, event: SessionEvent): void {
  const { text } = eventMeanings[event.type]
  const level = isEviction(event) ? 'warn' : eventMeanings[event.type].level
  // a line that the logger would drop is not created
  if (isMute(log) || (log as Partial<Logger>).isLevelEnabled?.(level) === false) return
  const { type, at, id, userId, ...details } = event
  const owasp = owaspName(event)
  log[level]({
    event: `session.${type}`,
    ...owasp === null ? {} : { owasp },
    session: id,
    userId,
    at: new Date(at).toISOString(),
    ...withoutRecord(details)
  }, text)
}

/**
 * Returns the OWASP name of an event with its arguments, such as `session_expired:ada,logout`. `null`: the vocabulary has no name for it.
 */
function owaspName (event: SessionEvent): string | null {
  const name = isEviction(event) ? 'excess_sessions_exceeded' : eventMeanings[event.type].owasp
  if (name === null || event.userId === null) return name
  const extra = 'max' in event ? `,${event.max}` : event.type === 'ended' && !isEviction(event) ? `,${event.reason}` : ''
  return `${name}:${event.userId}${extra}`
}

/** Whether the limit of sessions ended the session. The vocabulary has a name for that, beside `session_expired`. */
function isEviction (event: SessionEvent): boolean {
  return event.type === 'ended' && event.reason === 'evicted' && event.userId !== null
}

/** Returns whether a logger is muted: Fastify without a logger, or a silent pino, uses one no-op function for all levels. */
function isMute ({ info, fatal }: FastifyBaseLogger): boolean {
  return info === fatal && info.name === 'noop'
}

/** Removes the record of an ended session, which is for listeners; its id and reason are enough for a log line. */
function withoutRecord (details: object): object {
  const { session, ...rest } = details as { session?: unknown }
  return rest
}
