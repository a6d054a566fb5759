import { isThenable } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import { SessionError } from '../../errors.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EncodedData, EndedSession, SessionRecord } from '../../model/record.ts'
import { invalidOption } from '../../options.ts'
import type {
  CacheOptions, SessionPatch, CreateResult, CreateOptions, EndResult, EndSelector, EndCause, Precondition, Page, PageOptions,
  StatisticsSlice, Statistics, Store, StoreContext, StoreListener, StoreSubscription, ActivityUpdate, UpdateResult
} from '../../store.ts'
import { isEncrypted } from './field-cipher.ts'
import type { FieldCipher } from './field-cipher.ts'
import { RecordCipher } from './record-cipher.ts'

export interface EncryptedStoreOptions {
  readonly cipher: FieldCipher
  /** IP addresses are encrypted, too. */
  readonly ip: boolean
  /** User agents and devices are encrypted, too. */
  readonly userAgent: boolean
  /** Called with a session whose texts cannot be decrypted, after the store has ended it. */
  readonly onBroken: (session: EndedSession) => void
}

/**
 * A store that wraps a store and encrypts its content: data always, IP addresses and user agents optionally. Ids, owners and timestamps
 * stay unencrypted, because the inner store finds and orders sessions by them. If a session cannot be decrypted, the store ends it; it
 * never returns a part of it.
 */
