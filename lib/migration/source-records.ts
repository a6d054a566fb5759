import type { SessionEvent } from '../events/events.ts'
import { hasEnded } from '../model/record.ts'
import type { EndedSession, SessionRecord } from '../model/record.ts'
import type { MirroredSession } from './adapter.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'

/** A verified credential of another library, and whose it is. */
export interface Credential {
  readonly store: GuardedAdapter
  readonly text: string
}

export interface OldRecordsOptions {
  /** What has become of a session of ours. */
  readonly get: (id: string) => Promise<SessionRecord | EndedSession | null>
  readonly tell: (event: SessionEvent) => void
  readonly now: () => number
}

const known = 100_000
const mirrorEvery = 60_000

/**
 * Deletes or mirrors the records that sessions of ours were adopted from: in the background, one step after the other for each record, so
 * that a mirror on its way never brings back what was deleted.
 */
export class OldRecords {
  readonly #options: OldRecordsOptions
  readonly #origins = new Map<string, Credential>()
  readonly #steps = new Map<string, Promise<void>>()
  readonly #retired = new Set<string>()
  readonly #mirroredAt = new Map<string, number>()

  constructor (options: OldRecordsOptions) {
    this.#options = options
  }

  /** A session's browser has shown what it was adopted from. */
  remember (id: string, origin: Credential): void {
    this.#origins.set(id, origin)
    bound(this.#origins)
  }

  has (id: string): boolean {
    return this.#origins.has(id)
  }

  /** A session has ended: its old record must not outlive it. */
  ended (id: string): void {
    const origin = this.#origins.get(id)
    if (origin === undefined) return
    this.#origins.delete(id)
    void this.retire(origin, id)
  }

  /** Whether the old record is gone, so that its cookie may go too. */
  isRetired (origin: Credential): boolean {
    return this.#retired.has(keyOf(origin))
  }

  /** Deletes the old record. What fails is done with the next request that bears the credential. */
  retire (origin: Credential, id: string | null): Promise<void> {
    if (this.isRetired(origin)) return Promise.resolve()
    return this.#then(origin, async () => {
      if (this.isRetired(origin)) return
      await origin.store.retire(origin.text)
      this.#retired.add(keyOf(origin))
      bound(this.#retired)
      this.#options.tell({ type: 'legacy', at: this.#options.now(), id, userId: null, source: origin.store.adapter.name, result: 'retired' })
    })
  }

  /** Whether a session's old record was not written for a while; from now on it counts as written. */
  isDue (id: string): boolean {
    const now = this.#options.now()
    if (now - (this.#mirroredAt.get(id) ?? 0) < mirrorEvery) return false
    this.#mirroredAt.set(id, now)
    bound(this.#mirroredAt)
    return true
  }

  /** Keeps the old record in step with its session. */
  mirror (origin: Credential, id: string, session: MirroredSession): Promise<void> {
    return this.#then(origin, async () => {
      await origin.store.mirror(origin.text, session)
      // another node may have ended the session, and deleted the record, while it was being written
      const left = await this.#options.get(id)
      if (left === null || hasEnded(left)) await origin.store.retire(origin.text)
    })
  }

  /** Waits for what is under way. */
  async settled (): Promise<void> {
    await Promise.all(this.#steps.values())
  }

  /** Failures have been told. */
  #then (origin: Credential, step: () => Promise<void>): Promise<void> {
    const key = keyOf(origin)
    const done = (this.#steps.get(key) ?? Promise.resolve()).then(step).catch(() => {}).finally(() => {
      if (this.#steps.get(key) === done) this.#steps.delete(key)
    })
    this.#steps.set(key, done)
    return done
  }
}

/** One key for each credential of each library. */
export function keyOf ({ store, text }: Credential): string {
  return `${store.adapter.name}\0${text}`
}

/** What is kept for each of many sessions is bounded; the oldest go first. */
export function bound (entries: Map<string, unknown> | Set<string>): void {
  if (entries.size > known) entries.delete(entries.keys().next().value as string)
}
