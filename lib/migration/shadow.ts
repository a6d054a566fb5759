import type { ManagerCore } from '../manager/core.ts'
import { encodeData } from '../model/data.ts'
import type { SessionRecord } from '../model/record.ts'
import { isExpired } from './adapter.ts'
import { isEmpty, mapSession } from './mapping.ts'
import type { MigrationSettings } from './options.ts'
import type { MigrationReporter } from './reporter.ts'
import { bound, keyOf } from './source-records.ts'
import type { Credential } from './source-records.ts'

/** Mode `shadow`: reports the result that an adoption would have, and changes nothing. */
export class Shadow {
  readonly #core: ManagerCore
  readonly #options: { readonly settings: MigrationSettings, readonly reporter: MigrationReporter }
  readonly #compared = new Set<string>()

  constructor (core: ManagerCore, options: { readonly settings: MigrationSettings, readonly reporter: MigrationReporter }) {
    this.#core = core
    this.#options = options
  }

  /** Compares a credential, once. `own`: the new session of the same request. */
  async compare (credential: Credential, own: SessionRecord | null): Promise<void> {
    const key = `${keyOf(credential)}\0${own?.id ?? ''}`
    if (this.#compared.has(key)) return
    this.#compared.add(key)
    bound(this.#compared)
    const { store, text } = credential
    const session = await store.load(text).catch(() => undefined)
    // reported by the adapter
    if (session === undefined) return
    const { settings, reporter } = this.#options
    const { clock, options: { policy } } = this.#core
    if (session === null || isExpired(session, clock.now())) { reporter.report(credential, 'over', own); return }
    try {
      const mapped = mapSession(session, { settings, policy, source: store.adapter.name, credential: text })
      encodeData(mapped.data)
      if (isEmpty(mapped)) reporter.report(credential, 'empty', own)
      else if (own === null) reporter.report(credential, 'ready')
      else reporter.report(credential, own.userId === mapped.userId ? 'agrees' : 'differs', own)
    } catch {
      reporter.reject(store, 'unusable', undefined)
    }
  }
}
