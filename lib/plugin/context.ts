import type { FastifyInstance } from 'fastify'
import { toCookieAttributes } from '../cookie/attributes.ts'
import { CookieVariants, reserveCookieNames } from '../cookie/variants.ts'
import { withoutCredentials } from '../errors.ts'
import { SessionManager } from '../manager/manager.ts'
import { Adoption } from '../migration/adoption.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import type { SessionContext } from '../session/context.ts'
import { DecodedDataCache } from '../session/decoded-data.ts'
import { toManagerOptions, toRequestOptions } from './options.ts'
import type { SessionPluginOptions } from './options.ts'
import type { SpanAnnotator } from './tracing.ts'

/** The context of every request, created once at registration. */
export interface PluginContext extends SessionContext {
  readonly anonymizer: IpAnonymizer
  /** `null`: no sessions are migrated. */
  readonly migration: Adoption | null
  /** `anonymous`: while the store fails, requests count as signed out. */
  readonly onStoreError: 'refuse' | 'anonymous'
  /** Origins that count as the app's own. */
  readonly trustedOrigins: ReadonlySet<string>
  readonly annotateSpan: SpanAnnotator | null
}

/** Checks the options, then opens the session manager. Rejects with `FST_SESSION_INVALID_OPTION`, and with the errors of `open`. */
export async function createContext (app: FastifyInstance, options: SessionPluginOptions): Promise<PluginContext> {
  const attributes = toCookieAttributes(options.cookie ?? {})
  reserveCookieNames(app.server, attributes)
  const { migration, ...checked } = toRequestOptions(options)
  const warn = (message: string, cause?: unknown): void => {
    app.log.warn({ err: withoutCredentials(cause) }, `fastify-session-manager: ${message}`)
  }
  const manager = new SessionManager({ ...toManagerOptions(options), name: attributes.name, warn })
  const loopback = (options.cookie?.secure ?? 'auto') === 'auto' && process.env['NODE_ENV'] !== 'production'
  const cookies = new CookieVariants(attributes, { secrets: manager.settings.secrets, loopback, warn })
  const { events, anonymizer, throttle, notifier } = (await manager.open()).core
  const decoded = new DecodedDataCache()
  notifier.onEnd(({ id }) => { decoded.delete(id) })
  return {
    ...checked,
    manager,
    events,
    anonymizer,
    cookies,
    decoded,
    migration: migration === null ? null : new Adoption(manager, migration),
    throttle
  }
}

/** Waits for tasks in the background, then closes the store. */
export async function closeContext ({ migration, manager }: PluginContext): Promise<void> {
  await migration?.close()
  await manager.close()
}
