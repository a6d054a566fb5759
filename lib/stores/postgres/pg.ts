import { hash } from 'node:crypto'
import type { Connection, NotificationListener, Send, Subscription } from './connection.ts'

/** What we use of a `pg` Pool. */
export interface PgPool {
  query (query: object): Promise<{ readonly rows: readonly unknown[] }>
  end (): Promise<void>
  on (event: 'error', listener: (error: Error) => void): unknown
  readonly options: object
  readonly totalCount: number
}

/** What every pool of `pg` has, but its types do not declare. */
interface PgMaker {
  readonly Client: new (options: object) => PgClient
}

/** What we use of a `pg` Client. */
interface PgClient {
  connect (): Promise<unknown>
  query (text: string): Promise<unknown>
  end (): Promise<void>
  on (event: string, listener: (value: never) => void): unknown
}

/** Between two attempts to listen again, in milliseconds; doubled each time. */
const shortestPause = 50
const longestPause = 5000

/** Pools that have an error listener of this module: one is enough for all stores of a pool. */
const watchedPools = new WeakSet<PgPool>()

/** `pg`. */
export class PgConnection implements Connection {
  readonly #pool: PgPool
  readonly #names = new Map<string, string>()

  constructor (pool: PgPool) {
    this.#pool = pool
    // an idle connection that breaks emits this event, which without a listener ends the process; the next statement reports the failure
    if (!watchedPools.has(pool)) pool.on('error', () => {})
    watchedPools.add(pool)
  }

  async query (text: string, values: readonly (string | null)[], { prepared, timeout }: Send): Promise<string[]> {
    const { rows } = await this.#pool.query({
      text,
      values,
      rowMode: 'array',
      query_timeout: timeout,
      ...prepared ? { name: this.#nameOf(text) } : {}
    })
    return (rows as readonly (readonly [string])[]).map(([value]) => value)
  }

  async run (text: string): Promise<void> { await this.#pool.query({ text }) }

  async listen (channel: string, listener: NotificationListener): Promise<Subscription> {
    const subscription = new PgListener(this.#pool, channel, listener)
    await subscription.start()
    return subscription
  }

  async end (): Promise<void> { await this.#pool.end() }

  /** The same name for the same text, and for no other: several stores, and versions of this package, share a pool. */
  #nameOf (text: string): string {
    let name = this.#names.get(text)
    if (name === undefined) this.#names.set(text, name = `fastify_session_manager_${hash('sha256', text, 'base64url').slice(0, 16)}`)
    return name
  }
}

/** A connection of its own, beside the pool, so that listening takes none from it and a full pool does not stop it. */
class PgListener implements Subscription {
  readonly #pool: PgPool
  readonly #channel: string
  readonly #listener: NotificationListener
  #timer: NodeJS.Timeout | undefined
  #pause = shortestPause
  #closed = false
  /** The connection that listens: it is gone, or taken for gone; it is to end. */
  #connection: { readonly gone: (cause: unknown) => void, readonly end: () => Promise<void> } | null = null

  constructor (pool: PgPool, channel: string, listener: NotificationListener) {
    this.#pool = pool
    this.#channel = channel
    this.#listener = listener
  }

  async start (): Promise<void> {
    const { Client } = this.#pool as PgPool & PgMaker
    const client = new Client({ keepAlive: true, connectionTimeoutMillis: longestPause, ...this.#pool.options })
    let listening = false
    const gone = (cause: unknown): void => {
      if (!listening) return
      listening = false
      this.#listener.lost(cause)
      this.#retry()
    }
    client.on('error', gone)
    client.on('end', () => { gone(new Error('the connection that listens has ended')) })
    client.on('notification', ({ payload }: { readonly payload: string }) => { this.#listener.notified(payload) })
    await client.connect()
    if (this.#closed) { await client.end(); return }
    this.#connection = {
      gone,
      async end () {
        listening = false
        await client.end()
      }
    }
    await client.query(`LISTEN "${this.#channel}"`)
    listening = true
    this.#pause = shortestPause
    this.#listener.listening()
  }

  renew (): void {
    const connection = this.#connection
    connection?.gone(new Error('the connection that listens was given up'))
    connection?.end().catch(() => {})
  }

  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#connection?.end()
  }

  #retry (): void {
    this.#timer = setTimeout(() => { void this.#again() }, this.#pause)
    this.#timer.unref()
    this.#pause = Math.min(this.#pause * 2, longestPause)
  }

  async #again (): Promise<void> {
    try {
      await this.start()
    } catch {
      if (!this.#closed) this.#retry()
    }
  }
}
