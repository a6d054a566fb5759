import { SessionManager } from '../../lib/index.ts'
import type { SessionManagerOptions, SessionRecord } from '../../lib/index.ts'
import type { RequestContext } from '../../lib/manager/request-context.ts'
import { secret } from './app.ts'

export type Test = { teardown: (fn: () => unknown) => void }

export const minute = 60_000
export const visit: RequestContext = { ip: '192.0.2.1', userAgent: 'curl/8', passive: false }

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

/** An open manager over a clock that the test moves; it closes with the test. */
export async function openManager (t: Test, options: SessionManagerOptions = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const sessions = await new SessionManager({ secret, now: () => clock.now, ...options }).open()
  t.teardown(() => sessions.close())
  return { sessions, clock }
}

/** A new session of ada, made by a manager of its own. */
export async function aRecord (t: Test): Promise<SessionRecord> {
  const { sessions } = await openManager(t)
  return (await sessions.create({ userId: 'ada', ip: '192.0.2.1', userAgent: 'curl/8' })).session
}
