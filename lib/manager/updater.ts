import type { SessionEventEmitter } from '../events/emitter.ts'
import { checkSize, encodeData } from '../model/data.ts'
import { expiresAt } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import type { Precondition, SessionPatch, Store, UpdateResult } from '../store.ts'
import type { ManagerCore } from './core.ts'
import type { StoreClock } from './store-clock.ts'

/** Changes live sessions. */
export class Updater {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #events: SessionEventEmitter

  constructor ({ store, clock, events }: ManagerCore) {
    this.#store = store
    this.#clock = clock
    this.#events = events
  }

  /** Applies one patch, and returns the store's result. Rejects with `FST_SESSION_DATA_TOO_LARGE` and the store's errors. */
  async patch (id: string, patch: SessionPatch, expect?: Precondition): Promise<UpdateResult> {
    if (patch.set !== undefined) checkSize(patch.set)
    return this.#store.update(id, patch, expect)
  }

  /** As `SessionManager.update`. */
  async update (id: string, data: Readonly<Record<string, unknown>>): Promise<SessionRecord | null> {
    const unset = Object.keys(data).filter(key => data[key] === undefined)
    return this.#change(id, { set: encodeData(data), unset })
  }

  /** As `SessionManager.rename`. */
  async rename (id: string, deviceName: string | null): Promise<SessionRecord | null> {
    return this.#change(id, { deviceName })
  }

  /** As `SessionManager.extend`. */
  async extend (id: string): Promise<SessionRecord | null> {
    const record = await this.#change(id, { seen: true })
    if (record === null) return null
    const { userId } = record
    this.#events.emit({ type: 'extended', at: this.#clock.now(), id, userId, expiresAt: expiresAt(record) })
    return record
  }

  /** Returns the session, or `null` if it has ended. */
  async #change (id: string, patch: SessionPatch): Promise<SessionRecord | null> {
    const result = await this.patch(id, patch)
    return result.status === 'done' ? result.record : null
  }
}
