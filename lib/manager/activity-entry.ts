import type { Touch } from '../store.ts'

/** What was recorded of one session since the last batch. */
export class Entry implements Touch {
  readonly id: string
  /** The batch that it is in; -1: in none, so that it can be in another. */
  batch = -1
  requests = 0
  seenAt = 0
  generation = -1
  ip: string | null | undefined = undefined
  agent: string | null | undefined = undefined
  device: string | null | undefined = undefined

  constructor (id: string) {
    this.id = id
  }

  /** Nothing was recorded in this batch yet. */
  start (batch: number): void {
    this.batch = batch
    this.requests = this.seenAt = 0
    this.generation = -1
    this.ip = this.agent = this.device = undefined
  }

  /** Takes over what an earlier one had to say, but how often. */
  catchUp (earlier: Entry): void {
    this.seenAt = Math.max(this.seenAt, earlier.seenAt)
    this.generation = Math.max(this.generation, earlier.generation)
    if (this.ip === undefined) this.ip = earlier.ip
    if (this.agent !== undefined) return
    this.agent = earlier.agent
    this.device = earlier.device
  }
}
