import type { ManagerServices } from '../manager/services.ts'
import { hasEnded } from '../model/record.ts'
import type { MirroredSession } from './adapter.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/** The client of a request with a credential. */
export interface ClientInfo {
  readonly ip: string | undefined
  readonly userAgent: string | undefined
}

/** A verified credential of another library, and its adapter. */
export interface Credential {
  readonly store: GuardedAdapter
  readonly text: string
}

const maxEntries = 100_000
const mirrorEvery = 60_000

/**
 * Deletes or writes back the legacy records of adopted sessions: in the background, one step after the other for each record, so that a
 * write-back in flight never restores a deleted record.
 */
export class SourceRecords {
  readonly #core: ManagerServices
  readonly #origins = new Map<string, Credential>()
  readonly #steps = new Map<string, Promise<void>>()
  readonly #retired = new Set<string>()
  readonly #mirroredAt = new Map<string, number>()

  constructor (core: ManagerServices) {
    this.#core = core
  }

  /** Remembers the credential that a session was adopted from. */
  remember (id: string, origin: Credential): void {
    this.#origins.set(id, origin)
    bound(this.#origins)
  }

  has (id: string): boolean {
    return this.#origins.has(id)
  }

  /** Deletes the legacy record of a session that has ended. */
  onEnded (id: string): void {
    const origin = this.#origins.get(id)
    if (origin === undefined) return
    this.#origins.delete(id)
    void this.retire(origin, id)
  }

  /** Returns whether the legacy record is deleted, so that its cookie can be deleted, too. */
  isRetired (origin: Credential): boolean {
    return this.#retired.has(keyOf(origin))
  }

  /** Deletes the legacy record. A failure is retried with the next request that has the credential. */
  retire (origin: Credential, id: string | null): Promise<void> {
    if (this.isRetired(origin)) return Promise.resolve()
    return this.#then(origin, async () => {
      if (this.isRetired(origin)) return
      await origin.store.retire(origin.text)
      this.#retired.add(keyOf(origin))
      bound(this.#retired)
      const { events, clock } = this.#core
      events.emit({ type: 'migration', at: clock.now(), id, userId: null, source: origin.store.adapter.name, result: 'retired' })
    })
  }

  /** Returns whether the legacy record of a session is due to be written back, and counts it as written from now on. */
  isDue (id: string): boolean {
    const now = this.#core.clock.now()
    if (now - (this.#mirroredAt.get(id) ?? 0) < mirrorEvery) return false
    this.#mirroredAt.set(id, now)
    bound(this.#mirroredAt)
    return true
  }

  /** Writes the session back to its legacy record. */
  mirror (origin: Credential, id: string, session: MirroredSession): Promise<void> {
    return this.#then(origin, async () => {
      await origin.store.mirror(origin.text, session)
      // another node may have ended the session, and deleted the record, meanwhile
      const left = await this.#core.reader.get(id)
      if (left === null || hasEnded(left)) await origin.store.retire(origin.text)
    })
  }

  /** Waits for steps in flight. */
  async settled (): Promise<void> {
    await Promise.all(this.#steps.values())
  }

  /** Ignores failures: the adapter has reported them. */
  #then (origin: Credential, step: () => Promise<void>): Promise<void> {
    const key = keyOf(origin)
    const done = (this.#steps.get(key) ?? Promise.resolve()).then(step).catch(() => {}).finally(() => {
      if (this.#steps.get(key) === done) this.#steps.delete(key)
    })
    this.#steps.set(key, done)
    return done
  }
}

/** Returns the key of a credential, over all libraries. */
export function keyOf ({ store, text }: Credential): string {
  return `${store.adapter.name}\0${text}`
}

/** Limits the number of entries by deleting the oldest. */
export function bound (entries: Map<string, unknown> | Set<string>): void {
  if (entries.size > maxEntries) entries.delete(entries.keys().next().value as string)
}
