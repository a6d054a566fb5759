import { tailOf } from '../../tail.ts'

/** What can be found by its id. */
export interface Identified {
  readonly record: { readonly id: string }
  /** Of the id. */
  readonly tail: number
}

const parts = 64
const smallest = 16

/**
 * Items by id, in 64 tables of their own, so that none takes more than a millisecond to grow. A `Map` looks at each id that is in the way
 * of another, wherever that lies in memory; here its item says enough (bench/).
 */
export class IdIndex<T extends Identified> {
  readonly #parts = Array.from({ length: parts }, () => new Part<T>())
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

  #partOf (tail: number): Part<T> {
    return this.#parts[tail & (parts - 1)] as Part<T>
  }
}

/** One table: each item is at its place, or at the next that was free. At least half of the places are. */
class Part<T extends Identified> {
  #size = 0
  #places = empty<T>(smallest)

  get (id: string, tail: number): T | undefined {
    const places = this.#places
    const last = places.length - 1
    let i = homeOf(tail, last)
    let item = places[i]
    while (item !== undefined && (item.tail !== tail || item.record.id !== id)) {
      i = (i + 1) & last
      item = places[i]
    }
    return item
  }

  add (item: T): void {
    if (this.#size * 2 >= this.#places.length) this.#resize(this.#places.length * 2)
    this.#put(item)
    this.#size++
  }

  delete (item: T): void {
    const places = this.#places
    const last = places.length - 1
    let free = homeOf(item.tail, last)
    while (places[free] !== item) free = (free + 1) & last
    // what comes after it moves up, or a free place would hide it
    let i = (free + 1) & last
    for (let next = places[i]; next !== undefined; next = places[i]) {
      if (((i - homeOf(next.tail, last)) & last) >= ((i - free) & last)) {
        places[free] = next
        free = i
      }
      i = (i + 1) & last
    }
    places[free] = undefined
    this.#size--
    if (this.#size * 8 < places.length && places.length > smallest) this.#resize(places.length / 2)
  }

  #put (item: T): void {
    const last = this.#places.length - 1
    let i = homeOf(item.tail, last)
    while (this.#places[i] !== undefined) i = (i + 1) & last
    this.#places[i] = item
  }

  #resize (length: number): void {
    const before = this.#places
    this.#places = empty(length)
    for (const item of before) if (item !== undefined) this.#put(item)
  }
}

/** Where an item belongs: by other bits than those that chose the part. */
function homeOf (tail: number, last: number): number {
  return (tail >>> 6) & last
}

function empty <T> (length: number): (T | undefined)[] {
  return Array<undefined>(length).fill(undefined)
}
