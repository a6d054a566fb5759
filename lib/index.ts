import { fastifySessionManager } from './plugin.ts'
import type { SessionManager } from './manager.ts'
import type { SessionRouteConfig } from './rules.ts'
import type { SessionApi } from './session.ts'

export { fastifySessionManager, fastifySessionManager as default }
export type { SessionPluginOptions } from './pluginoptions.ts'
export type { AdminOptions } from '../routes/adminscope.ts'
export type { PageOptions as SessionPageOptions } from '../routes/pageoptions.ts'
export { SessionManager } from './manager.ts'
export { Refusal, Renewal } from './validation.ts'
export type { Validation } from './validation.ts'
export type { NewSessionResult } from './creation.ts'
export type { NewSession } from './newrecord.ts'
export type { EndOptions } from './ender.ts'
export type { PresentedToken } from './presented.ts'
export { memoryStore } from './stores/memory.ts'
export { SessionError, sessionErrors } from './errors.ts'
export type { SessionErrorCode } from './errors.ts'
export { eventChannelName, eventMeanings } from './events.ts'
export type { EventMeaning, SessionEvent, SessionEventOf, SessionEventType } from './events.ts'
export { redactPaths } from './log.ts'
export { sessionMetrics } from './metrics.ts'
export type { MetricsRegistry, MetricsTarget } from './metrics.ts'
export type { OpenTelemetryApi, OpenTelemetryOptions } from './otel.ts'
export type { Filter } from './filter.ts'
export type { Duration } from './duration.ts'
export type { CookieOptions } from './cookie.ts'
export type { LimitOptions, RiskVerdict, SessionManagerOptions } from './settings.ts'
export type { SessionRouteConfig } from './rules.ts'
export type { LoginOptions, SessionApi } from './session.ts'
export type { SessionInfo } from './info.ts'
export type { EncodedData, EndReason, EndedSession, SessionRecord } from './record.ts'
export type { SessionStatistics, StatisticsBucket, StatisticsRange, StatisticsSums } from './statistics.ts'
export type { ExportOptions, ImportOptions, ImportReport } from './transfer.ts'
export type * from './store.ts'

declare module 'fastify' {
  /** Your session data: `declare module 'fastify' { interface Session { cart?: string[] } }`. */
  interface Session {}

  interface FastifyRequest {
    /** The session of this request; its own properties are your data. */
    readonly session: Session & SessionApi
  }

  interface FastifyInstance {
    /** See, limit and revoke sessions. */
    readonly sessions: SessionManager
    /** Guard for `onRequest`: throws 401 without a signed-in user. */
    readonly requireSession: (request: FastifyRequest, reply: import('fastify').FastifyReply) => Promise<void>
  }

  interface FastifyContextConfig {
    /** What the route wants of the session; `false`: nothing at all. */
    session?: false | SessionRouteConfig
  }
}
