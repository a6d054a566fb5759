import type { Connection, NotificationListener, Send, Subscription } from './connection.ts'

/** A statement on its way. */
interface PendingQuery extends PromiseLike<unknown> {
  values (): PromiseLike<readonly (readonly [string])[]>
  simple (): PromiseLike<unknown>
  cancel (): unknown
}

/** What we use of the function that `postgres` (postgres.js) makes. */
export interface PostgresJs {
  (...args: never[]): unknown
  unsafe (text: string, values?: never[], options?: { readonly prepare?: boolean }): unknown
  listen (channel: string, notified: (payload: string) => void, listening?: () => void): Promise<{ unlisten (): Promise<unknown> }>
  end (): Promise<void>
}

/** `postgres` (postgres.js). */
export class PostgresJsConnection implements Connection {
  readonly #sql: PostgresJs

  constructor (sql: PostgresJs) {
    this.#sql = sql
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

  async run (text: string): Promise<void> { await (this.#sql.unsafe(text) as PendingQuery).simple() }

  /** postgres.js listens on a connection of its own and connects it again by itself; it calls back when it listens again. */
  async listen (channel: string, listener: NotificationListener): Promise<Subscription> {
    let times = 0
    const listening = await this.#sql.listen(channel, payload => { listener.notified(payload) }, () => {
      if (times++ > 0) listener.lost(new Error('the connection that listens was replaced'))
      listener.listening()
    })
    return { close: async () => { await listening.unlisten() } }
  }

  async end (): Promise<void> { await this.#sql.end() }
}
