import { tailOf } from './tail.ts'

/** What is found by the text that it was made from. */
export interface Verified {
  readonly value: string
  /** Of the value. */
  readonly tail: number
}

const smallest = 64

/**
 * What was verified lately, by the text that was: at most so many. Two generations instead of an order: what is used survives, and nothing
 * is sorted. A `Map` would read all of each text to find its place, and each text that is in the way: 240 ns against 50 (bench/).
 */
export class VerifiedTexts<T extends Verified> {
  readonly #half: number
  #young = new Generation<T>()
  #old = new Generation<T>()

  constructor (max: number) {
    this.#half = max / 2
  }

  get (value: string): T | undefined {
    const tail = tailOf(value)
    return this.#young.get(value, tail) ?? this.#promote(value, tail)
  }

  add (item: T): T {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Generation()
    }
    this.#young.add(item)
    return item
  }

  #promote (value: string, tail: number): T | undefined {
    const item = this.#old.get(value, tail)
    return item === undefined ? undefined : this.add(item)
  }
}

/** A table of which nothing is taken out: each item is at its place, or at the next that was free. At least half of the places are. */
class Generation<T extends Verified> {
  size = 0
  #places: (T | undefined)[] = Array<undefined>(smallest).fill(undefined)

  get (value: string, tail: number): T | undefined {
    const places = this.#places
    const last = places.length - 1
    let i = tail & last
    let item = places[i]
    while (item !== undefined && (item.tail !== tail || item.value !== value)) {
      i = (i + 1) & last
      item = places[i]
    }
    return item
  }

  add (item: T): void {
    if (this.size * 2 >= this.#places.length) this.#grow()
    this.#put(item)
    this.size++
  }

  #put (item: T): void {
    const last = this.#places.length - 1
    let i = item.tail & last
    while (this.#places[i] !== undefined) i = (i + 1) & last
    this.#places[i] = item
  }

  #grow (): void {
    const before = this.#places
    this.#places = Array<undefined>(before.length * 2).fill(undefined)
    for (const item of before) if (item !== undefined) this.#put(item)
  }
}
