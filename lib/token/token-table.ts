/** What can be put into a table: found by a text, at a place that the text's tail (`tailOf`) says. */
export interface Keyed {
  readonly key: string
  readonly tail: number
}

const smallest = 16

/**
 * Items by a text whose end is random: each is at its place, or at the next that was free. At least half of the places are. A `Map` would
 * read all of the text to find its place, and each other text that is in the way, wherever that lies in memory: 240 ns against 50 (bench/).
 */
export class Table<T extends Keyed> {
  size = 0
  #places = empty<T>(smallest)

  /** `tail`: of the key. */
  get (key: string, tail: number): T | undefined {
    const places = this.#places
    const last = places.length - 1
    let i = homeOf(tail, last)
    let item = places[i]
    while (item !== undefined && (item.tail !== tail || item.key !== key)) {
      i = (i + 1) & last
      item = places[i]
    }
    return item
  }

  /** Adds an item whose key is not there. */
  add (item: T): void {
    if (this.size * 2 >= this.#places.length) this.#resize(this.#places.length * 2)
    this.#put(item)
    this.size++
  }

  /** Takes out an item that is there. */
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
    this.size--
    if (this.size * 8 < places.length && places.length > smallest) this.#resize(places.length / 2)
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

/** Where an item belongs: by other bits than the six that may have chosen its table. */
function homeOf (tail: number, last: number): number {
  return (tail >>> 6) & last
}

function empty <T> (length: number): (T | undefined)[] {
  return Array<undefined>(length).fill(undefined)
}
/**
 * A number, 0 to 2^30 - 1, from the six characters before the last of a text: at the end of an id, and of a signature, they are 36 random
 * bits, so that nothing better is needed to find its place in a table, nor the whole of a text of 112 characters looked at.
 */
export function tailOf (text: string): number {
  const end = text.length - 1
  let sum = 0
  for (let i = end - 6; i < end; i++) sum = (sum * 31 + text.charCodeAt(i)) | 0
  return (sum ^ sum >>> 15) & 0x3fffffff
}
