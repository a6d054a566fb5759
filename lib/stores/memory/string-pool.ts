import { LruCache } from '../../token/lru-cache.ts'
import type { MutableRecord } from '../patch.ts'

/**
 * Texts that many sessions have in common (agents, devices, addresses), as one string each. What has not come again for thousands of other
 * texts is forgotten, so that texts made up by clients cost no more than the sessions that have them.
 */
export class StringPool {
  readonly #known = new LruCache<string>(8192)

  /** The same text, as the string that others have. */
  share <T extends string | null> (text: T): T {
    return text === null ? text : (this.#known.get(text) ?? this.#known.set(text, text)) as T
  }

  /** One string for all sessions that have the same. */
  shareAll (record: MutableRecord): void {
    record.ip = this.share(record.ip)
    record.userAgent = this.share(record.userAgent)
    record.firstIp = this.share(record.firstIp)
    record.firstUserAgent = this.share(record.firstUserAgent)
    record.device = this.share(record.device)
    record.methods = this.share(record.methods)
  }
}
