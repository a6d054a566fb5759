import type { Filter } from '../../lib/model/filter.ts'
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

/** A store made of a store, that changes nothing: for what does. */
export class PassingStore implements Store {
  readonly name: string
  readonly scope: Store['scope']
  readonly durable: boolean
  readonly inner: Store

  constructor (inner: Store) {
    this.name = inner.name
    this.scope = inner.scope
    this.durable = inner.durable
    this.inner = inner
  }

  open (): void {}
  close (): void {}
  ping (): void {}
  read (id: string): ReturnType<Store['read']> {
    return this.inner.read(id)
  }

  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    return this.inner.create(record, options)
  }

  touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> {
    return this.inner.touch(batch, at)
  }

  update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    return this.inner.update(id, change, expect)
  }

  end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return this.inner.end(selector, why)
  }

  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> {
    return this.inner.list(filter, page)
  }

  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> {
    return this.inner.history(filter, page)
  }

  deleteHistory (userId: string): ReturnType<Store['deleteHistory']> {
    return this.inner.deleteHistory(userId)
  }

  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> {
    return this.inner.count(filter, cursor)
  }

  cleanup (max: number): ReturnType<Store['cleanup']> {
    return this.inner.cleanup(max)
  }

  saveStatistics (slice: StatisticsSlice): ReturnType<Store['saveStatistics']> {
    return this.inner.saveStatistics(slice)
  }

  statistics (from: number, to: number): ReturnType<Store['statistics']> {
    return this.inner.statistics(from, to)
  }
}
