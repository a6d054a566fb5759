import { isThenable } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import { SessionError } from '../../errors.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import { refuse } from '../../options.ts'
import type { CacheOptions, Change, Created, CreateOptions, Ending, EndSelector, EndWhy, Expect, Page, PageOptions, Slice, Statistics, Store, StoreContext, StoreListener, StoreWatch, Touch, Updated } from '../../store.ts'
import { isSealed } from './field-cipher.ts'
import type { Vault } from './field-cipher.ts'
import { Seals } from './record-cipher.ts'

export interface SealedStoreOptions {
  readonly vault: Vault
  /** Addresses are sealed, too. */
  readonly ip: boolean
  /** Agents and devices are sealed, too. */
  readonly agent: boolean
  /** Told of a session whose texts do not open: it was ended. */
  readonly onBroken: (session: EndedSession) => void
}

/**
 * A store made of a store, that seals what the inner one keeps: data always, addresses and agents by option. Ids, owners and instants stay
 * readable, because the inner store finds and orders sessions by them. A session that does not open is ended; it is never half there.
 */
export class SealedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly batch?: number
  readonly cache?: CacheOptions
  readonly now?: () => Awaitable<number>
  readonly watch?: (listener: StoreListener) => Awaitable<StoreWatch>
  readonly #store: Store
  readonly #options: SealedStoreOptions
  readonly #seals: Seals

  constructor (store: Store, options: SealedStoreOptions) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    if (store.batch !== undefined) this.batch = store.batch
    if (store.cache !== undefined) this.cache = store.cache
    if (store.now !== undefined) this.now = store.now.bind(store)
    const watch = store.watch?.bind(store)
    if (watch !== undefined) {
      this.watch = listener => watch({
        ended: session => { listener.ended(this.#seals.ended(session)) },
        changed: id => { listener.changed(id) },
        lost: () => { listener.lost() }
      })
    }
    this.#store = store
    this.#options = options
    this.#seals = new Seals(options.vault, options)
  }

  /** Throws `FST_SESSION_INVALID_OPTION` if the newest session in the store does not open: the key is not the one. */
  async open (context: StoreContext): Promise<void> {
    await this.#store.open(context)
    const { items } = await this.#store.list({}, { limit: 1, cursor: null, order: 'newest' })
    for (const record of items) {
      try {
        this.#seals.open(record)
      } catch {
        await this.#store.close()
        throw refuse('encryption.key', 'a key that opens the sessions in the store (or `plain: true`, while sessions from before live)')
      }
    }
  }

  close (): Awaitable<void> { return this.#store.close() }
  ping (): Awaitable<void> { return this.#store.ping() }

  create (record: SessionRecord, options: CreateOptions): Awaitable<Created> {
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

  touch (batch: readonly Touch[], at: number): Awaitable<readonly string[]> {
    if (!this.#seals.sealsTexts) return this.#store.touch(batch, at)
    return this.#store.touch(batch.map(touch => this.#seals.sealFields(touch)), at)
  }

  update (id: string, change: Change, expect?: Expect): Awaitable<Updated> {
    const sealed = change.set === undefined ? change : { ...change, set: this.#seals.sealData(id, change.set) }
    return then(this.#store.update(id, sealed, expect), updated => updated.status === 'gone'
      ? { status: 'gone', ended: updated.ended === null ? null : this.#seals.ended(updated.ended) }
      : { ...updated, record: this.#seals.readable(updated.record) })
  }

  end (selector: EndSelector, why: EndWhy): Awaitable<Ending> {
    if ('filter' in selector) this.#refuseSealed(selector.filter)
    return then(this.#store.end(selector, why), ({ ended, cursor }) => ({ ended: ended.map(session => this.#seals.ended(session)), cursor }))
  }

  list (filter: Filter, page: PageOptions): Awaitable<Page<SessionRecord>> {
    this.#refuseSealed(filter)
    return then(this.#store.list(filter, page), ({ items, cursor }) => ({ items: items.map(record => this.#seals.readable(record)), cursor }))
  }

  history (filter: Filter, page: PageOptions): Awaitable<Page<EndedSession>> {
    this.#refuseSealed(filter)
    return then(this.#store.history(filter, page), ({ items, cursor }) => ({ items: items.map(session => this.#seals.ended(session)), cursor }))
  }

  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> {
    this.#refuseSealed(filter)
    return this.#store.count(filter, cursor)
  }

  sweep (max: number): ReturnType<Store['sweep']> {
    return then(this.#store.sweep(max), ({ ended, more }) => ({ ended: ended.map(session => this.#seals.ended(session)), more }))
  }

  /** Numbers name addresses and agents, too: sealed where those are. */
  observe (slice: Slice): Awaitable<void> {
    return this.#store.observe(this.#seals.sealSlice(slice))
  }

  statistics (from: number, to: number): Awaitable<Statistics> {
    return then(this.#store.statistics(from, to), statistics => ({ ...statistics, slices: statistics.slices.flatMap(slice => this.#seals.openSlice(slice) ?? []) }))
  }

  #created (created: Created): Created {
    switch (created.status) {
      case 'created': return { ...created, record: this.#seals.readable(created.record), ended: created.ended.map(session => this.#seals.ended(session)) }
      case 'refused': return { ...created, live: created.live.map(record => this.#seals.readable(record)) }
      case 'adopted': return { ...created, session: created.session === null ? null : hasEnded(created.session) ? this.#seals.ended(created.session) : this.#seals.readable(created.session) }
      default: return created
    }
  }

  async #break (record: SessionRecord): Promise<EndedSession | null> {
    const { ended: [session] } = await this.#store.end({ ids: [record.id] }, { reason: 'revoked', by: 'encryption' })
    if (session === undefined) return null
    this.#options.onBroken(this.#seals.ended(session))
    return this.#seals.ended(session)
  }

  /** What is sealed cannot be looked for. */
  #refuseSealed (filter: Filter): void {
    const { ip, agent } = this.#options
    const wrong = ip && filter.ip !== undefined ? 'ip' : agent && filter.browser !== undefined ? 'browser' : agent && filter.system !== undefined ? 'system' : (ip || agent) && filter.search !== undefined ? 'search' : null
    if (wrong !== null) throw new SessionError('FST_SESSION_INVALID_FILTER', { values: [`\`${wrong}\` looks into what is encrypted`] })
  }
}

/** Throws `FST_SESSION_INVALID_OPTION` if the newest session in a store was sealed: who has no key must not read the seal as data. */
export async function refuseSealedSessions (store: Store): Promise<void> {
  const { items } = await store.list({}, { limit: 1, cursor: null, order: 'newest' })
  if (!items.some(({ data }) => Object.values(data).some(isSealed))) return
  await store.close()
  throw refuse('encryption', 'given: the sessions in the store are encrypted')
}

function then <T, R> (answer: Awaitable<T>, change: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(answer) ? answer.then(change) : change(answer)
}
