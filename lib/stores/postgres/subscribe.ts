import { Timer } from '../../async.ts'
import type { StoreListener, StoreSubscription } from '../../store.ts'
import type { NotificationListener, Subscription } from './connection.ts'
import { fromReply } from './json.ts'
import { toEndedSession } from './rows.ts'
import type { EndedRow } from './rows.ts'

/** What comes over the channel. */
type Message = readonly ['ended', ...EndedRow[]] | readonly ['changed', string] | readonly ['heartbeat', string]

export interface SubscriptionOptions {
  readonly listener: StoreListener
  /** Sends a message through the connection that data takes. */
  readonly send: (payload: string) => Promise<unknown>
  /** Milliseconds for a heartbeat to come back. */
  readonly timeout: number
  /** Routers drop idle connections: one heartbeat each `every` milliseconds keeps this one, or shows that it is dead. */
  readonly every: number
  /** Called when it listens again: the server was away. */
  readonly onReturn: () => void
}

/** Receives what other nodes end and change, by LISTEN. */
export class PostgresSubscription implements StoreSubscription, NotificationListener {
  readonly #options: SubscriptionOptions
  readonly #heartbeats = new Map<string, { readonly resolve: () => void, readonly reject: (error: unknown) => void }>()
  readonly #name = Math.random().toString(36).slice(2)
  readonly #timer: Timer
  /** `null` after `close`. */
  #listener: StoreListener | null
  #number = 0
  #times = 0
  #listening = false
  #subscription: Subscription | null = null

  constructor (options: SubscriptionOptions) {
    this.#options = options
    this.#listener = options.listener
    this.#timer = new Timer(() => this.probe().catch(() => {}), { delay: () => options.every })
  }

  /** Resolves when it listens. */
  async open (listen: (listener: NotificationListener) => Promise<Subscription>): Promise<this> {
    this.#subscription = await listen(this)
    this.#timer.start()
    return this
  }

  async probe (): Promise<void> {
    if (!this.#listening) throw new Error('not subscribed')
    const heartbeat = `${this.#name}.${++this.#number}`
    let timer: NodeJS.Timeout | undefined
    const received = new Promise<void>((resolve, reject) => {
      this.#heartbeats.set(heartbeat, { resolve, reject })
      timer = setTimeout(() => { this.#missed(heartbeat) }, this.#options.timeout)
      timer.unref()
    })
    try {
      await Promise.all([received, this.#options.send(JSON.stringify(['heartbeat', heartbeat]))])
    } finally {
      clearTimeout(timer)
      this.#heartbeats.delete(heartbeat)
    }
  }

  async close (): Promise<void> {
    this.#listener = null
    this.#listening = false
    await this.#timer.stop()
    this.#rejectAll(new Error('the subscription was closed'))
    await this.#subscription?.close()
  }

  notified (payload: string): void {
    const message = read(payload)
    switch (message?.[0]) {
      case 'ended':
        for (const row of message.slice(1)) this.#listener?.ended(toEndedSession(row))
        break
      case 'changed': this.#listener?.changed(message[1]); break
      case 'heartbeat': this.#heartbeats.get(message[1])?.resolve(); break
      // other writers of the channel cannot be parsed: something may be missing
      case undefined: this.#listener?.lost()
    }
  }

  listening (): void {
    this.#listening = true
    if (this.#times++ === 0) return
    this.#options.onReturn()
    // no message of the time between was received
    this.#listener?.lost()
  }

  lost (cause: unknown): void {
    this.#listening = false
    this.#rejectAll(cause)
    this.#listener?.lost()
  }

  /** The connection is dead without knowing it, or the server too slow to rely on. */
  #missed (heartbeat: string): void {
    this.#heartbeats.get(heartbeat)?.reject(new Error(`no heartbeat was received within ${this.#options.timeout} ms`))
    this.#subscription?.renew?.()
  }

  #rejectAll (cause: unknown): void {
    for (const { reject } of this.#heartbeats.values()) reject(cause)
  }
}

function read (payload: string): Message | undefined {
  try {
    const message = fromReply(payload) as Message
    return ['ended', 'changed', 'heartbeat'].includes(message[0]) ? message : undefined
  } catch {
    return undefined
  }
}
