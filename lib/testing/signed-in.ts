import { toCookieAttributes, toLoopbackAttributes } from '../cookie/attributes.ts'
import { SessionCookie } from '../cookie/cookie.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { NewSession } from '../manager/record-factory.ts'
import type { UserId } from '../model/user-id.ts'

/** An app that has registered the plugin. */
export interface TestedApp {
  ready (): PromiseLike<unknown>
  readonly sessions: SessionManager
}

/**
 * Creates a session without your login route, and returns the Cookie header of its browser: `app.inject({ url, headers: { cookie } })`. It
 * is a real session: the limit applies, and events are emitted. `options`: as for `app.sessions.create`.
 */
export async function createSessionCookie (
  app: TestedApp,
  userId: UserId,
  options: Omit<NewSession, 'userId'> = {}
): Promise<string> {
  await app.ready()
  const { token } = await app.sessions.create({ ...options, userId })
  const { name, secrets } = app.sessions.settings
  const attributes = toCookieAttributes({ name })
  // both names: over plain http from loopback the app reads the one without a prefix, otherwise the full one
  const pairs = [attributes, toLoopbackAttributes(attributes)].map(form => {
    return new SessionCookie(form, secrets, name).write(token).split(';', 1).join('')
  })
  return [...new Set(pairs)].join('; ')
}
