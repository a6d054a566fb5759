import type { Connection, Hearing, Send, Subscription } from './connection.ts'

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
  listen (channel: string, heard: (payload: string) => void, listening?: () => void): Promise<{ unlisten (): Promise<unknown> }>
  end (): Promise<void>
}

/** `postgres` (postgres.js). */
export class PostgresJsConnection implements Connection {
  readonly #sql: PostgresJs

  constructor (sql: PostgresJs) {
    this.#sql = sql
  }

  async ask (text: string, values: readonly (string | null)[], { prepared, timeout }: Send): Promise<string[]> {
    const query = this.#sql.unsafe(text, values as never[], { prepare: prepared }) as PendingQuery
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${timeout} ms`))
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

  /** postgres.js listens on a connection of its own and connects it again by itself; what it tells is that it listens anew. */
  async listen (channel: string, hearing: Hearing): Promise<Subscription> {
    let times = 0
    const listening = await this.#sql.listen(channel, payload => { hearing.heard(payload) }, () => {
      if (times++ > 0) hearing.lost(new Error('the connection that listens was made anew'))
      hearing.listening()
    })
    return { close: async () => { await listening.unlisten() } }
  }

  async end (): Promise<void> { await this.#sql.end() }
}