export class EncryptedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly maxBatchSize?: number
  readonly cache?: CacheOptions
  readonly now?: () => Awaitable<number>
  readonly subscribe?: (listener: StoreListener) => Awaitable<StoreSubscription>
  readonly #store: Store
  readonly #options: EncryptedStoreOptions
  readonly #seals: RecordCipher

  constructor (store: Store, options: EncryptedStoreOptions) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.maxBatchSize !== undefined) this.maxBatchSize = store.maxBatchSize
    if (store.cache !== undefined) this.cache = store.cache
    if (store.now !== undefined) this.now = store.now.bind(store)
    const watch = store.subscribe?.bind(store)
    if (watch !== undefined) {
      this.subscribe = listener => watch({
        ended: session => { listener.ended(this.#seals.ended(session)) },
        changed: id => { listener.changed(id) },
        lost: () => { listener.lost() }
      })
    }
    this.#store = store
    this.#options = options
    this.#seals = new RecordCipher(options.cipher, options)
  }

  /** Throws `FST_SESSION_INVALID_OPTION` if no configured key decrypts the newest session in the store. */
  async open (context: StoreContext): Promise<void> {
    await this.#store.open(context)
    const { items } = await this.#store.list({}, { limit: 1, cursor: null, order: 'newest' })
    for (const record of items) {
      try {
        this.#seals.open(record)
      } catch {
        await this.#store.close()
        throw invalidOption(
          'encryption.keys',
          'a key that opens the sessions in the store (or `allowPlaintext: true`, while sessions from before live)'
        )
      }
    }
  }

  close (): Awaitable<void> { return this.#store.close() }
  ping (): Awaitable<void> { return this.#store.ping() }

  create (record: SessionRecord, options: CreateOptions): Awaitable<CreateResult> {
    return then(this.#store.create(this.#seals.seal(record), options), created => this.#created(created))
  }

  read (id: string): Awaitable<SessionRecord | EndedSession | null> {
    return then(this.#store.read(id), found => {
      if (found === null) return null
      if (hasEnded(found)) return this.#seals.ended(found)
      try {
        return this.#seals.open(found)
      } catch {
        return this.#break(found)
      }
    })
  }

  touch (batch: readonly ActivityUpdate[], at: number): Awaitable<readonly string[]> {
    if (!this.#seals.sealsTexts) return this.#store.touch(batch, at)
    return this.#store.touch(batch.map(touch => this.#seals.sealFields(touch)), at)
  }

  update (id: string, change: SessionPatch, expect?: Precondition): Awaitable<UpdateResult> {
    const sealed = change.set === undefined ? change : { ...change, ...this.#encryptData(id, change.set, change.maxBytes) }
    return then(this.#store.update(id, sealed, expect), updated => updated.status === 'gone'
      ? { status: 'gone', ended: updated.ended === null ? null : this.#seals.ended(updated.ended) }
      : { ...updated, record: this.#seals.readable(updated.record) })
  }

  end (selector: EndSelector, why: EndCause): Awaitable<EndResult> {
    if ('filter' in selector) this.#refuseSealed(selector.filter)
    return then(this.#store.end(selector, why), ({ ended, cursor }) => ({
      ended: ended.map(session => this.#seals.ended(session)),
      cursor
    }))
  }

  list (filter: Filter, page: PageOptions): Awaitable<Page<SessionRecord>> {
    this.#refuseSealed(filter)
    return then(this.#store.list(filter, page), ({ items, cursor }) => ({
      items: items.map(record => this.#seals.readable(record)),
      cursor
    }))
  }

  history (filter: Filter, page: PageOptions): Awaitable<Page<EndedSession>> {
    this.#refuseSealed(filter)
    return then(this.#store.history(filter, page), ({ items, cursor }) => ({
      items: items.map(session => this.#seals.ended(session)),
      cursor
    }))
  }

  deleteHistory (userId: string): Awaitable<void> { return this.#store.deleteHistory(userId) }

  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> {
    this.#refuseSealed(filter)
    return this.#store.count(filter, cursor)
  }

  cleanup (max: number): ReturnType<Store['cleanup']> {
    return then(this.#store.cleanup(max), ({ ended, more }) => ({ ended: ended.map(session => this.#seals.ended(session)), more }))
  }

  /** Statistics contain IP addresses and user agents: they are encrypted if those are. */
  saveStatistics (slice: StatisticsSlice): Awaitable<void> {
    return this.#store.saveStatistics(this.#seals.sealSlice(slice))
  }

  statistics (from: number, to: number): Awaitable<Statistics> {
    return then(this.#store.statistics(from, to), statistics => ({
      ...statistics,
      slices: statistics.slices.flatMap(slice => this.#seals.openSlice(slice) ?? [])
    }))
  }

  #created (created: CreateResult): CreateResult {
    switch (created.status) {
      case 'created': return {
        ...created,
        record: this.#seals.readable(created.record),
        ended: created.ended.map(session => this.#seals.ended(session))
      }
      case 'refused': return { ...created, live: created.live.map(record => this.#seals.readable(record)) }
      case 'adopted': return { ...created, session: this.#decrypted(created.session) }
      default: return created
    }
  }

  #decrypted (session: SessionRecord | EndedSession | null): SessionRecord | EndedSession | null {
    if (session === null) return null
    return hasEnded(session) ? this.#seals.ended(session) : this.#seals.readable(session)
  }

  async #break (record: SessionRecord): Promise<EndedSession | null> {
    const { ended: [session] } = await this.#store.end({ ids: [record.id] }, { reason: 'revoked', by: 'encryption' })
    if (session === undefined) return null
    this.#options.onBroken(this.#seals.ended(session))
    return this.#seals.ended(session)
  }

  /** Encrypted texts are up to twice as long, so the store's limit is, too. The limit for the data of one request is exact. */
  #encryptData (id: string, set: EncodedData, maxBytes: number | undefined): Pick<SessionPatch, 'set' | 'maxBytes'> {
    return { set: this.#seals.sealData(id, set), ...maxBytes === undefined ? {} : { maxBytes: 2 * maxBytes } }
  }

  /** Throws for a filter on encrypted fields. */
  #refuseSealed (filter: Filter): void {
    const { ip, userAgent } = this.#options
    const encrypted = { ip, browser: userAgent, os: userAgent, search: ip || userAgent }
    const wrong = (['ip', 'browser', 'os', 'search'] as const).find(field => encrypted[field] && filter[field] !== undefined)
    if (wrong !== undefined) throw new SessionError('FST_SESSION_INVALID_FILTER', { values: [`\`${wrong}\` looks into what is encrypted`] })
  }
}

/**
 * Throws `FST_SESSION_INVALID_OPTION` if the newest session in a store is encrypted: without a key, its ciphertext must not be read as
 * data.
 */
export async function refuseEncryptedSessions (store: Store): Promise<void> {
  const { items } = await store.list({}, { limit: 1, cursor: null, order: 'newest' })
  const encrypted = items.some(({ data }) => Object.values(data).some(isEncrypted))
  if (encrypted) throw invalidOption('encryption', 'given: the sessions in the store are encrypted')
}

function then <T, R> (answer: Awaitable<T>, change: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(answer) ? answer.then(change) : change(answer)
}
