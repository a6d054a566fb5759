import type { SessionRecord } from '../../model/record.ts'
import type { ActivityUpdate } from '../../store.ts'
import { LruCache } from '../../token/lru-cache.ts'
import { applyTouch } from '../patch.ts'
import type { MutableRecord } from '../patch.ts'
import type { Database } from './database.ts'

/**
 * Records that were read, for as long as they are what the file has. SQLite counts the commits of all other connections; a look at the
 * count is a fifth of what it takes to read a row, and says for certain that nothing has changed. What this connection writes it says
 * itself, here. A checkpoint changes no count, whichever connection makes it.
 */
export class RecordCache {
  readonly #database: Database
  readonly #records = new LruCache<MutableRecord>(32_768)
  #version: unknown = null

  constructor (database: Database) {
    this.#database = database
  }

  /** The record, unless another connection has written since it was read. */
  get (id: string): SessionRecord | undefined {
    const version = this.#database.sql.version.get()?.[0]
    if (version !== this.#version) {
      this.#records.clear()
      this.#version = version
    }
    return this.#records.get(id)
  }

  /** Keeps what was read right after `get`, with no write in between. */
  keep (record: SessionRecord): void {
    this.#records.set(record.id, record)
  }

  /** The row was changed, or is gone. */
  drop (id: string): void {
    this.#records.delete(id)
  }

  /** The row was touched, and the transaction is through. */
  touched (touch: ActivityUpdate, now: number, at: number): void {
    const record = this.#records.get(touch.id)
    if (record !== undefined) applyTouch(record, touch, now, at)
  }
}
