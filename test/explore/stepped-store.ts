import { isThenable } from '../../lib/async.ts'
import type { Awaitable } from '../../lib/async.ts'
import type { Filter } from '../../lib/model/filter.ts'
import { hasEnded } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type {
  SessionPatch,
  CreateOptions,
  EndSelector,
  EndCause,
  Precondition,
  PageOptions,
  StatisticsSlice,
  Store,
  ActivityUpdate
} from '../../lib/store.ts'
import type { Monitor } from './invariants.ts'
import type { Scheduler } from './scheduler.ts'

/** One node's way to the place: each verb happens when the scheduler says so, and so does its answer. */
export class SteppedStore implements Store {
  readonly name: string
  readonly scope = 'machine'
  readonly durable = false
  #place: Store
  readonly #scheduler: Scheduler
  readonly #node: number

  constructor (place: Store, scheduler: Scheduler, node: number) {
    this.name = place.name
    this.#place = place
    this.#scheduler = scheduler
    this.#node = node
  }

  /** From here on verbs go to another place. */
  move (place: Store): void {
    this.#place = place
  }

  // the place is opened and closed by whoever made it
  open (): void {}
  close (): void {}
  ping (): void {}

  read (id: string): ReturnType<Store['read']> {
    return this.#later('read', true, () => this.#place.read(id))
  }

  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    return this.#later('create', false, () => this.#place.create(record, options))
  }

  touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> {
    return this.#later('touch', false, () => this.#place.touch(batch, at))
  }

  update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    return this.#later('update', false, () => this.#place.update(id, change, expect))
  }

  end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return this.#later('end', false, () => this.#place.end(selector, why))
  }

  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> {
    return this.#later('list', true, () => this.#place.list(filter, page))
  }

  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> {
    return this.#later('history', true, () => this.#place.history(filter, page))
  }

  deleteHistory (userId: string): ReturnType<Store['deleteHistory']> {
    return this.#later('deleteHistory', false, () => this.#place.deleteHistory(userId))
  }

  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> {
    return this.#later('count', true, () => this.#place.count(filter, cursor))
  }

  cleanup (max: number): ReturnType<Store['cleanup']> {
    return this.#later('cleanup', false, () => this.#place.cleanup(max))
  }

  // numbers are not part of a session's life
  saveStatistics (_slice: StatisticsSlice): void {}
  statistics (from: number, to: number): ReturnType<Store['statistics']> {
    return this.#place.statistics(from, to)
  }

  #later<T>(name: string, readOnly: boolean, effect: () => Awaitable<T>): Promise<T> {
    return this.#scheduler.verb(this.#node, name, readOnly, effect)
  }
}

/** A store that the model listens to. */
export class ObservedStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly #store: Store
  readonly #monitor: Monitor
  readonly #node: number

  constructor (store: Store, monitor: Monitor, node: number) {
    this.name = store.name
    this.scope = store.scope
    this.durable = store.durable
    this.#store = store
    this.#monitor = monitor
    this.#node = node
  }

  open (): void {}
  close (): void {}
  ping (): void {}

  read (id: string): ReturnType<Store['read']> {
    const begun = this.#monitor.begin()
    return hear(this.#store.read(id), found => {
      this.#monitor.found(begun, found)
      if (found !== null && !hasEnded(found)) this.#monitor.looked(this.#node, id)
    })
  }

  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    const begun = this.#monitor.begin()
    this.#monitor.wanted(record)
    return hear(this.#store.create(record, options), answer => { this.#monitor.created(begun, answer, options) })
  }

  touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> { return this.#store.touch(batch, at) }

  update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    const begun = this.#monitor.begin()
    this.#monitor.changing(id, change)
    return hear(this.#store.update(id, change, expect), answer => { this.#monitor.updated(begun, answer, { id, change, expect }) })
  }

  end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return hear(this.#store.end(selector, why), answer => { this.#monitor.endings(answer) })
  }

  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> {
    const begun = this.#monitor.begin()
    return hear(this.#store.list(filter, page), answer => { this.#monitor.listed(begun, answer.items) })
  }

  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> { return this.#store.history(filter, page) }
  deleteHistory (userId: string): ReturnType<Store['deleteHistory']> { return this.#store.deleteHistory(userId) }
  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> { return this.#store.count(filter, cursor) }

  cleanup (max: number): ReturnType<Store['cleanup']> {
    return hear(this.#store.cleanup(max), answer => { this.#monitor.endings(answer) })
  }

  saveStatistics (slice: StatisticsSlice): ReturnType<Store['saveStatistics']> { return this.#store.saveStatistics(slice) }
  statistics (from: number, to: number): ReturnType<Store['statistics']> { return this.#store.statistics(from, to) }
}

function hear <T> (answer: Awaitable<T>, listen: (answer: T) => void): Awaitable<T> {
  if (isThenable(answer)) return answer.then(value => { listen(value); return value })
  listen(answer)
  return answer
}
