import { withTimeout } from '../../async.ts'
import type { Awaitable } from '../../async.ts'
import type { NotificationListener, Subscription } from './connection.ts'
import { codeOf } from './server.ts'

/** A connection for LISTEN. */
export interface ListeningConnection {
  /** Connects and sends LISTEN. */
  listen (): PromiseLike<unknown>
  /** Closes the connection at once, without waiting for the server, which may be unreachable. */
  end (): Awaitable<unknown>
}

/** Creates a connection. It calls `notified` with each notification, and `gone` when it breaks. */
export type NewConnection = (events: {
  readonly notified: (payload: string) => void
  readonly gone: (cause: unknown) => void
}) => Awaitable<ListeningConnection>

/** Shortest pause between two attempts to listen again, in milliseconds; doubled each time. */
const shortestPause = 50
const longestPause = 5000
/** SQLSTATE of a standby, where LISTEN is not possible. */
const onlyReads = '25006'

/**
 * Listens on its own connection, so that it takes no connection from a pool, and works if the pool is exhausted. A connection that breaks,
 * or that does not listen within `timeout` milliseconds, is closed and replaced.
 */
export class Listener implements Subscription {
  readonly #make: NewConnection
  readonly #listener: NotificationListener
  readonly #timeout: number
  #timer: NodeJS.Timeout | undefined
  #pause = shortestPause
  #closed = false
  /** The connection that listens. */
  #connection: { readonly gone: (cause: unknown) => void, readonly end: () => Awaitable<unknown> } | null = null

  constructor (make: NewConnection, listener: NotificationListener, timeout: number) {
    this.#make = make
    this.#listener = listener
    this.#timeout = timeout
  }

  /** Resolves when it listens, or if the server is a standby: it then listens as soon as the server is the primary. */
  async open (): Promise<this> {
    try {
      await this.#start()
    } catch (error) {
      if (codeOf(error) !== onlyReads) throw error
      this.#retry()
    }
    return this
  }

  renew (): void {
    this.#connection?.gone(new Error('the connection that listens was given up'))
  }

  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const connection = this.#connection
    this.#connection = null
    await connection?.end()
  }

  async #start (): Promise<void> {
    let gone = (_cause: unknown): void => {}
    const connection = await this.#make({
      notified: payload => { this.#listener.notified(payload) },
      gone: cause => { gone(cause) }
    })
    try {
      await withTimeout(connection.listen(), this.#timeout)
    } catch (error) {
      await connection.end()
      throw error
    }
    if (this.#closed) {
      await connection.end()
      return
    }
    gone = cause => {
      if (this.#connection?.gone !== gone) return
      this.#connection = null
      void Promise.resolve(connection.end()).catch(() => {})
      this.#listener.lost(cause)
      this.#retry()
    }
    this.#connection = { gone, end: () => connection.end() }
    this.#pause = shortestPause
    this.#listener.listening()
  }

  #retry (): void {
    this.#timer = setTimeout(() => { void this.#again() }, this.#pause)
    this.#timer.unref()
    this.#pause = Math.min(this.#pause * 2, longestPause)
  }

  async #again (): Promise<void> {
    try {
      await this.#start()
    } catch {
      if (!this.#closed) this.#retry()
    }
  }
}
