import type { Position } from '../cursor.ts'

/** The sort key of an item. */
export interface SortKey<T> {
  readonly at: (item: T) => number
  readonly id: (item: T) => string
}

const chunkSize = 512
const nearEnd = 16

/**
 * Items in order of a timestamp and an id. They are stored in chunks, so that an insert or a removal moves at most one chunk. The newest
 * item is appended.
 */
export class SortedList<T> {
  readonly #chunks: T[][] = []
  readonly #place: SortKey<T>

  constructor (place: SortKey<T>, items: Iterable<T> = []) {
    this.#place = place
    for (const item of items) this.add(item)
  }

  get first (): T | undefined { return this.#chunks[0]?.[0] }

  add (item: T): void {
    const at = this.#place.at(item)
    const id = this.#place.id(item)
    const last = this.#chunks[this.#chunks.length - 1]
    if (last === undefined || (last.length >= chunkSize && this.#isBefore(last[last.length - 1] as T, at, id))) {
      this.#chunks.push([item])
      return
    }
    if (last.length < chunkSize && this.#addNearEnd(last, item, at, id)) return
    const index = Math.min(this.#chunkOf(at, id), this.#chunks.length - 1)
    const chunk = this.#chunks[index] as T[]
    chunk.splice(this.#indexIn(chunk, at, id), 0, item)
    if (chunk.length > chunkSize) this.#chunks.splice(index + 1, 0, chunk.splice(chunkSize / 2))
  }

  /** Adds an item at the end, or among the few of the same timestamp, without a search through older items. Returns whether it could. */
  #addNearEnd (chunk: T[], item: T, at: number, id: string): boolean {
    const { length } = chunk
    for (let place = length; place > Math.max(0, length - nearEnd); place--) {
      if (!this.#isBefore(chunk[place - 1] as T, at, id)) continue
      if (place === length) chunk.push(item)
      else chunk.splice(place, 0, item)
      return true
    }
    return false
  }

  /** Removes an item that the list contains. */
  remove (item: T): void {
    const [at, id] = this.positionOf(item)
    const index = this.#chunkOf(at, id)
    const chunk = this.#chunks[index] as T[]
    chunk.splice(this.#indexIn(chunk, at, id), 1)
    if (chunk.length === 0) this.#chunks.splice(index, 1)
  }

  /** Yields each item after a position in an order; `null`: from the start. The list must not change meanwhile. */
  * walk (order: 'newest' | 'oldest', after: Position | null): Generator<T, void> {
    const step = order === 'oldest' ? 1 : -1
    const [at, id] = after ?? [-step * Infinity, '']
    let index = Math.min(this.#chunkOf(at, id), this.#chunks.length - 1)
    let place = this.#indexIn(this.#chunks[index] ?? [], at, id)
    if (order === 'newest') place--
    else if (this.#isAt(this.#chunks[index]?.[place], after)) place++
    for (let chunk = this.#chunks[index]; chunk !== undefined; chunk = this.#chunks[index]) {
      for (; place >= 0 && place < chunk.length; place += step) yield chunk[place] as T
      index += step
      place = order === 'oldest' ? 0 : (this.#chunks[index]?.length ?? 0) - 1
    }
  }

  positionOf (item: T): Position {
    return [this.#place.at(item), this.#place.id(item)]
  }

  /** Returns the first chunk that does not end before a position; the number of chunks if all do. */
  #chunkOf (at: number, id: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.#chunks[middle] as T[]
      if (this.#isBefore(chunk[chunk.length - 1] as T, at, id)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Returns the first index in a chunk that is not before a position; its length if all are. */
  #indexIn (chunk: readonly T[], at: number, id: string): number {
    let low = 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#isBefore(chunk[middle] as T, at, id)) low = middle + 1
      else high = middle
    }
    return low
  }

  #isBefore (item: T, at: number, id: string): boolean {
    const timestamp = this.#place.at(item)
    return timestamp < at || (timestamp === at && this.#place.id(item) < id)
  }

  #isAt (item: T | undefined, position: Position | null): boolean {
    return item !== undefined && position !== null && this.#place.at(item) === position[0] && this.#place.id(item) === position[1]
  }
}
