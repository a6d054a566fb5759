import { BoundedCache } from '../../token/bounded-cache.ts'
import type { CacheEntry } from '../../token/bounded-cache.ts'
import type { MutableRecord } from '../patch.ts'

/**
 * Texts that many sessions have in common (user agents, devices, IP addresses), as one string each. A text that does not occur again within
 * thousands of other texts is dropped. Texts that clients invent therefore cost no more memory than their sessions.
 */
export class StringPool {
  readonly #known = new BoundedCache<CacheEntry>({ max: 8192 })

  /** Returns the pooled string of the same text. */
  share <T extends string | null> (text: T): T {
    return text === null ? text : (this.#known.get(text) ?? this.#known.add({ key: text, bytes: 0, used: false, slot: 0 })).key as T
  }

  /** Replaces the texts of a record with pooled strings. */
  shareAll (record: MutableRecord): void {
    record.ip = this.share(record.ip)
    record.userAgent = this.share(record.userAgent)
    record.firstIp = this.share(record.firstIp)
    record.firstUserAgent = this.share(record.firstUserAgent)
  }
}
