import { Table, tailOf } from '../../token/token-table.ts'
import type { Keyed } from '../../token/token-table.ts'

const parts = 64

/** Items by id, in 64 tables, so that none takes more than a millisecond to grow. */
export class IdIndex<T extends Keyed> {
  readonly #parts = Array.from({ length: parts }, () => new Table<T>())
  size = 0

  get (id: string): T | undefined {
    const tail = tailOf(id)
    return this.#partOf(tail).get(id, tail)
  }

  /** Adds an item whose id is not there. */
  add (item: T): void {
    this.#partOf(item.tail).add(item)
    this.size++
  }

  /** Takes out an item that is there. */
  delete (item: T): void {
    this.#partOf(item.tail).delete(item)
    this.size--
  }

  #partOf (tail: number): Table<T> {
    return this.#parts[tail & (parts - 1)] as Table<T>
  }
}
