import { hashOf } from './token-table.ts'

/** What a cache holds: a value that has its key. The cache alone writes the mutable members. */
export interface CacheEntry {
  readonly key: string
  /** Estimated memory in bytes; 0 where only entries are counted. */
  readonly bytes: number
  /** Whether it was used since the hand passed. */
  used: boolean
  /** Where the entry is: below 0, on probation. */
  slot: number
}

/** The table that finds entries by key: a `Map`, or a table with the same methods. */
export interface CacheTable<E> {
  get (key: string): E | undefined
  set (key: string, entry: E): unknown
  delete (key: string): unknown
}

/** The limits of a cache. A limit that is absent does not apply. */
export interface CacheLimits {
  readonly max?: number
  readonly maxBytes?: number
}

/** Uses of a cache since its creation, and its present size. */
export interface CacheCounts {
  readonly hits: number
  readonly misses: number
  readonly entries: number
  readonly bytes: number
}

/** Of the newcomers that have not shown that they are used, a full cache keeps one in this number beyond its probation. */
const explored = 64
/** The part of a full cache where newcomers are on probation. */
const probationShare = 1 / 32

/**
 * A cache with limits, in constant time per use. Which entry leaves: a hand goes round, and takes out what was not used since it passed
 * (CLOCK). A newcomer to a full cache is on probation: a queue for a small part of the cache. Used there, it stays. A newcomer that was
 * missed twice within as many uses as the cache has entries stays at once, since an ideal cache would have held it, and so does one in 64
 * of the others. So values that are used once push out hardly anything, and a rotation through more keys than fit hits nearly
 * `max / keys` instead of never. bench/cache-policies.js compares it with LRU, SIEVE, S3-FIFO and the optimum.
 */
export class BoundedCache<E extends CacheEntry> {
  size = 0
  bytes = 0
  readonly #max: number
  readonly #maxBytes: number
  readonly #newTable: () => CacheTable<E>
  #table: CacheTable<E>
  #entries: E[] = []
  #hand = 0
  /** A ring; made when the cache is full for the first time. */
  #probation: (E | undefined)[] = []
  #next = 0
  #uses = 0
  #misses = 0
  #refused = 0
  /** Pairs: the hash of a key that came on probation, and the number of uses at that time. */
  #missed = new Int32Array(0)

  constructor ({ max = Infinity, maxBytes = Infinity }: CacheLimits, newTable: () => CacheTable<E> = () => new Map<string, E>()) {
    this.#max = max
    this.#maxBytes = maxBytes
    this.#newTable = newTable
    this.#table = newTable()
  }

  get counts (): CacheCounts {
    return { hits: this.#uses - this.#misses, misses: this.#misses, entries: this.size, bytes: this.bytes }
  }

  /** Returns the entry of a key. Counts as a use. */
  get (key: string): E | undefined {
    this.#uses++
    const entry = this.#table.get(key)
    if (entry === undefined) this.#misses++
    else if (!entry.used) entry.used = true
    return entry
  }

  /** Returns the entry of a key. Does not count as a use. */
  peek (key: string): E | undefined {
    return this.#table.get(key)
  }

  /** Adds an entry, in the place of the one of the same key. One that is larger than the cache is not kept. Returns the entry. */
  add (entry: E): E {
    const known = this.#table.get(entry.key)
    if (entry.bytes > this.#maxBytes) {
      if (known !== undefined) this.#remove(known)
      return entry
    }
    if (known !== undefined) this.#table.delete(entry.key)
    this.#table.set(entry.key, entry)
    this.size += known === undefined ? 1 : 0
    this.bytes += entry.bytes - (known?.bytes ?? 0)
    if (known !== undefined) this.#replace(known, entry)
    else if (!this.#isOver) this.#keep(entry)
    else this.#putInto(entry)
    while (this.#isOver) this.#evict()
    return entry
  }

  delete (key: string): void {
    const entry = this.#table.get(key)
    if (entry !== undefined) this.#remove(entry)
  }

  clear (): void {
    this.#table = this.#newTable()
    this.#entries = []
    this.#probation.fill(undefined)
    this.size = this.bytes = this.#hand = 0
  }

  get #isOver (): boolean { return this.size > this.#max || this.bytes > this.#maxBytes }

  #replace (known: E, entry: E): void {
    entry.slot = known.slot
    entry.used = known.used
    if (known.slot < 0) this.#probation[-1 - known.slot] = entry
    else this.#entries[known.slot] = entry
  }

  /** Right behind the hand, which then passes all others first. */
  #keep (entry: E): void {
    const entries = this.#entries
    const other = entries[this.#hand - 1]
    entry.slot = other === undefined ? entries.length : other.slot
    if (other !== undefined) {
      other.slot = entries.length
      entries.push(other)
    }
    entries[entry.slot] = entry
  }

  #putInto (entry: E): void {
    if (!this.#isProven(entry.key)) { this.#putOnProbation(entry); return }
    while (this.#isOver && this.#entries.length > 0) this.#evict()
    this.#keep(entry)
  }

  /** Takes the place of the oldest on probation, which stays in the cache if it was used, and leaves otherwise. */
  #putOnProbation (entry: E): void {
    const probation = this.#probation
    if (probation.length === 0) probation.length = Math.ceil(this.size * probationShare)
    const oldest = probation[this.#next]
    if (oldest !== undefined) {
      if (oldest.used) this.#keep(oldest)
      else this.#remove(oldest)
    }
    probation[this.#next] = entry
    entry.slot = -1 - this.#next
    this.#next = (this.#next + 1) % probation.length
  }

  /** Whether a newcomer to the full cache needs no probation. */
  #isProven (key: string): boolean {
    const { size } = this
    // at most half of the slots are taken by what still counts
    if (this.#missed.length < 4 * size) this.#missed = new Int32Array(2 ** Math.ceil(Math.log2(4 * size)))
    const missed = this.#missed
    const hash = hashOf(key)
    const place = (hash << 1) & (missed.length - 1)
    const recent = missed[place + 1] !== 0 && ((this.#uses - (missed[place + 1] as number)) | 0) < size
    const again = recent && missed[place] === hash
    // what is still awaited keeps its slot: of two keys that share it, the second has its turn when the first was admitted
    if (again) missed[place + 1] = 0
    else if (!recent) { missed[place] = hash; missed[place + 1] = this.#uses }
    return again || ++this.#refused % explored === 0
  }

  /** Takes out the next entry that the hand finds unused; if all are on probation, the oldest of them. */
  #evict (): void {
    const entries = this.#entries
    if (entries.length === 0) {
      const ring = [...this.#probation.slice(this.#next), ...this.#probation.slice(0, this.#next)]
      this.#remove(ring.find(entry => entry !== undefined) as E)
      return
    }
    for (;;) {
      if (this.#hand >= entries.length) this.#hand = 0
      const entry = entries[this.#hand++] as E
      if (!entry.used) { this.#remove(entry); return }
      entry.used = false
    }
  }

  #remove (entry: E): void {
    if (entry.slot < 0) {
      this.#probation[-1 - entry.slot] = undefined
    } else {
      const last = this.#entries.pop() as E
      if (last !== entry) {
        this.#entries[entry.slot] = last
        last.slot = entry.slot
      }
    }
    this.#table.delete(entry.key)
    this.size--
    this.bytes -= entry.bytes
  }
}
