import type { LightMyRequestResponse } from 'fastify'
import type { SessionPluginOptions } from '../../lib/index.ts'
import { testApp } from './app.ts'
import type { TestApp } from './app.ts'

export const adminApi = '/api/v1/admin/sessions'

export interface AdminApp extends TestApp {
  /** The Cookie header of the admin, `root`. */
  readonly cookie: string
  /** Sends a request as the admin. */
  get (path: string): Promise<LightMyRequestResponse>
  post (path: string, payload: unknown): Promise<LightMyRequestResponse>
}

/** An app whose admin is `root`, signed in. */
export async function adminApp (t: { teardown: (fn: () => unknown) => void }, options: SessionPluginOptions = {}): Promise<AdminApp> {
  const app = await testApp(t, { admin: { authorize: request => request.session.userId === 'root' }, ...options })
  const cookie = await app.signIn('root')
  return {
    ...app, cookie,
    get: path => app.send(`${adminApi}${path}`, { cookie }),
    post: (path, payload) => app.send(`${adminApi}${path}`, { cookie, method: 'POST', payload })
  }
}
