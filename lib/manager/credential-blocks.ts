import { hasEnded } from '../model/record.ts'
import type { Store } from '../store.ts'
import { markOf } from '../token/credential-verifiers.ts'
import type { Adopted } from '../token/credential-verifiers.ts'
import { blockIdOf } from '../token/token.ts'
import type { NewRecords } from './record-factory.ts'
import { whyOf } from './revoker.ts'
import type { Ender, EndOptions } from './revoker.ts'
import type { Clock } from './store-clock.ts'

export interface BlocksOptions {
  readonly clock: Clock
  readonly records: NewRecords
  readonly ender: Ender
}

/** What keeps credentials of other libraries from opening anything. */
export class Blocks {
  readonly #store: Store
  readonly #options: BlocksOptions

  constructor (store: Store, options: BlocksOptions) {
    this.#store = store
    this.#options = options
  }

  /** From now on a credential opens nothing, adopted or not: a session that it opened ends. */
  async block (adopts: Adopted, options: EndOptions & { readonly userId: string | number | null }): Promise<void> {
    const { clock, records, ender } = this.#options
    const { record } = records.newRecord({ userId: options.userId, adopts })
    const created = await this.#store.create(record, { at: clock.now(), limit: null, replaces: null, adopts: markOf(adopts) })
    if (created.status === 'created') await this.#store.end({ ids: [record.id] }, whyOf(options))
    else if (created.status === 'adopted' && created.session !== null && !hasEnded(created.session)) await ender.endSurely([created.session.id], options)
  }

  /** As `block`, for every credential of a user. What says so is a guest of the user's own, which nobody can open. */
  async blockUser (userId: string, until: number): Promise<void> {
    const { clock, records } = this.#options
    const id = blockIdOf(userId)
    await this.#store.end({ ids: [id] }, { reason: 'replaced', by: null })
    const now = clock.now()
    const { record } = records.newRecord({})
    await this.#store.create({ ...record, id, name: 'Signed out everywhere', idle: until - now, absoluteAt: until }, { at: now, limit: null, replaces: null, adopts: null })
  }

  /** Since when they are blocked; `null`: they are not. */
  async blockedAt (userId: string): Promise<number | null> {
    const found = await this.#store.read(blockIdOf(userId))
    return found === null || hasEnded(found) ? null : found.createdAt
  }
}
