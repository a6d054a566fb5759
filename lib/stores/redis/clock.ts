import { shards } from './shard.ts'

/** A round trip that takes longer is too imprecise to measure the server's time. Milliseconds. */
const quick = 50

/**
 * The servers' time, estimated by this process. It is measured with every reply, separately for each shard, because the masters of a
 * cluster have different clocks. It counts from a monotonic clock, so that a change of the node's clock neither ends nor revives a session.
 */
export class ServerClock {
  readonly #given: (() => number) | null
  readonly #offsets = new Float64Array(shards)
  readonly #known = new Set<number>()

  /** @param given the clock to use instead, in tests */
  constructor (given: (() => number) | null) {
    this.#given = given
  }

  now (shard: number): number {
    return this.#given === null ? performance.now() + (this.#offsets[shard] as number) : this.#given()
  }

  /**
   * @param asked when the question was sent, by `performance.now()`
   * @param reply `now`: the server's time; `changed`: what was measured before is wrong
   */
  measured (shard: number, asked: number, reply: { readonly now: number, readonly changed: boolean }): void {
    const took = performance.now() - asked
    if (took > quick && this.#known.has(shard) && !reply.changed) return
    const offset = reply.now - asked - took / 2
    // until a shard is measured, its server's clock is taken to be that of another: wrong by how far two servers differ, not by years
    if (this.#known.size === 0) this.#offsets.fill(offset)
    this.#known.add(shard)
    this.#offsets[shard] = offset
  }
}
