import type { SessionManager } from '../manager/manager.ts'
import { encodeData } from '../model/data.ts'
import type { SessionRecord } from '../model/record.ts'
import { isEmpty, isPast, toTakeover } from './mapping.ts'
import type { LegacySettings } from './options.ts'
import type { Reports } from './reporter.ts'
import { bound, keyOf } from './source-records.ts'
import type { Credential } from './source-records.ts'

/** Mode `shadow`: tells what would be, and changes nothing. */
export class Shadow {
  readonly #manager: Pick<SessionManager, 'settings' | 'now'>
  readonly #options: { readonly settings: LegacySettings, readonly reports: Reports }
  readonly #compared = new Set<string>()

  constructor (manager: Pick<SessionManager, 'settings' | 'now'>, options: { readonly settings: LegacySettings, readonly reports: Reports }) {
    this.#manager = manager
    this.#options = options
  }

  /** Looks at a credential, once. `own`: the session of ours that came with it. */
  async compare (credential: Credential, own: SessionRecord | null): Promise<void> {
    const key = `${keyOf(credential)}\0${own?.id ?? ''}`
    if (this.#compared.has(key)) return
    this.#compared.add(key)
    bound(this.#compared)
    const { store, text } = credential
    const session = await store.load(text).catch(() => undefined)
    // told by the adapter
    if (session === undefined) return
    const { settings, reports } = this.#options
    if (session === null || isPast(session, this.#manager.now())) { reports.tell(credential, 'over', own); return }
    try {
      const takeover = toTakeover(session, { settings, policy: this.#manager.settings.policy, source: store.adapter.name, credential: text })
      encodeData(takeover.data)
      if (isEmpty(takeover)) reports.tell(credential, 'empty', own)
      else if (own === null) reports.tell(credential, 'ready')
      else reports.tell(credential, own.userId === takeover.userId ? 'agrees' : 'differs', own)
    } catch {
      reports.refuse(store, 'unusable', undefined)
    }
  }
}
