import type { Filter } from '../../lib/model/filter.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type { Change, CreateOptions, EndSelector, EndWhy, Expect, PageOptions, Slice, Store, Touch } from '../../lib/store.ts'

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
  read (id: string): ReturnType<Store['read']> { return this.inner.read(id) }
  create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> { return this.inner.create(record, options) }
  touch (batch: readonly Touch[], at: number): ReturnType<Store['touch']> { return this.inner.touch(batch, at) }
  update (id: string, change: Change, expect?: Expect): ReturnType<Store['update']> { return this.inner.update(id, change, expect) }
  end (selector: EndSelector, why: EndWhy): ReturnType<Store['end']> { return this.inner.end(selector, why) }
  list (filter: Filter, page: PageOptions): ReturnType<Store['list']> { return this.inner.list(filter, page) }
  history (filter: Filter, page: PageOptions): ReturnType<Store['history']> { return this.inner.history(filter, page) }
  count (filter: Filter, cursor: string | null): ReturnType<Store['count']> { return this.inner.count(filter, cursor) }
  sweep (max: number): ReturnType<Store['sweep']> { return this.inner.sweep(max) }
  observe (slice: Slice): ReturnType<Store['observe']> { return this.inner.observe(slice) }
  statistics (from: number, to: number): ReturnType<Store['statistics']> { return this.inner.statistics(from, to) }
}
