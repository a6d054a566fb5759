/** Tells what comes in floods once at first, then once a minute, with how often. */
export class Tally {
  readonly #tell: (type: string, address: string | null, count: number) => void
  readonly #seen = new Map<string, { told: number, count: number }>()

  constructor (tell: (type: string, address: string | null, count: number) => void) {
    this.#tell = tell
  }

  add (type: string, address: string | null, now: number): void {
    const key = `${type} ${address ?? ''}`
    const seen = this.#seen.get(key)
    if (seen !== undefined && now - seen.told < 60_000) {
      seen.count++
      return
    }
    // an attacker with many addresses must not fill the memory
    if (this.#seen.size >= 10_000) this.#seen.clear()
    this.#seen.set(key, { told: now, count: 0 })
    this.#tell(type, address, (seen?.count ?? 0) + 1)
  }
}
