import { hasEnded } from '../model/record.ts'
import type { Store } from '../store.ts'
import { adoptionKeyOf } from '../token/credential-verifiers.ts'
import type { AdoptedCredential } from '../token/credential-verifiers.ts'
import { blockIdOf } from '../token/token.ts'
import type { ManagerCore } from './core.ts'
import type { EndNotifier } from './end-notifier.ts'
import type { RecordFactory } from './record-factory.ts'
import { toCause } from './revoker.ts'
import type { EndOptions, Revoker } from './revoker.ts'
import type { StoreClock } from './store-clock.ts'

/** Blocks legacy credentials. Every method rejects with the store's errors. */
export class CredentialBlocks {
  readonly #store: Store
  readonly #clock: StoreClock
  readonly #records: RecordFactory
  readonly #revoker: Revoker
  readonly #notifier: EndNotifier

  constructor ({ store, clock, records, notifier }: ManagerCore, revoker: Revoker) {
    this.#store = store
    this.#clock = clock
    this.#records = records
    this.#revoker = revoker
    this.#notifier = notifier
  }

  /** Blocks one credential, adopted or not, and ends the session that adopted it. Also rejects with `FST_SESSION_REVOCATION_PENDING`. */
  async block (adopts: AdoptedCredential, options: EndOptions & { readonly userId: string | number | null }): Promise<void> {
    const { record } = this.#records.create({ userId: options.userId, adopts })
    const at = this.#clock.now()
    const created = await this.#store.create(record, { at, limit: null, replaces: null, adopts: adoptionKeyOf(adopts) })
    if (created.status === 'created') {
      this.#notifier.ended(created.ended)
      await this.#store.end({ ids: [record.id] }, toCause(options))
    }
    if (created.status !== 'adopted' || created.session === null || hasEnded(created.session)) return
    await this.#revoker.revokeReliably([created.session.id], options)
  }

  /**
   * Blocks every credential of a user until `until`, whether this package has seen it or not. The mark is a guest session with an id of
   * the user's own, whose token does not exist.
   */
  async blockUser (userId: string, until: number): Promise<void> {
    const id = blockIdOf(userId)
    await this.#store.end({ ids: [id] }, { reason: 'replaced', by: null })
    const now = this.#clock.now()
    const { record } = this.#records.create({})
    const mark = { ...record, id, deviceName: 'Signed out everywhere', idleTimeout: until - now, absoluteExpiresAt: until }
    const created = await this.#store.create(mark, { at: now, limit: null, replaces: null, adopts: null })
    if (created.status === 'created') this.#notifier.ended(created.ended)
  }

  /** Returns since when the user's credentials are blocked; `null` if they are not. */
  async blockedAt (userId: string): Promise<number | null> {
    const found = await this.#store.read(blockIdOf(userId))
    return found === null || hasEnded(found) ? null : found.createdAt
  }
}
