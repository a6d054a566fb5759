import type { CookieVariants } from '../cookie/variants.ts'
import type { SessionEventEmitter } from '../events/emitter.ts'
import type { EventThrottle } from '../events/throttle.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { SessionRecord } from '../model/record.ts'
import type { DecodedDataCache } from './decoded-data.ts'

/** The parts of the plugin that the session of a request uses. */
export interface SessionContext {
  readonly manager: SessionManager
  /** Emits also after the manager has closed. */
  readonly events: SessionEventEmitter
  /** Emits events that a client can cause at will. */
  readonly throttle: EventThrottle
  readonly cookies: CookieVariants
  readonly decoded: DecodedDataCache
  /** Data keys that a session keeps when a guest signs in. */
  readonly keepOnLogin: readonly string[]
  /** The header Clear-Site-Data of a logout; `null`: none. */
  readonly clearSiteData: string | null
  /** Returns the user id from the data, for apps that set only data. */
  readonly resolveUserId: ((data: Record<string, unknown>) => unknown) | null
  /** Keeps legacy sessions in step; `header`: the Cookie header. `onLogout` resolves to Set-Cookie values that expire legacy cookies. */
  readonly migration: {
    onDataChange (record: SessionRecord, header: string): void
    onLogout (header: string): Promise<readonly string[]>
  } | null
}
