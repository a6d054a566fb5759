import type { AdminOptions } from '../../routes/admin/options.ts'
import type { PageOptions } from '../../routes/pages/options.ts'
import type { CookieOptions } from '../cookie/attributes.ts'
import type { MetricsTarget } from '../events/metrics.ts'
import type { SessionManagerOptions } from '../manager/options.ts'
import type { LegacyOptions } from '../migration/options.ts'
import { oneOf, refuse } from '../options.ts'
import type { Duration } from '../options.ts'
import type { OpenTelemetryApi, OpenTelemetryOptions } from './tracing.ts'

/** Options of the plugin: those of a `SessionManager`, and what HTTP adds. */
export interface SessionPluginOptions extends Omit<SessionManagerOptions, 'name' | 'warn'> {
  readonly cookie?: CookieOptions
  /** Data keys that go along when a guest signs in. Default none: what was planted before a sign-in must not act after it. */
  readonly keep?: readonly string[]
  /** Finds the owner in the data, for apps that only know data: `data => data.passport?.user`. Whoever appears there is signed in by that. */
  readonly userId?: (data: Record<string, unknown>) => string | number | null | undefined
  /** Takes sessions of other libraries over: see `fastify-session-manager/legacy`. */
  readonly legacy?: LegacyOptions
  /** `refuse` (default): a request with a cookie gets 503 where it needs the session while the store fails. `anonymous`: it is treated as signed out, and writes nothing. */
  readonly onStoreError?: 'refuse' | 'anonymous'
  /** What a browser forgets when its user signs out (Clear-Site-Data). Default nothing but the cookie. */
  readonly clearSiteData?: readonly ('cache' | 'storage' | 'executionContexts' | 'cookies')[]
  /** The user routes; `false`: none. */
  readonly routes?: false | {
    /** Default `/api/v1/auth/sessions`. */
    readonly prefix?: string
    /** Asks for a sign-in within this length before other sessions can be ended (OWASP ASVS 5.0 7.5.2). Default: `10m` with `aal2` and `aal3`, otherwise not. */
    readonly fresh?: Duration | false
    /** Name of the security scheme that your OpenAPI document defines for the cookie: `{ type: 'apiKey', in: 'cookie', name: '__Host-sid' }`. */
    readonly security?: string
  }
  /** The page where a user sees the own devices: at `/account/sessions`, or where `path` says. Absent or `false`: none. */
  readonly devices?: PageOptions | boolean
  /** The admin routes and the console; without it they are not there. */
  readonly admin?: AdminOptions
  /** prom-client, or a registry of it: the numbers go there. */
  readonly metrics?: MetricsTarget
  /** `@opentelemetry/api`: the span of a request gets `session.id`; with `{ api, user: true }` also `enduser.id`. */
  readonly otel?: OpenTelemetryApi | OpenTelemetryOptions
  /** The event streams of the user and admin routes. */
  readonly live?: {
    /** Between two signs of life on each stream: less than what your proxy takes for dead. Default 15s. */
    readonly heartbeat?: Duration
    /** So long before its session ends a page is told; never more than half of the idle time. Default 2m, at least 20s (WCAG 2.2.1). */
    readonly warning?: Duration
  }
}

/** Every option of the plugin; docs/reference/options.md is checked against it. */
export const optionNames = ['secret', 'store', 'idle', 'absolute', 'remember', 'guest', 'rotate', 'profile', 'limit', 'history', 'sweep', 'flush', 'storeTimeout', 'ip',
  'onReuse', 'risk', 'encryption', 'now', 'cookie', 'keep', 'userId', 'legacy', 'onStoreError', 'clearSiteData', 'routes', 'devices', 'admin', 'live', 'metrics', 'otel']
/** What `register` itself takes. */
const registerOptions = ['prefix', 'logLevel', 'logSerializers']

/** Throws `FST_SESSION_INVALID_OPTION` for an option that does not exist. */
export function checkNames (options: SessionPluginOptions): void {
  const unknown = Object.keys(options).find(name => !optionNames.includes(name) && !registerOptions.includes(name))
  if (unknown !== undefined) throw refuse(unknown, `one of the options: ${optionNames.join(', ')}`)
}

/** The option `keep`, checked. */
export function toKeep (keep: readonly string[]): readonly string[] {
  if (!Array.isArray(keep) || !keep.every(key => typeof key === 'string')) throw refuse('keep', 'an array of data keys')
  return keep
}

/** The option `clearSiteData`, checked, as the header says it; `null`: no header. */
export function toClearSiteData (types: readonly string[]): string | null {
  if (!Array.isArray(types)) throw refuse('clearSiteData', "an array of 'cache', 'storage', 'executionContexts', 'cookies'")
  for (const type of types) oneOf(type, 'clearSiteData', ['cache', 'storage', 'executionContexts', 'cookies'])
  return types.length === 0 ? null : types.map(type => `"${type as string}"`).join(', ')
}
