import { Timer } from '../../async.ts'
import type { StoreListener, StoreWatch } from '../../store.ts'
import type { Hearing, Subscription } from './connection.ts'
import { fromReply } from './json.ts'
import { toEndedSession } from './rows.ts'
import type { EndedRow } from './rows.ts'

/** What comes over the channel. */
type Message = readonly ['ended', ...EndedRow[]] | readonly ['changed', string] | readonly ['beat', string]

export interface WatchOptions {
  readonly listener: StoreListener
  /** Sends a message through the connection that data takes. */
  readonly send: (payload: string) => Promise<unknown>
  /** Milliseconds for a beat to come back. */
  readonly timeout: number
  /** Routers forget connections on which nothing happens: one beat in so many milliseconds keeps this one, or shows that it is dead. */
  readonly every: number
  /** It listens anew: the server was away. */
  readonly onReturn: () => void
}

/** Hears what other nodes end and change, by LISTEN. */
export class PostgresWatch implements StoreWatch, Hearing {
  readonly #options: WatchOptions
  readonly #beats = new Map<string, { readonly resolve: () => void, readonly reject: (error: unknown) => void }>()
  readonly #name = Math.random().toString(36).slice(2)
  readonly #timer: Timer
  /** `null`: whoever watched has stopped. */
  #listener: StoreListener | null
  #number = 0
  #times = 0
  #listening = false
  #subscription: Subscription | null = null

  constructor (options: WatchOptions) {
    this.#options = options
    this.#listener = options.listener
    this.#timer = new Timer(() => this.probe().catch(() => {}), { delay: () => options.every })
  }

  /** Resolves when it listens. */
  async open (listen: (hearing: Hearing) => Promise<Subscription>): Promise<this> {
    this.#subscription = await listen(this)
    this.#timer.start()
    return this
  }

  async probe (): Promise<void> {
    if (!this.#listening) throw new Error('nobody listens')
    const beat = `${this.#name}.${++this.#number}`
    let timer: NodeJS.Timeout | undefined
    const heard = new Promise<void>((resolve, reject) => {
      this.#beats.set(beat, { resolve, reject })
      timer = setTimeout(() => { this.#unheard(beat) }, this.#options.timeout)
      timer.unref()
    })
    try {
      await Promise.all([heard, this.#options.send(JSON.stringify(['beat', beat]))])
    } finally {
      clearTimeout(timer)
      this.#beats.delete(beat)
    }
  }

  async close (): Promise<void> {
    this.#listener = null
    this.#listening = false
    await this.#timer.stop()
    this.#rejectAll(new Error('the watch was closed'))
    await this.#subscription?.close()
  }

  heard (payload: string): void {
    const message = read(payload)
    switch (message?.[0]) {
      case 'ended':
        for (const row of message.slice(1)) this.#listener?.ended(toEndedSession(row))
        break
      case 'changed': this.#listener?.changed(message[1]); break
      case 'beat': this.#beats.get(message[1])?.resolve(); break
      // whoever else writes to the channel is not understood: something may be missing
      case undefined: this.#listener?.lost()
    }
  }

  listening (): void {
    this.#listening = true
    if (this.#times++ > 0) this.#options.onReturn()
  }

  lost (cause: unknown): void {
    this.#listening = false
    this.#rejectAll(cause)
    this.#listener?.lost()
  }

  /** The connection is dead without knowing it, or the server too slow to rely on. */
  #unheard (beat: string): void {
    this.#beats.get(beat)?.reject(new Error(`a beat was not heard within ${this.#options.timeout} ms`))
    this.#subscription?.renew?.()
  }

  #rejectAll (cause: unknown): void {
    for (const { reject } of this.#beats.values()) reject(cause)
  }
}

function read (payload: string): Message | undefined {
  try {
    const message = fromReply(payload) as Message
    return ['ended', 'changed', 'beat'].includes(message[0]) ? message : undefined
  } catch {
    return undefined
  }
}
