import { Timer, withTimeout } from '../../async.ts'
import type { StoreListener, StoreSubscription } from '../../store.ts'
import { ignore } from './client.ts'
import type { Primary, RedisClient, Subscription } from './client.ts'
import { toEndedSession } from './fields.ts'

/** Interval at which the primaries are compared with those of the subscription, if no event reported a change. Milliseconds. */
const every = 2000
const remembered = 1000

export interface RedisSubscriptionOptions {
  readonly channel: string
  readonly listener: StoreListener
  readonly warn: (message: string, cause?: unknown) => void
  /** Interval of heartbeats, and how long one may take, in milliseconds. Default 30 seconds and 5 seconds. */
  readonly heartbeats?: { readonly every: number, readonly timeout: number }
}

const silent = 'A subscription to Redis received no heartbeat, although the server took it: its connection was dead without an error. ' +
  'The store has subscribed again. Sessions with a listener are read again.'

/** A subscription to one primary, and the heartbeats in flight to it. */
interface Line {
  readonly heartbeats: Map<string, { resolve: () => void, reject: (error: Error) => void }>
  subscription: Subscription | null
}

/**
 * Receives the messages that scripts publish, on a connection of its own to each primary. Only there a heartbeat proves that no earlier
 * message is missing: a message that one node of a cluster forwards to another may be lost. A connection may be dead without an error, so
 * that each gets heartbeats, which keep it open as well. It is replaced if one does not return.
 */
export class RedisSubscription implements StoreSubscription {
  readonly #client: RedisClient
  readonly #channel: string
  readonly #listener: StoreListener
  readonly #lines = new Map<Primary, Line>()
  readonly #received = new Set<string>()
  readonly #timer: Timer
  readonly #heartbeatTimer: Timer
  readonly #timeout: number
  readonly #warn: RedisSubscriptionOptions['warn']
  readonly #stop: () => void
  #warned = false
  #following: Promise<void> | null = null
  #closed = false
  #number = 0

  constructor (client: RedisClient, options: RedisSubscriptionOptions) {
    const { channel, listener, warn, heartbeats = { every: 30_000, timeout: 5000 } } = options
    this.#client = client
    this.#channel = channel
    this.#listener = listener
    this.#warn = warn
    this.#timeout = heartbeats.timeout
    this.#heartbeatTimer = new Timer(() => this.#verifyAll().catch(ignore), { delay: () => heartbeats.every })
    this.#timer = new Timer(() => this.#follow().catch(ignore), { delay: () => every })
    this.#stop = client.onReconnect(() => { void this.#follow().catch(ignore) })
  }

  /** Resolves when every primary is listened to. */
  async open (): Promise<this> {
    await this.#follow()
    this.#timer.start()
    this.#heartbeatTimer.start()
    return this
  }

  async probe (): Promise<void> {
    await this.#follow()
    await Promise.all([...this.#lines].map(([primary, line]) => this.#heartbeat(primary, line)))
  }

  async close (): Promise<void> {
    this.#closed = true
    this.#stop()
    await this.#timer.stop()
    await this.#heartbeatTimer.stop()
    await this.#follow().catch(ignore)
    for (const [primary, line] of this.#lines) await this.#unsubscribe(primary, line)
  }

  /** Connects to new primaries, and disconnects from former ones. Rejects if a subscription fails. */
  #follow (): Promise<void> {
    this.#following ??= this.#compare().finally(() => { this.#following = null })
    return this.#following
  }

  async #compare (): Promise<void> {
    if (this.#closed) return
    const primaries = await this.#client.primaries()
    for (const [primary, line] of this.#lines) {
      if (!primaries.includes(primary)) await this.#unsubscribe(primary, line)
    }
    const added = primaries.filter(primary => !this.#lines.has(primary))
    await Promise.all(added.map(primary => this.#subscribe(primary)))
    if (added.length > 0) this.#listener.lost()
  }

  async #subscribe (primary: Primary): Promise<void> {
    const line: Line = { heartbeats: new Map(), subscription: null }
    line.subscription = await primary.subscribe(this.#channel, {
      message: text => { this.#handle(text, line) },
      lost: () => { this.#lost(line) }
    })
    this.#lines.set(primary, line)
  }

  async #unsubscribe (primary: Primary, line: Line): Promise<void> {
    this.#lines.delete(primary)
    this.#lost(line)
    await line.subscription?.close()
  }

  #lost (line: Line): void {
    for (const { reject } of line.heartbeats.values()) reject(new Error('the subscription was lost'))
    line.heartbeats.clear()
    if (!this.#closed) this.#listener.lost()
  }

  async #heartbeat (primary: Primary, line: Line): Promise<void> {
    const { sent, received } = this.#send(primary, line)
    await Promise.all([received, sent])
  }

  #send (primary: Primary, line: Line): { readonly sent: Promise<unknown>, readonly received: Promise<void> } {
    const heartbeat = `b${++this.#number} ${process.pid} ${Math.random()}`
    const received = new Promise<void>((resolve, reject) => { line.heartbeats.set(heartbeat, { resolve, reject }) })
    return { sent: primary.command(['publish', this.#channel, heartbeat]), received }
  }

  async #verifyAll (): Promise<void> {
    await Promise.all([...this.#lines].map(([primary, line]) => this.#verify(primary, line).catch(ignore)))
  }

  /** Sends a heartbeat, and subscribes again if the server takes it but it does not return. */
  async #verify (primary: Primary, line: Line): Promise<void> {
    const { sent, received } = this.#send(primary, line)
    received.catch(ignore)
    // if this fails, nothing is known of the subscription
    await withTimeout(sent, this.#timeout)
    const returned = await withTimeout(received, this.#timeout).then(() => true, () => false)
    if (returned || this.#closed || this.#lines.get(primary) !== line) return
    if (!this.#warned) this.#warn(silent)
    this.#warned = true
    await this.#unsubscribe(primary, line)
    await this.#follow()
  }

  #handle (text: string, line: Line): void {
    if (text.startsWith('b')) {
      line.heartbeats.get(text)?.resolve()
      line.heartbeats.delete(text)
      return
    }
    // a cluster forwards each message to every node, so that every line receives it
    if (this.#received.has(text) || this.#closed) return
    this.#received.add(text)
    if (this.#received.size > remembered) this.#received.delete(this.#received.values().next().value as string)
    if (text.startsWith('c')) this.#listener.changed(text.slice(1).split(' ', 1).join(''))
    else this.#ended(text.slice(1))
  }

  #ended (text: string): void {
    this.#listener.ended(toEndedSession(text))
  }
}
