import type { SessionRecord } from '../model/record.ts'
import { BoundedCache } from '../token/bounded-cache.ts'
import type { CacheEntry } from '../token/bounded-cache.ts'
import { hashOf, TokenTable } from '../token/token-table.ts'
import type { TableEntry } from '../token/token-table.ts'
import type { CacheOptions } from '../store.ts'
import type { MutableRecord } from './patch.ts'

/** What a cached session takes besides its texts: the record, its numbers, the headers of its texts, the entry (bench/cache-memory.js). */
const fixedBytes = 860
const defaultMaxBytes = 64 * 1024 * 1024

/** A session in the cache of a store. */
export class CachedRecord implements CacheEntry, TableEntry {
  readonly key: string
  readonly keyHash: number
  readonly bytes: number
  used = false
  slot = 0
  readonly record: MutableRecord
  /** On a clock that never jumps; 0 where the age does not count. */
  readonly readAt: number

  constructor (record: MutableRecord, readAt = 0) {
    this.key = record.id
    this.keyHash = hashOf(record.id)
    this.bytes = sizeOf(record)
    this.record = record
    this.readAt = readAt
  }
}

/** Returns a cache of sessions: of at most `max` if that is given, of `maxBytes` otherwise, 64 MiB by default. */
export function newRecordCache ({ max, maxBytes }: CacheOptions = {}): BoundedCache<CachedRecord> {
  const bytes = maxBytes ?? (max === undefined ? defaultMaxBytes : Infinity)
  return new BoundedCache<CachedRecord>({ max: max ?? Infinity, maxBytes: bytes }, () => new TokenTable())
}

/** Returns about how much memory a cached session takes, in bytes. */
function sizeOf ({ userId, ip, userAgent, firstIp, firstUserAgent, deviceName, data }: SessionRecord): number {
  let bytes = fixedBytes + lengthOf(userId) + lengthOf(ip) + lengthOf(userAgent) + lengthOf(deviceName)
  // where the client has not changed, it is one text
  if (firstIp !== ip) bytes += lengthOf(firstIp)
  if (firstUserAgent !== userAgent) bytes += lengthOf(firstUserAgent)
  for (const key in data) bytes += 32 + key.length + lengthOf(data[key] as string)
  return bytes
}

function lengthOf (text: string | null): number {
  return text === null ? 0 : text.length
}
