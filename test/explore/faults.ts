import type { Awaitable } from '../../lib/async.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type { SessionPatch, CreateOptions, EndSelector, EndCause, Precondition, Store, ActivityUpdate } from '../../lib/store.ts'
import { PassingStore } from './delegating-store.ts'

/**
 * What goes wrong with one verb: nothing; it never gets there; it happens, and the answer is lost; or the caller is told that it took
 * too long, and it happens later.
 */
export type Fault = 'none' | 'before' | 'after' | 'late'

/** A way to the store on which verbs fail, as a list says. */
export class FaultyStore extends PassingStore {
  readonly #next: () => Fault

  constructor (inner: Store, next: () => Fault) {
    super(inner)
    this.#next = next
  }

  override read (id: string): ReturnType<Store['read']> {
    return this.#fail(() => this.inner.read(id))
  }

  override create (record: SessionRecord, options: CreateOptions): ReturnType<Store['create']> {
    return this.#fail(() => this.inner.create(record, options))
  }

  override touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> {
    return this.#fail(() => this.inner.touch(batch, at))
  }

  override update (id: string, change: SessionPatch, expect?: Precondition): ReturnType<Store['update']> {
    return this.#fail(() => this.inner.update(id, change, expect))
  }

  override end (selector: EndSelector, why: EndCause): ReturnType<Store['end']> {
    return this.#fail(() => this.inner.end(selector, why))
  }

  override cleanup (max: number): ReturnType<Store['cleanup']> {
    return this.#fail(() => this.inner.cleanup(max))
  }

  async #fail<T>(verb: () => Awaitable<T>): Promise<T> {
    const fault = this.#next()
    if (fault === 'before') throw new Error('connection refused')
    const answer = verb()
    if (fault === 'late') {
      Promise.resolve(answer).catch(() => {})
      throw new Error('no answer in time')
    }
    const value = await answer
    if (fault === 'after') throw new Error('connection lost')
    return value
  }
}
