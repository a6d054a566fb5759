import { Timer } from '../../async.ts'
import type { StoreListener, StoreWatch } from '../../store.ts'
import { ignore } from './client.ts'
import type { Primary, RedisClient, Subscription } from './client.ts'
import { toLeft } from './fields.ts'

/** How often the primaries are compared with those that are listened to, if no event told of a change. Milliseconds. */
const every = 2000
const remembered = 1000

/** A subscription to one primary, and the beats that are under way to it. */
interface Line {
  readonly beats: Map<string, { resolve: () => void, reject: (error: Error) => void }>
  subscription: Subscription | null
}

/**
 * Hears what scripts tell: on a connection of its own to each primary, because only there a beat proves that nothing sent before it is
 * missing (what one node of a cluster passes on to another may be lost on the way).
 */
export class RedisWatch implements StoreWatch {
  readonly #client: RedisClient
  readonly #channel: string
  readonly #listener: StoreListener
  readonly #lines = new Map<Primary, Line>()
  readonly #told = new Set<string>()
  readonly #timer: Timer
  readonly #stop: () => void
  #following: Promise<void> | null = null
  #closed = false
  #number = 0

  constructor (client: RedisClient, channel: string, listener: StoreListener) {
    this.#client = client
    this.#channel = channel
    this.#listener = listener
    this.#timer = new Timer(() => this.#follow().catch(ignore), { delay: () => every })
    this.#stop = client.onReconnect(() => { void this.#follow().catch(ignore) })
  }

  /** Resolves when every primary is listened to. */
  async open (): Promise<this> {
    await this.#follow()
    this.#timer.start()
    return this
  }

  async probe (): Promise<void> {
    await this.#follow()
    await Promise.all([...this.#lines].map(([primary, line]) => this.#beat(primary, line)))
  }

  async close (): Promise<void> {
    this.#closed = true
    this.#stop()
    await this.#timer.stop()
    await this.#follow().catch(ignore)
    for (const [primary, line] of this.#lines) await this.#hangUp(primary, line)
  }

  /** Makes the lines those of the present primaries. Rejects if one cannot be listened to. */
  #follow (): Promise<void> {
    this.#following ??= this.#compare().finally(() => { this.#following = null })
    return this.#following
  }

  async #compare (): Promise<void> {
    if (this.#closed) return
    const primaries = await this.#client.primaries()
    for (const [primary, line] of this.#lines) {
      if (!primaries.includes(primary)) await this.#hangUp(primary, line)
    }
    const added = primaries.filter(primary => !this.#lines.has(primary))
    await Promise.all(added.map(primary => this.#call(primary)))
    if (added.length > 0) this.#listener.lost()
  }

  async #call (primary: Primary): Promise<void> {
    const line: Line = { beats: new Map(), subscription: null }
    line.subscription = await primary.subscribe(this.#channel, {
      message: text => { this.#heard(text, line) },
      lost: () => { this.#lost(line) }
    })
    this.#lines.set(primary, line)
  }

  async #hangUp (primary: Primary, line: Line): Promise<void> {
    this.#lines.delete(primary)
    this.#lost(line)
    await line.subscription?.close()
  }

  #lost (line: Line): void {
    for (const { reject } of line.beats.values()) reject(new Error('the subscription was lost'))
    line.beats.clear()
    if (!this.#closed) this.#listener.lost()
  }

  async #beat (primary: Primary, line: Line): Promise<void> {
    const beat = `b${++this.#number} ${process.pid} ${Math.random()}`
    const heard = new Promise<void>((resolve, reject) => { line.beats.set(beat, { resolve, reject }) })
    await Promise.all([heard, primary.command(['publish', this.#channel, beat])])
  }

  #heard (text: string, line: Line): void {
    if (text.startsWith('b')) {
      line.beats.get(text)?.resolve()
      line.beats.delete(text)
      return
    }
    // a cluster passes each message on to every node, so that it comes on every line
    if (this.#told.has(text) || this.#closed) return
    this.#told.add(text)
    if (this.#told.size > remembered) this.#told.delete(this.#told.values().next().value as string)
    if (text.startsWith('c')) this.#listener.changed(text.slice(1).split(' ', 1).join(''))
    else this.#ended(text.slice(1))
  }

  #ended (text: string): void {
    this.#listener.ended(toLeft(text))
  }
}
