import type { SessionManager } from './manager/manager.ts'
import { fastifySessionManager } from './plugin/plugin.ts'
import { requireSession } from './plugin/require-session.ts'
import type { SessionRouteConfig } from './plugin/route-config.ts'
import type { SessionApi } from './session/session-api.ts'

export { fastifySessionManager, fastifySessionManager as default, requireSession }
export type { SessionPluginOptions } from './plugin/options.ts'
export type { AdminOptions } from '../routes/admin/options.ts'
export type { PageOptions as SessionPageOptions } from '../routes/pages/options.ts'
export { SessionManager } from './manager/manager.ts'
export { Rejection, Rotation } from './manager/validation-result.ts'
export type { Validation } from './manager/validation-result.ts'
export type { NewSessionResult } from './manager/creator.ts'
export type { NewSession } from './manager/record-factory.ts'
export type { RequestContext } from './manager/request-context.ts'
export type { BulkEndOptions, EndOptions } from './manager/revoker.ts'
export type { Authentication } from './manager/rotator.ts'
export type { PresentedToken } from './token/presented-token.ts'
export { isBlockId } from './token/token.ts'
export { memoryStore } from './stores/memory.ts'
export { SessionError, sessionErrors } from './errors.ts'
export type { SessionErrorCode } from './errors.ts'
export { eventChannelName } from './events/emitter.ts'
export { eventMeanings } from './events/events.ts'
export type {
  EndedSessionInfo, EventDetail, EventDetails, EventMeaning, EventView, SessionEvent, SessionEventOf, SessionEventType
} from './events/events.ts'
export { redactPaths } from './events/log.ts'
export { sessionMetrics } from './events/metrics.ts'
export type { MetricsRegistry, MetricsTarget } from './events/metrics.ts'
export type { OpenTelemetryApi, OpenTelemetryOptions } from './plugin/tracing.ts'
export { deviceLabel } from './model/device.ts'
export type { Device } from './model/device.ts'
export type { Filter } from './model/filter.ts'
export type { UserId } from './model/user-id.ts'
export type { Duration } from './options.ts'
export type { CookieOptions } from './cookie/attributes.ts'
export type { MaxSessionsOptions, RiskRequest, RiskVerdict, SessionManagerOptions } from './manager/options.ts'
export type { EncryptionOptions } from './manager/secrets.ts'
export type { SessionRouteConfig } from './plugin/route-config.ts'
export type { LoginOptions, SessionApi, SessionValue } from './session/session-api.ts'
export type { SessionInfo } from './session/info.ts'
export type { EncodedData, EndReason, EndedSession, SessionRecord } from './model/record.ts'
export type { SessionStatistics, StatisticsBucket, StatisticsRange, StatisticsSums } from './statistics/statistics.ts'
export type { ExportOptions, ImportOptions, ImportReport } from './manager/transfer.ts'
export type { Awaitable } from './async.ts'
export type * from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of this request; its own properties are your data. */
    readonly session: Session & SessionApi
  }

  interface FastifyInstance {
    /** See, limit and revoke sessions. */
    readonly sessions: SessionManager
    /** As the import `requireSession`, but `undefined` until the plugin has loaded. Prefer the import, or `config.session.required`. */
    readonly requireSession: typeof requireSession
  }

  interface FastifyContextConfig {
    /** The session requirements of the route; `false`: the session is not loaded. */
    session?: false | SessionRouteConfig
  }
}
