import { hash } from 'node:crypto'
import type { Connection, NotificationListener, Send, Subscription } from './connection.ts'
import { Listener } from './listener.ts'
import type { ListeningConnection, NewConnection } from './listener.ts'

/** The members of a `pg` Pool that are used. */
export interface PgPool {
  query (query: object): Promise<{ readonly rows: readonly unknown[] }>
  end (): Promise<void>
  on (event: 'error', listener: (error: Error) => void): unknown
  readonly options: { readonly password?: unknown }
  readonly totalCount: number
}

/** The members of every `pg` pool that its types do not declare. */
interface PgMaker {
  readonly Client: new (options: object) => PgClient
}

/** The members of a `pg` Client that are used. */
interface PgClient {
  connect (): Promise<unknown>
  query (text: string): Promise<unknown>
  end (): Promise<void>
  on (event: string, listener: (value: never) => void): unknown
  /** Absent in `pg-native`. */
  readonly connection?: { readonly stream: { destroy (): unknown } }
}

/** Pools that have an error listener of this module: one listener serves all stores of a pool. */
const watchedPools = new WeakSet<PgPool>()

/** A connection through `pg`. */
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

  listen (channel: string, listener: NotificationListener, timeout: number): Promise<Subscription> {
    return new Listener(events => this.#listeningConnection(channel, events), listener, timeout).open()
  }

  async end (): Promise<void> { await this.#pool.end() }

  /** Returns one name per text: several stores, and versions of this package, share a pool. */
  #nameOf (text: string): string {
    let name = this.#names.get(text)
    if (name === undefined) this.#names.set(text, name = `fastify_session_manager_${hash('sha256', text, 'base64url').slice(0, 16)}`)
    return name
  }

  #listeningConnection (channel: string, { notified, gone }: Parameters<NewConnection>[0]): ListeningConnection {
    const { Client, options } = this.#pool as PgPool & PgMaker
    // the pool hides its password in a copy of its options
    const client = new Client({ keepAlive: true, ...options, password: options.password })
    client.on('error', gone)
    client.on('end', () => { gone(new Error('the connection that listens has ended')) })
    client.on('notification', ({ payload }: { readonly payload: string }) => { notified(payload) })
    return {
      async listen () {
        await client.connect()
        await client.query(`LISTEN "${channel}"`)
      },
      end () {
        const ended = client.end()
        // an unreachable server confirms nothing
        client.connection?.stream.destroy()
        return ended
      }
    }
  }
}
