import { TokenTable, hashOf } from '../../token/token-table.ts'
import type { TableEntry } from '../../token/token-table.ts'

const parts = 64

/** Items by id, in 64 tables, so that no table takes more than a millisecond to grow. */
export class IdIndex<T extends TableEntry> {
  readonly #parts = Array.from({ length: parts }, () => new TokenTable<T>())
  size = 0

  get (id: string): T | undefined {
    const tail = hashOf(id)
    return this.#partOf(tail).get(id, tail)
  }

  /** Adds an item whose id the index does not contain. */
  add (item: T): void {
    this.#partOf(item.keyHash).set(item.key, item)
    this.size++
  }

  /** Removes an item that the index contains. */
  delete (item: T): void {
    this.#partOf(item.keyHash).delete(item.key, item.keyHash)
    this.size--
  }

  #partOf (tail: number): TokenTable<T> {
    return this.#parts[tail & (parts - 1)] as TokenTable<T>
  }
}
