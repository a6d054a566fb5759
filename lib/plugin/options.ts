import { toAdminOptions } from '../../routes/admin/options.ts'
import type { AdminOptions, CheckedAdminOptions } from '../../routes/admin/options.ts'
import { toPageOptions } from '../../routes/pages/options.ts'
import type { CheckedPageOptions, PageOptions } from '../../routes/pages/options.ts'
import type { CookieOptions } from '../cookie/attributes.ts'
import type { MetricsRegistry, MetricsTarget } from '../events/metrics.ts'
import { managerOptionNames } from '../manager/options.ts'
import type { SessionManagerOptions } from '../manager/options.ts'
import { resolveMigrationOptions } from '../migration/options.ts'
import type { MigrationOptions, MigrationSettings } from '../migration/options.ts'
import { checkNames, invalidOption, namesOf, oneOf, optionalFunction, toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'
import { toTrustedOrigins } from './cross-origin.ts'
import { createSpanAnnotator } from './tracing.ts'
import type { OpenTelemetryApi, OpenTelemetryOptions, SpanAnnotator } from './tracing.ts'

/** Options of the plugin: those of a `SessionManager`, and what HTTP adds. */
export interface SessionPluginOptions extends Omit<SessionManagerOptions, 'name' | 'warn'> {
  readonly cookie?: CookieOptions
  /** Data keys that a session keeps when a guest signs in. Default none: data that was planted before a sign-in must not act after it. */
  readonly keepOnLogin?: readonly string[]
  /** Returns the user id from the data, for apps that set only data: `data => data.passport?.user`. Setting that data signs the user in. */
  readonly resolveUserId?: (data: Record<string, unknown>) => string | number | null | undefined
  /** Migrates sessions of other libraries: see `fastify-session-manager/migrate`. */
  readonly migrate?: MigrationOptions
  /**
   * What happens to requests with a cookie while the store fails. `refuse` (default): the response is 503 where the session is needed.
   * `anonymous`: they count as signed out, and write nothing.
   */
  readonly onStoreError?: 'refuse' | 'anonymous'
  /**
   * Other origins whose pages may send state-changing requests and open WebSockets, such as a single-page app on a sibling host or another
   * port. Exact, with scheme: `['https://app.example.com']`. Default none.
   */
  readonly trustedOrigins?: readonly string[]
  /** What a browser clears when its user logs out (Clear-Site-Data), besides the cookie. Default nothing. */
  readonly clearSiteData?: readonly ('cache' | 'storage' | 'executionContexts' | 'cookies')[]
  /** The user routes; `false`: none. */
  readonly routes?: false | {
    /** Default `/api/v1/auth/sessions`. */
    readonly prefix?: string
    /**
     * How recently a user must have authenticated to end the user's other sessions (OWASP ASVS 5.0 7.5.2). Default `10m` with `nistProfile`
     * `aal2` and `aal3`, otherwise `false`.
     */
    readonly fresh?: Duration | false
    /**
     * Name of the security scheme that your OpenAPI document defines for the cookie: `{ type: 'apiKey', in: 'cookie', name: '__Host-sid'
     * }`.
     */
    readonly security?: string
  }
  /** Registers the page on which users see their devices, at `/account/sessions` or at `path`. Default `false`. */
  readonly devicesPage?: PageOptions | boolean
  /** The admin routes and the console; without this option they do not exist. */
  readonly admin?: AdminOptions
  /** prom-client or a registry of it, in which the metrics are registered. */
  readonly metrics?: MetricsTarget
  /** `@opentelemetry/api`: the span of a request gets `session.id`; with `{ api, user: true }` also `enduser.id`. */
  readonly otel?: OpenTelemetryApi | OpenTelemetryOptions
  /** Options of the event streams of the user and admin routes. */
  readonly eventStream?: {
    /** Interval between two heartbeats on each stream. Must be less than the idle timeout of your proxy. Default 15s. */
    readonly heartbeat?: Duration
    /** How long before its session expires a page is notified; at most half of the idle timeout. Default 2m, at least 20s (WCAG 2.2.1). */
    readonly expiryWarning?: Duration
  }
}

const ownNames = namesOf<Omit<SessionPluginOptions, keyof SessionManagerOptions>>({
  ...{ cookie: true, keepOnLogin: true, resolveUserId: true, migrate: true, onStoreError: true, trustedOrigins: true, clearSiteData: true },
  ...{ routes: true, devicesPage: true, admin: true, eventStream: true, metrics: true, otel: true }
})
/** The manager's options that the plugin takes. */
const sharedNames = managerOptionNames.filter(name => name !== 'name' && name !== 'warn')
/** Every option of the plugin; docs/reference/options.md is checked against it. */
export const optionNames = [...sharedNames, ...ownNames]
/** The options that belong to `register` itself. */
const registerOptions = ['prefix', 'logLevel', 'logSerializers']
const routesNames = namesOf<Exclude<SessionPluginOptions['routes'], false | undefined>>({ prefix: true, fresh: true, security: true })
const eventStreamNames = namesOf<NonNullable<SessionPluginOptions['eventStream']>>({ heartbeat: true, expiryWarning: true })

/** Throws `FST_SESSION_INVALID_OPTION` for an option that does not exist. The code that reads a nested object checks its names. */
export function checkPluginOptions (options: SessionPluginOptions): void {
  checkNames(options, '', [...optionNames, ...registerOptions])
}

/** Returns the options of the manager among those of the plugin. */
export function toManagerOptions (options: SessionPluginOptions): SessionManagerOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => sharedNames.includes(name)))
}

