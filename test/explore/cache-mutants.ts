import { hasEnded } from '../../lib/model/record.ts'
import type { EndedSession, SessionRecord } from '../../lib/model/record.ts'
import type { EndSelector, EndCause, Store, StoreListener, StoreSubscription } from '../../lib/store.ts'
import { PassingStore } from './delegating-store.ts'
import type { PlantedBug } from './mutants.ts'

/** Copies that answer whoever reads, and that forget what this node ends and what it is told of; but a read may bring one back. */
class RacyCopies extends PassingStore {
  readonly #copies = new Map<string, SessionRecord>()

  override open (): void {
    void this.inner.subscribe?.({
      ended: ({ id }) => { this.#copies.delete(id) },
      changed: id => { this.#copies.delete(id) },
      lost: () => { this.#copies.clear() }
    })
  }

  override async read (id: string): Promise<SessionRecord | EndedSession | null> {
    const copy = this.#copies.get(id)
    if (copy !== undefined) return copy
    const found = await this.inner.read(id)
    // whatever came meanwhile
    if (found !== null && !hasEnded(found)) this.#copies.set(id, found)
    return found
  }

  override async end (selector: EndSelector, why: EndCause): Promise<Awaited<ReturnType<Store['end']>>> {
    const ending = await this.inner.end(selector, why)
    for (const { id } of ending.ended) this.#copies.delete(id)
    return ending
  }
}

/** A way to the store whose stream does not tell everything to the copies that the manager keeps. */
class SilentStore extends PassingStore {
  readonly cache = this.inner.cache ?? {}
  readonly #untold: Partial<StoreListener>

  constructor (inner: Store, untold: Partial<StoreListener>) {
    super(inner)
    this.#untold = untold
  }

  async subscribe (listener: StoreListener): Promise<StoreSubscription> {
    const all: StoreListener = {
      ended: session => {
        listener.ended(session)
      },
      changed: id => {
        listener.changed(id)
      },
      lost: () => {
        listener.lost()
      }
    }
    return await this.inner.subscribe?.({ ...all, ...this.#untold }) as StoreSubscription
  }
}

/** What can go wrong with copies. */
export const copyPlants: readonly PlantedBug[] = [
  {
    name: 'a read that began before the message of an end keeps a copy after it',
    shows: 'law 2: a request was let in on a node that knows of the end',
    cast: ['validate', 'logout'],
    copies: true,
    plant: store => new RacyCopies(store)
  },
  {
    name: 'copies are kept when the stream breaks',
    shows: 'law 2: a request was let in on a node that knows of the end',
    cast: ['break', 'logout'],
    copies: true,
    plant: store => new SilentStore(store, { lost: () => {} })
  },
  {
    name: 'copies are kept when an end is told',
    shows: 'law 2: a request was let in on a node that knows of the end',
    cast: ['logout', 'cleanup'],
    copies: true,
    plant: store => new SilentStore(store, { ended: () => {} })
  },
  {
    name: 'a copy answers a request that none will do for',
    shows: 'law 2: a request that no copy will do for was let in without a look',
    cast: ['validate', 'validate-strict'],
    copies: true,
    plant: store => new RacyCopies(store)
  }
]
