import { Timer } from '../../async.ts'
import type { StoreListener, StoreSubscription } from '../../store.ts'
import type { NotificationListener, Subscription } from './connection.ts'
import { fromReply } from './json.ts'
import { toEndedSession } from './rows.ts'
import type { EndedRow } from './rows.ts'

/** A message on the channel. */
type Message = readonly ['ended', ...EndedRow[]] | readonly ['changed', string] | readonly ['heartbeat', string]

export interface SubscriptionOptions {
  readonly listener: StoreListener
  /** Sends a message over the data connection. */
  readonly send: (payload: string) => Promise<unknown>
  /** Milliseconds in which a heartbeat must return. */
  readonly timeout: number
  /** Interval of heartbeats, which keep the connection open, because routers drop idle ones, or show that it is dead. */
  readonly every: number
  /** While heartbeats do not return: interval in milliseconds at which the listener is notified of lost messages, and so reads again. */
  readonly poll: number
  readonly warn: (message: string, cause?: unknown) => void
  /** Called when it listens again after a lost connection. */
  readonly onReturn: () => void
}

/** Interval of heartbeats, and of reads of a session while heartbeats do not return. Milliseconds. */
export const subscriptionIntervals = { every: 30_000, poll: 1000 }

const unheard = 'Notifications of other nodes do not arrive. Until they do, sessions with a listener are read once a second, and `cache` ' +
  'is not used. If a pooler is between, set `listen` to a URL of the server itself.'

/**
 * Receives the ends and changes of other nodes by LISTEN. Heartbeats prove that notifications arrive: one when it starts to listen, and one
 * each `every` milliseconds. If one does not return, the connection is replaced, because it may be dead without an error.
 */
export class PostgresSubscription implements StoreSubscription, NotificationListener {
  readonly #options: SubscriptionOptions
  readonly #heartbeats = new Map<string, { readonly resolve: () => void, readonly reject: (error: unknown) => void }>()
  readonly #name = Math.random().toString(36).slice(2)
  readonly #timer: Timer
  /** Set while heartbeats do not return. */
  #polling: Timer | null = null
  /** `null` after `close`. */
  #listener: StoreListener | null
  #number = 0
  #opened = false
  #listening = false
  #warned = false
  /** A connection is replaced at most once in `every` milliseconds: a new one does not help if a pooler is in between. */
  #mayRenew = true
  #subscription: Subscription | null = null

  constructor (options: SubscriptionOptions) {
    this.#options = options
    this.#listener = options.listener
    this.#timer = new Timer(() => this.#heartbeat(), { delay: () => options.every })
  }

  /** Resolves when it listens, or if the server is a standby. */
  async open (listen: (listener: NotificationListener) => Promise<Subscription>): Promise<this> {
    this.#subscription = await listen(this)
    this.#opened = true
    if (this.#listening) this.#verify()
    else this.#poll()
    this.#timer.start()
    return this
  }

  async probe (): Promise<void> {
    if (!this.#listening) throw new Error('not subscribed')
    const heartbeat = `${this.#name}.${++this.#number}`
    let timer: NodeJS.Timeout | undefined
    const received = new Promise<void>((resolve, reject) => {
      this.#heartbeats.set(heartbeat, { resolve, reject })
      timer = setTimeout(() => { this.#missed() }, this.#options.timeout)
      timer.unref()
    })
    try {
      await Promise.all([received, this.#options.send(JSON.stringify(['heartbeat', heartbeat]))])
      this.#proven()
    } finally {
      clearTimeout(timer)
      this.#heartbeats.delete(heartbeat)
    }
  }

  async close (): Promise<void> {
    this.#listener = null
    this.#listening = false
    await this.#timer.stop()
    await this.#polling?.stop()
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
      // another writer used the channel: a message may be missing
      case undefined: this.#listener?.lost()
    }
  }

  listening (): void {
    this.#listening = true
    // the first time: `open` continues
    if (!this.#opened) return
    this.#options.onReturn()
    // messages that were sent meanwhile are lost
    this.#listener?.lost()
    this.#verify()
  }

  lost (cause: unknown): void {
    this.#listening = false
    this.#rejectAll(cause)
    this.#listener?.lost()
    this.#poll()
  }

  /** Runs each `every` milliseconds. */
  async #heartbeat (): Promise<void> {
    this.#mayRenew = true
    await this.probe().catch((error: unknown) => { if (!this.#listening) this.#warn(error) })
  }

  #verify (): void {
    this.probe().catch(() => {})
  }

  /** A heartbeat returned: everything published before it has been received. */
  #proven (): void {
    this.#warned = false
    void this.#polling?.stop()
    this.#polling = null
  }

  /** The connection is dead without an error, a pooler is in between, or the server is too slow. */
  #missed (): void {
    const error = new Error(`no heartbeat was received within ${this.#options.timeout} ms`)
    this.#rejectAll(error)
    this.#warn(error)
    const renewed = this.#mayRenew && this.#subscription?.renew !== undefined
    this.#mayRenew = false
    if (renewed) this.#subscription?.renew?.()
    else this.#listener?.lost()
    this.#poll()
  }

  #poll (): void {
    if (this.#listener === null || this.#polling !== null) return
    this.#polling = new Timer(async () => { this.#listener?.lost() }, { delay: () => this.#options.poll }).start()
  }

  #warn (cause: unknown): void {
    if (!this.#warned) this.#options.warn(unheard, cause)
    this.#warned = true
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
