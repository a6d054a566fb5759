/** How code for express-session is answered: without an argument if all went well. */
export type SessionCallback = (error?: unknown) => void

const warned = new Set<string>()

/** Answers a callback, if there is one, and warns once per method that promises have taken its place. Without one, the promise is the answer. */
export function answer (method: string, done: Promise<void>, callback: unknown): Promise<void> {
  if (typeof callback !== 'function') return done
  if (!warned.has(method)) {
    warned.add(method)
    process.emitWarning(`\`request.session.${method}(callback)\` is deprecated. Use \`await request.session.${method}()\`.`, { type: 'DeprecationWarning', code: 'FST_SESSION_CALLBACK' })
  }
  // on a tick of its own: what a callback throws is nobody's rejection
  return done.then(() => { process.nextTick(callback) }, (error: unknown) => { process.nextTick(callback, error) })
}

/** For methods that answered at once in other libraries, so that nobody awaits them: a failure is no unhandled rejection. */
export function unattended (done: Promise<void>): Promise<void> {
  done.catch(() => {})
  return done
}
