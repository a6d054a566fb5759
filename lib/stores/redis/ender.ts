import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { EndCause } from '../../store.ts'
import { toEndedSessions } from './fields.ts'
import { scripts } from './script.ts'
import type { Server } from './server.ts'
import type { RedisStoreSettings } from './settings.ts'
import { byShard } from './shard.ts'

/** The result of an end by ids. */
interface EndedByIds {
  readonly ended: EndedSession[]
  /** Ids of sessions that were seen since they were read: they have not ended. */
  readonly changed: string[]
}

/** Ends sessions, and waits for replicas, if the app requires that. */
export class Ender {
  readonly #server: Server
  readonly #wait: RedisStoreSettings['wait']
  /** Ended, but not yet on the required number of replicas; by shard. */
  readonly #unconfirmed = new Map<number, EndedSession[]>()

  constructor (server: Server, wait: RedisStoreSettings['wait']) {
    this.#server = server
    this.#wait = wait
  }

  /** Ends what is live among the ids. `seen`: only sessions that have had no request since. */
  async endIds (ids: readonly string[], why: EndCause, seen?: ReadonlyMap<string, SessionRecord>): Promise<EndedByIds> {
    const answers = await Promise.all(Array.from(byShard(ids, id => id), async ([shard, group]) => {
      const args = group.flatMap(id => {
        const record = seen?.get(id)
        return record === undefined ? [id, '', ''] : [id, String(record.lastSeenAt), String(record.requestCount)]
      })
      const [, ended, changed] = await this.#server.run(scripts.end, shard, [why.reason, why.by ?? '', ...args], group.map(id => `s:${id}`))
      return { ended: await this.confirmed(shard, toEndedSessions(ended)), changed: changed as readonly string[] }
    }))
    return { ended: answers.flatMap(({ ended }) => ended), changed: answers.flatMap(({ changed }) => changed) }
  }

  /** Waits for replicas, and returns what they have confirmed. The next confirmed end of the shard returns what they have not. */
  async confirmed (shard: number, ended: EndedSession[]): Promise<EndedSession[]> {
    this.#server.recent.add(ended)
    const wait = this.#wait
    if (wait === null) return ended
    const waiting = [...this.#unconfirmed.get(shard) ?? [], ...ended]
    if (waiting.length === 0) return ended
    this.#unconfirmed.set(shard, waiting)
    const replicas = await this.#server.client.wait(this.#server.baseOf(shard), wait.replicas, wait.timeout)
    if (replicas < wait.replicas) throw new Error(`${replicas} of ${wait.replicas} replicas confirmed an end within ${wait.timeout} ms`)
    this.#unconfirmed.delete(shard)
    return waiting
  }
}
