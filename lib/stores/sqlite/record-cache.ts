import type { SessionRecord } from '../../model/record.ts'
import type { ActivityUpdate } from '../../store.ts'
import { CachedRecord, newRecordCache } from '../cached-record.ts'
import { applyTouch } from '../patch.ts'
import type { Database } from './database.ts'

/**
 * Records that were read, while they equal the rows of the file. SQLite counts the commits of all other connections. Reading the count
 * takes a fifth of the time of reading a row, and proves that no other connection has changed anything. The writes of this connection
 * update the cache. A checkpoint of any connection does not change the count.
 */
export class RecordCache {
  readonly #database: Database
  readonly #records = newRecordCache()
  #version: unknown = null

  constructor (database: Database) {
    this.#database = database
  }

  /** Returns the record, unless another connection has written since it was read. */
  get (id: string): SessionRecord | undefined {
    const version = this.#database.sql.version.get()?.[0]
    if (version !== this.#version) {
      this.#records.clear()
      this.#version = version
    }
    return this.#records.get(id)?.record
  }

  /** Caches a record that was read right after `get`, with no write in between. */
  keep (record: SessionRecord): void {
    this.#records.add(new CachedRecord(record))
  }

  /** Drops a record whose row was changed or deleted. */
  drop (id: string): void {
    this.#records.delete(id)
  }

  /** Updates a touched record after the commit of the transaction. */
  touched (touch: ActivityUpdate, now: number, at: number): void {
    const record = this.#records.peek(touch.id)?.record
    if (record !== undefined) applyTouch(record, touch, now, at)
  }
}