/** The options of each request, checked. */
export interface RequestOptions {
  readonly keepOnLogin: readonly string[]
  readonly resolveUserId: NonNullable<SessionPluginOptions['resolveUserId']> | null
  /** `null`: no sessions are migrated. */
  readonly migration: MigrationSettings | null
  readonly onStoreError: 'refuse' | 'anonymous'
  /** Origins that count as the app's own. */
  readonly trustedOrigins: ReadonlySet<string>
  /** The header Clear-Site-Data; `null`: none. */
  readonly clearSiteData: string | null
  readonly annotateSpan: SpanAnnotator | null
}

/** Checks the options of each request. Throws `FST_SESSION_INVALID_OPTION`. */
export function toRequestOptions (options: SessionPluginOptions): RequestOptions {
  const { migrate, otel, onStoreError = 'refuse' } = options
  const resolveUserId = optionalFunction(options.resolveUserId, 'resolveUserId')
  return {
    keepOnLogin: toKeepOnLogin(options.keepOnLogin ?? []),
    resolveUserId: resolveUserId ?? null,
    migration: migrate === undefined ? null : resolveMigrationOptions(migrate, resolveUserId),
    onStoreError: oneOf(onStoreError, 'onStoreError', ['refuse', 'anonymous']),
    trustedOrigins: toTrustedOrigins(options.trustedOrigins ?? []),
    clearSiteData: toClearSiteData(options.clearSiteData ?? []),
    annotateSpan: otel === undefined ? null : createSpanAnnotator(otel)
  }
}

function toKeepOnLogin (keys: readonly string[]): readonly string[] {
  if (!Array.isArray(keys) || !keys.every(key => typeof key === 'string')) throw invalidOption('keepOnLogin', 'an array of data keys')
  return keys
}

function toClearSiteData (types: readonly string[]): string | null {
  if (!Array.isArray(types)) throw invalidOption('clearSiteData', "an array of 'cache', 'storage', 'executionContexts', 'cookies'")
  for (const type of types) oneOf(type, 'clearSiteData', ['cache', 'storage', 'executionContexts', 'cookies'])
  return types.length === 0 ? null : types.map(type => `"${type as string}"`).join(', ')
}

/** The options of the routes, checked; durations in milliseconds. */
export interface RouteOptions {
  /** `null`: there are no user routes. */
  readonly user: UserRoutesOptions | null
  /** `null`: there are no admin routes. */
  readonly admin: CheckedAdminOptions | null
  readonly security: string | undefined
  readonly heartbeat: number
  readonly expiryWarning: number
}

/** The options of the user routes, checked. */
export interface UserRoutesOptions {
  readonly prefix: string
  /** Maximum age of the authentication of a user who ends other sessions; 0: any. */
  readonly fresh: number
  /** `null`: there is no devices page. */
  readonly devicesPage: CheckedPageOptions | null
}

/** Checks the options of the routes. Throws `FST_SESSION_INVALID_OPTION`. */
export function toRouteOptions (options: SessionPluginOptions): RouteOptions {
  const { routes = {}, admin, eventStream = {} } = options
  checkNames(eventStream, 'eventStream', eventStreamNames)
  const { heartbeat = '15s', expiryWarning = '2m' } = eventStream
  return {
    user: toUserRoutesOptions(options),
    admin: admin === undefined ? null : toAdminOptions(admin),
    security: routes === false ? undefined : routes.security,
    heartbeat: toMilliseconds(heartbeat, 'eventStream.heartbeat', { min: 10, max: 600_000 }),
    expiryWarning: toMilliseconds(expiryWarning, 'eventStream.expiryWarning', { min: 20_000 })
  }
}

function toUserRoutesOptions ({ routes = {}, devicesPage = false, nistProfile }: SessionPluginOptions): UserRoutesOptions | null {
  if (routes === false) {
    if (devicesPage !== false) throw invalidOption('devicesPage', 'absent where `routes` is false, since the page lives on them')
    return null
  }
  checkNames(routes, 'routes', routesNames)
  const { prefix = '/api/v1/auth/sessions', fresh = nistProfile === 'aal2' || nistProfile === 'aal3' ? '10m' : false } = routes
  if (typeof prefix !== 'string' || !prefix.startsWith('/')) throw invalidOption('routes.prefix', 'a path that starts with /')
  return {
    prefix,
    fresh: fresh === false ? 0 : toMilliseconds(fresh, 'routes.fresh', { min: 1 }),
    devicesPage: devicesPage === false ? null : toPageOptions(devicesPage === true ? {} : devicesPage, 'devicesPage', '/account/sessions')
  }
}

/** Checks the option `metrics`. Throws `FST_SESSION_INVALID_OPTION`. */
export function toMetricsTarget (target: MetricsTarget | undefined): MetricsTarget | null {
  if (target === undefined) return null
  const isObject = typeof (target as unknown) === 'object' && (target as unknown) !== null
  const registry = (isObject && 'register' in target ? target.register : target) as Partial<MetricsRegistry> | null
  if (typeof registry?.registerMetric !== 'function') throw invalidOption('metrics', 'prom-client, or a registry of it')
  return target
}
