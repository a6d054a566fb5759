/** A callback as in express-session: called without an argument after success. */
export type SessionCallback = (error?: unknown) => void

const warned = new Set<string>()

/** Calls a callback once the promise settles, and warns once per method that callbacks are deprecated. Without one, returns the promise. */
export function resolveCallback (method: string, done: Promise<void>, callback: unknown): Promise<void> {
  if (typeof callback !== 'function') return done
  if (!warned.has(method)) {
    warned.add(method)
    const message = `\`request.session.${method}(callback)\` is deprecated. Use \`await request.session.${method}()\`.`
    process.emitWarning(message, { type: 'DeprecationWarning', code: 'FST_SESSION_CALLBACK' })
  }
  // in another tick: what a callback throws must not become an unhandled rejection
  return done.then(() => { process.nextTick(callback) }, (error: unknown) => { process.nextTick(callback, error) })
}

/** Prevents an unhandled rejection, for methods that are synchronous in other libraries, so that their callers do not await them. */
export function ignoreRejection (done: Promise<void>): Promise<void> {
  done.catch(() => {})
  return done
}
