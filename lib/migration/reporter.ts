import type { SessionEventOf } from '../events/events.ts'
import type { ManagerCore } from '../manager/core.ts'
import type { LegacyAdapter } from './adapter.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'
import type { Credential } from './source-records.ts'

/** Emits events about credentials of other libraries. */
export class MigrationReporter {
  readonly #core: ManagerCore

  constructor (core: ManagerCore) {
    this.#core = core
  }

  /** Reports the result of a credential. `session`: the new session that it belongs to. */
  report (
    credential: Credential,
    result: SessionEventOf<'migration'>['result'],
    session: { readonly id: string, readonly userId: string | null } | null = null
  ): void {
    const { events, clock } = this.#core
    const { name } = credential.store.adapter
    events.emit({ type: 'migration', at: clock.now(), id: session?.id ?? null, userId: session?.userId ?? null, source: name, result })
  }

  /** Reports a failure of the old library's store. */
  failed ({ name: source }: LegacyAdapter, operation: string, { error, count }: { readonly error: unknown, readonly count: number }): void {
    const { events, clock } = this.#core
    const name = error instanceof Error ? error.name : 'Error'
    events.emit({ type: 'migration-failed', at: clock.now(), id: null, userId: null, source, operation, error: name, count })
  }

  /** Reports a rejected credential; frequent rejections become one event with a count. `ip`: the raw IP address of the client. */
  reject (store: GuardedAdapter, why: SessionEventOf<'migration-rejected'>['why'], ip: string | undefined): void {
    const { anonymizer, clock, throttle } = this.#core
    const { name: source } = store.adapter
    throttle.emit(
      { type: 'migration-rejected', at: clock.now(), id: null, userId: null, source, why, ip: anonymizer.apply(ip) }, `${source} ${why}`)
  }
}
