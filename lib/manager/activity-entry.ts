import type { Device } from '../model/device.ts'
import type { ActivityUpdate } from '../store.ts'

/** The activity of one session since the last batch. */
export class ActivityEntry implements ActivityUpdate {
  readonly id: string
  /** The number of the batch that has this entry; -1: none, so that the entry can be used again. */
  batch = -1
  requestCount = 0
  seenAt = 0
  generation = -1
  ip: string | null | undefined = undefined
  userAgent: string | null | undefined = undefined
  device: Device | undefined = undefined

  constructor (id: string) {
    this.id = id
  }

  /** Empties the entry for a new batch. */
  start (batch: number): void {
    this.batch = batch
    this.requestCount = this.seenAt = 0
    this.generation = -1
    this.ip = this.userAgent = this.device = undefined
  }

  /** Adds an earlier entry that could not be written, without its request count. */
  merge (earlier: ActivityEntry): void {
    this.seenAt = Math.max(this.seenAt, earlier.seenAt)
    this.generation = Math.max(this.generation, earlier.generation)
    if (this.ip === undefined) this.ip = earlier.ip
    if (this.userAgent !== undefined) return
    this.userAgent = earlier.userAgent
    this.device = earlier.device
  }
}
