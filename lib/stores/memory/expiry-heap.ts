/** An item of a schedule. It stores its slot, so that it is moved and removed without a search. */
export interface Scheduled {
  slot: number
}

const smallest = 64

/**
 * Items by due time: a binary heap. The timestamps are in an array of their own (8 bytes each), so that a comparison does not read the
 * item.
 */
export class ExpiryHeap<T extends Scheduled> {
  readonly #items: T[] = []
  #dues = new Float64Array(smallest)

  add (item: T, due: number): void {
    const slot = this.#items.length
    if (slot === this.#dues.length) this.#resize(slot * 2)
    this.#items.push(item)
    this.#rise(item, due, slot)
  }

  /** Returns the item that is due first, if it is due by `now`. */
  next (now: number): T | undefined {
    return this.#dues[0] as number <= now ? this.#items[0] : undefined
  }

  /** Returns the due time of an item. */
  dueOf (item: T): number {
    return this.#dues[item.slot] as number
  }

  /** Changes the due time of an item. */
  move (item: T, due: number): void {
    if (due < this.dueOf(item)) this.#rise(item, due, item.slot)
    else this.#sink(item, due, item.slot)
  }

  remove (item: T): void {
    const last = this.#items.pop() as T
    const due = this.#dues[last.slot] as number
    if (last !== item) {
      last.slot = item.slot
      this.move(last, due)
    }
    if (this.#items.length === 0) this.#dues[0] = NaN
    if (this.#items.length < this.#dues.length / 4 && this.#dues.length > smallest) this.#resize(this.#dues.length / 2)
  }

  /** Moves an item from `slot` toward the root. */
  #rise (item: T, due: number, slot: number): void {
    let at = slot
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = this.#dues[parent] as number
      if (other <= due) break
      this.#put(this.#items[parent] as T, other, at)
      at = parent
    }
    this.#put(item, due, at)
  }

  /** Moves an item from `slot` away from the root. */
  #sink (item: T, due: number, slot: number): void {
    const { length } = this.#items
    let at = slot
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && this.#dues[child + 1] as number < (this.#dues[child] as number)) child++
      const other = this.#dues[child] as number
      if (due <= other) break
      this.#put(this.#items[child] as T, other, at)
      at = child
    }
    this.#put(item, due, at)
  }

  #put (item: T, due: number, slot: number): void {
    this.#items[slot] = item
    this.#dues[slot] = due
    item.slot = slot
  }

  #resize (length: number): void {
    const dues = new Float64Array(length)
    dues.set(this.#dues.subarray(0, this.#items.length))
    this.#dues = dues
  }
}
