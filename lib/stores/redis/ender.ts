import { SessionError } from '../../errors.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { EndCause, EndResult, EndSelector } from '../../store.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { toEndedSessions } from './fields.ts'
import { scripts } from './script.ts'
import type { Server } from './server.ts'
import type { RedisStoreSettings } from './settings.ts'
import { byShard, shardOfUser, userKeysOf } from './shard.ts'

/** The result of an end by ids. */
interface EndedByIds {
  readonly ended: EndedSession[]
  /** Ids of sessions that were seen since they were read: they have not ended. */
  readonly changed: string[]
}

type UserSelector = Extract<EndSelector, { readonly userId: string }>

/** How many sessions of a user one script looks at: an end takes 70 µs of the server, and meanwhile all others wait. */
const endedAtOnce = 25
/** About 20 MB. */
const maxUnconfirmed = 50_000

/** Ends sessions, and waits for replicas, if the app requires that. */
export class Ender {
  readonly #server: Server
  readonly #wait: RedisStoreSettings['wait']
  /** Ended, but not known to be on the required number of replicas, and not reported to any caller; by id. */
  readonly #unconfirmed = new Map<string, EndedSession>()

  constructor (server: Server, wait: RedisStoreSettings['wait']) {
    this.#server = server
    this.#wait = wait
  }

  /** Ends the live sessions among the ids. `seen`: only sessions that have had no request since. */
  async endIds (ids: readonly string[], why: EndCause, seen?: ReadonlyMap<string, SessionRecord>): Promise<EndedByIds> {
    const results = await Promise.all(Array.from(byShard(ids, id => id), async ([shard, group]) => {
      const args = group.flatMap(id => {
        const record = seen?.get(id)
        return record === undefined ? [id, '', ''] : [id, String(record.lastSeenAt), String(record.requestCount)]
      })
      const [, ended, changed] = await this.#server.run(scripts.end, shard, [why.reason, why.by ?? '', ...args], group.map(id => `s:${id}`))
      const before = this.#unconfirmed.size === 0 ? [] : this.#take(group)
      return { ended: await this.#confirmed(shard, [...before, ...toEndedSessions(ended)]), changed: changed as readonly string[] }
    }))
    return { ended: results.flatMap(({ ended }) => ended), changed: results.flatMap(({ changed }) => changed) }
  }

  /** Ends sessions of a user but `except`: one step. */
  async endUser ({ userId, except, cursor = null }: UserSelector, why: EndCause): Promise<EndResult> {
    const shard = shardOfUser(userId)
    const scope = { list: 'end', filter: { userId }, order: 'oldest' } as const
    const place = decodeCursor(scope, cursor) ?? ['', '', '']
    if (place.length !== 3) throw new SessionError('FST_SESSION_INVALID_CURSOR')
    const [, ended, ...next] = await this.#server.runInTime(scripts.endUser, shard, {
      args: [why.reason, why.by ?? '', userId, except ?? '', String(endedAtOnce), ...place.map(String)],
      keys: userKeysOf(userId)
    })
    const before = [...this.#unconfirmed.values()].filter(session => session.userId === userId && session.id !== except)
    return {
      ended: await this.#confirmed(shard, [...this.#take(before.map(({ id }) => id)), ...toEndedSessions(ended)]),
      cursor: next.length === 0 ? null : encodeCursor(scope, next.map(String))
    }
  }

  /** Returns the sessions whose end was reported to no caller, each of them once. */
  takeUnreported (): EndedSession[] {
    return this.#take([...this.#unconfirmed.keys()])
  }

  /** Waits for replicas, and returns what they have confirmed. What they have not is reported to the caller that repeats the end. */
  async #confirmed (shard: number, ended: EndedSession[]): Promise<EndedSession[]> {
    this.#server.recent.add(ended)
    const wait = this.#wait
    if (wait === null || ended.length === 0) return ended
    try {
      const replicas = await this.#server.client.wait(this.#server.baseOf(shard), wait.replicas, wait.timeout)
      if (replicas < wait.replicas) throw new Error(`${replicas} of ${wait.replicas} replicas confirmed an end within ${wait.timeout} ms`)
    } catch (error) {
      for (const session of ended) this.#unconfirmed.set(session.id, session)
      for (const id of this.#unconfirmed.keys()) {
        if (this.#unconfirmed.size <= maxUnconfirmed) break
        this.#unconfirmed.delete(id)
      }
      throw error
    }
    return ended
  }

  #take (ids: readonly string[]): EndedSession[] {
    return ids.flatMap(id => {
      const session = this.#unconfirmed.get(id)
      this.#unconfirmed.delete(id)
      return session ?? []
    })
  }
}
