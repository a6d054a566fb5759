import type { Connection, NotificationListener, Send, Subscription } from './connection.ts'
import { Listener } from './listener.ts'
import type { ListeningConnection, NewConnection } from './listener.ts'

/** A statement in flight. */
interface PendingQuery extends PromiseLike<unknown> {
  values (): PromiseLike<readonly (readonly [string])[]>
  simple (): PromiseLike<unknown>
  cancel (): unknown
}

/** The members that are used of the function that `postgres` (postgres.js) returns. */
export interface PostgresJs {
  (...args: never[]): unknown
  unsafe (text: string, values?: never[], options?: { readonly prepare?: boolean }): unknown
  listen (channel: string, notified: (payload: string) => void, listening?: () => void): Promise<{ unlisten (): Promise<unknown> }>
  end (options?: { readonly timeout?: number }): Promise<void>
  readonly options: object
}

/** The export of the package `postgres`. It accepts the `options` of a client in place of a URL. */
export type MakePostgresJs = (place: string | object, options?: object) => PostgresJs

type ListenOptions = Parameters<NewConnection>[0] & { readonly channel: string, readonly timeout: number }

/** A connection through `postgres` (postgres.js). */
export class PostgresJsConnection implements Connection {
  readonly #sql: PostgresJs
  readonly #make: MakePostgresJs | undefined

  /** `make`: the function that created the client, if this package called it. */
  constructor (sql: PostgresJs, make?: MakePostgresJs) {
    this.#sql = sql
    this.#make = make
  }

  async query (text: string, values: readonly (string | null)[], { prepared, timeout }: Send): Promise<string[]> {
    const query = this.#sql.unsafe(text, values as never[], { prepare: prepared }) as PendingQuery
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no response within ${timeout} ms`))
        Promise.resolve(query.cancel()).catch(() => {})
      }, timeout)
    })
    try {
      return (await Promise.race([query.values(), late])).map(([value]) => value)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Returns whether a pooler is in between: postgres.js stops responding after some lost statements. A pooler reports a process id, for
   * cancellation, that is not that of the server's process.
   */
  async losesStatements (): Promise<boolean> {
    const rows = await (this.#sql.unsafe('SELECT pg_backend_pid()') as PendingQuery).values()
    const { state } = rows as { readonly state?: { readonly pid?: number } }
    return state?.pid !== undefined && Number(rows[0]?.[0]) !== state.pid
  }

  async run (text: string): Promise<void> { await (this.#sql.unsafe(text) as PendingQuery).simple() }

  async listen (channel: string, listener: NotificationListener, timeout: number): Promise<Subscription> {
    const make = await this.#maker()
    if (make !== null) {
      return new Listener(events => this.#listeningConnection(make, { channel, timeout, ...events }), listener, timeout).open()
    }
    let times = 0
    const listening = await this.#sql.listen(channel, payload => { listener.notified(payload) }, () => {
      if (times++ > 0) listener.lost(new Error('the connection that listens was replaced'))
      listener.listening()
    })
    return { close: async () => { await listening.unlisten() } }
  }

  async end (): Promise<void> { await this.#sql.end() }

  /** Creates a client with one connection, as `sql.listen` creates its own. That one cannot be replaced if it stops receiving. */
  #listeningConnection (make: MakePostgresJs, { channel, timeout, notified, gone }: ListenOptions): ListeningConnection {
    const sql = make({
      ...this.#sql.options,
      max: 1,
      idle_timeout: null,
      max_lifetime: null,
      fetch_types: false,
      connect_timeout: Math.ceil(timeout / 1000),
      onnotify: (_channel: string, payload: string) => { notified(payload) },
      onclose: () => { gone(new Error('the connection that listens has ended')) }
    })
    return {
      listen: () => (sql.unsafe(`LISTEN "${channel}"`) as PendingQuery).simple(),
      end: () => sql.end({ timeout: 0 })
    }
  }

  /** Returns the function that the package `postgres` exports; `null`: the app has it under another name, or in a bundle. */
  async #maker (): Promise<MakePostgresJs | null> {
    if (this.#make !== undefined) return this.#make
    const name = 'postgres'
    return import(name).then((module: { readonly default: MakePostgresJs }) => module.default, () => null)
  }
}
