import { Table, tailOf } from '../token/token-table.ts'
import type { Keyed } from '../token/token-table.ts'

/**
 * What was verified lately, by the text that was: at most so many. Two generations instead of an order: what is used survives, and nothing
 * is sorted.
 */
export class VerifiedTexts<T extends Keyed> {
  readonly #half: number
  #young = new Table<T>()
  #old = new Table<T>()

  constructor (max: number) {
    this.#half = max / 2
  }

  get (text: string): T | undefined {
    const tail = tailOf(text)
    return this.#young.get(text, tail) ?? this.#promote(text, tail)
  }

  add (item: T): T {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Table()
    }
    this.#young.add(item)
    return item
  }

  #promote (text: string, tail: number): T | undefined {
    const item = this.#old.get(text, tail)
    return item === undefined ? undefined : this.add(item)
  }
}
