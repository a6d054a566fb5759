import { randomBytes } from 'node:crypto'
import type { ActivityUpdate } from '../../store.ts'
import { toTouchArguments } from './arguments.ts'
import { isMoving } from './moving.ts'
import { scripts } from './script.ts'
import type { Server } from './server.ts'
import { byShard } from './shard.ts'

/** Writes the activity of sessions, with one command for each shard. */
export class TouchWriter {
  readonly #server: Server
  readonly #node = randomBytes(6).toString('base64url')
  #batch = 0

  constructor (server: Server) {
    this.#server = server
  }

  /** Returns the ids of sessions that are not live. `at`: the caller's current time. */
  async write (batch: readonly ActivityUpdate[], at: number): Promise<readonly string[]> {
    const header = [String(at), this.#node, String(++this.#batch)]
    const replies = await Promise.all(Array.from(byShard(batch, ({ id }) => id), ([shard, touches]) => this.#touch(shard, header, touches)))
    return replies.flat()
  }

  async #touch (shard: number, header: readonly string[], touches: readonly ActivityUpdate[]): Promise<string[]> {
    try {
      const [, ...gone] = await this.#server.runInTime(scripts.touch, shard, {
        args: [...header, ...touches.flatMap(toTouchArguments)],
        keys: touches.map(({ id }) => `s:${id}`),
        impatient: true
      })
      return gone.map(String)
    } catch (error) {
      if (!this.#server.client.cluster || !isMoving(error)) throw error
    }
    // some of the sessions have moved to another node, and some have not: each is written separately
    const replies = await Promise.all(touches.map(touch =>
      this.#server.runInTime(scripts.touchOne, shard, { args: [...header, ...toTouchArguments(touch)], keys: [`s:${touch.id}`] })))
    return replies.flatMap(([, ...gone]) => gone.map(String))
  }
}
