/** One of the top N. */
export interface TopEntry {
  readonly key: string
  /** Number of sessions, at most `error` too high. */
  readonly sessions: number
  readonly error: number
  /** Number of distinct users, by linear counting over 256 bits: within 10 % up to about 400, then a lower bound. */
  readonly users: number
}

/** `[key, count, error, users as base64]` of each entry. */
export type TopsJson = [key: string, count: number, error: number, users: string][]

interface Entry { key: string, count: number, error: number, readonly users: Uint8Array }

const capacity = 200
const bytes = 32

/**
 * The most frequent keys in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi 2005), which can be merged. It finds all keys that
 * are among the most frequent, and counts are never too low.
 */
export class TopK {
  readonly #entries = new Map<string, Entry>()
  /** The least frequent entries at the last scan: one scan of 200 entries serves many new keys. */
  #least: Entry[] = []
  #leastCount = 0

  /**
   * Counts a key.
   *
   * @param userHash eight bits of a hash of the user, 0 to 255; `null`: no user
   */
  add (name: string, userHash: number | null): void {
    const key = name.slice(0, 64)
    const entry = this.#entries.get(key) ?? this.#admit(key)
    entry.count++
    if (userHash !== null) entry.users[userHash >> 3] = (entry.users[userHash >> 3] as number) | 1 << (userHash & 7)
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

  /** Deletes a key. */
  delete (name: string): void {
    this.#entries.delete(name.slice(0, 64))
    this.#least = []
  }

  /** Deletes the keys that only one user has, by the user's hash; of two users with one hash, both. */
  deleteOfUser (userHash: number): void {
    for (const [key, { users }] of this.#entries) if (isOnly(users, userHash)) this.#entries.delete(key)
    this.#least = []
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

  /** Replaces the least frequent key, and takes its count as the possible error. */
  #admit (key: string): Entry {
    const entry = this.#entries.size < capacity ? { key, count: 0, error: 0, users: new Uint8Array(bytes) } : this.#takeLeast()
    entry.key = key
    this.#entries.set(key, entry)
    return entry
  }

  #takeLeast (): Entry {
    if (this.#least.length === 0) this.#findLeast()
    const entry = this.#least.pop() as Entry
    // it was counted since the scan
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

/** Returns the entries without those of a key, or of one user only. */
export function withoutKey (entries: TopsJson, key: string): TopsJson {
  return entries.filter(([name]) => name !== key.slice(0, 64))
}

/** Returns the entries without those that only one user has, by the user's hash. */
export function withoutUser (entries: TopsJson, userHash: number): TopsJson {
  return entries.filter(([, , , users]) => !isOnly(Buffer.from(users, 'base64'), userHash))
}

/** Returns whether a user's hash is the only one of an entry. */
function isOnly (users: Uint8Array, userHash: number): boolean {
  return users.every((byte, i) => byte === (i === userHash >> 3 ? 1 << (userHash & 7) : 0))
}

function estimate (users: Uint8Array): number {
  const zero = users.reduce((total, byte) => total + 8 - byte.toString(2).replaceAll('0', '').length, 0)
  return Math.round(256 * Math.log(256 / Math.max(zero, 1)))
}
