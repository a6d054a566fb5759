/** One of the most frequent. */
export interface TopEntry {
  readonly key: string
  /** How often, at most `error` too high. */
  readonly sessions: number
  readonly error: number
  /** How many different users, by linear counting over 256 bits: within 10 % up to about 400, then a lower bound. */
  readonly users: number
}

/** `[key, count, error, users as base64]` of each entry. */
export type TopsJson = [key: string, count: number, error: number, users: string][]

interface Entry { key: string, count: number, error: number, readonly users: Uint8Array }

const capacity = 200
const bytes = 32

/** The most frequent keys in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi 2005), which merges; whatever is really among them is found, and counts are never too low. */
export class Tops {
  readonly #entries = new Map<string, Entry>()
  /** Those that were the least frequent when all were looked at last: a look at 200 entries serves many newcomers. */
  #least: Entry[] = []
  #leastCount = 0

  /**
   * Counts one more.
   *
   * @param mark eight bits of a hash of the user, 0 to 255; `null`: nobody
   */
  add (name: string, mark: number | null): void {
    const key = name.slice(0, 64)
    const entry = this.#entries.get(key) ?? this.#admit(key)
    entry.count++
    if (mark !== null) entry.users[mark >> 3] = (entry.users[mark >> 3] as number) | 1 << (mark & 7)
  }

  merge (tops: TopsJson): void {
    for (const [key, count, error, users] of tops) {
      const entry = this.#entries.get(key) ?? this.#admit(key)
      entry.count += count
      entry.error += error
      const marks = Buffer.from(users, 'base64')
      for (let i = 0; i < bytes; i++) entry.users[i] = (entry.users[i] as number) | (marks[i] as number)
    }
  }

  top (count: number): TopEntry[] {
    return this.#sorted().slice(0, count).map(({ key, count, error, users }) => ({ key, sessions: count, error, users: estimate(users) }))
  }

  toJSON (count: number): TopsJson {
    return this.#sorted().slice(0, count).map(({ key, count, error, users }) => [key, count, error, Buffer.from(users).toString('base64')])
  }

  #sorted (): Entry[] {
    return [...this.#entries.values()].sort((a, b) => b.count - a.count)
  }

  /** Takes the place of the least frequent, and its count as a possible error. */
  #admit (key: string): Entry {
    const entry = this.#entries.size < capacity ? { key, count: 0, error: 0, users: new Uint8Array(bytes) } : this.#takeLeast()
    entry.key = key
    this.#entries.set(key, entry)
    return entry
  }

  #takeLeast (): Entry {
    if (this.#least.length === 0) this.#findLeast()
    const entry = this.#least.pop() as Entry
    // it was counted since
    if (entry.count !== this.#leastCount) return this.#takeLeast()
    this.#entries.delete(entry.key)
    entry.error = entry.count
    entry.users.fill(0)
    return entry
  }

  #findLeast (): void {
    this.#leastCount = Infinity
    for (const entry of this.#entries.values()) {
      if (entry.count < this.#leastCount) {
        this.#leastCount = entry.count
        this.#least = []
      }
      if (entry.count === this.#leastCount) this.#least.push(entry)
    }
    this.#least.reverse()
  }
}

function estimate (users: Uint8Array): number {
  const zero = users.reduce((total, byte) => total + 8 - byte.toString(2).replaceAll('0', '').length, 0)
  return Math.round(256 * Math.log(256 / Math.max(zero, 1)))
}
