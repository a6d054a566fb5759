import type { Connection } from './connection.ts'

/** Maximum number of concurrent statements. Further ones fail at once, so that a server that hangs does not fill the memory. */
const most = 1000

export interface ServerOptions {
  readonly prepared: boolean
  readonly timeout: number
  readonly warn: (message: string, cause?: unknown) => void
  /** The server responds again after an outage. */
  readonly onReturn: () => void
}

/**
 * Runs statements on the server, bounded in number and time. If a pooler has lost a prepared statement, it is sent again, unprepared. If
 * the connection broke, as in a restart, a read is sent once more.
 */
export class Server {
  readonly #connection: Connection
  readonly #options: ServerOptions
  #prepared: boolean
  #underWay = 0
  #away = false

  constructor (connection: Connection, options: ServerOptions) {
    this.#connection = connection
    this.#options = options
    this.#prepared = options.prepared
  }

  /** Checks whether statements can be prepared. */
  async open (): Promise<void> {
    if (this.#prepared && await this.#connection.losesStatements?.() === true) this.#unprepare()
  }

  /** Runs a statement that changes something. */
  write (text: string, values: readonly (string | null)[]): Promise<string[]> { return this.#ask(text, values, true) }

  /**
   * Runs a statement that only reads. It is sent once more if the connection broke: all idle ones break when a server restarts or fails
   * over.
   */
  async read (text: string, values: readonly (string | null)[], prepared = true): Promise<string[]> {
    const started = performance.now()
    try {
      return await this.#ask(text, values, prepared)
    } catch (error) {
      if (!isAway(error) || performance.now() - started >= this.#options.timeout) throw error
      return this.#ask(text, values, prepared)
    }
  }

  run (text: string): Promise<void> { return this.#connection.run(text) }

  async #ask (text: string, values: readonly (string | null)[], prepared: boolean): Promise<string[]> {
    if (this.#underWay >= most) throw new Error(`${most} statements are waiting for the server`)
    this.#underWay++
    return this.#send(text, values, prepared).then(rows => this.#answered(rows), (error: unknown) => this.#failed(error)).finally(() => {
      this.#underWay--
    })
  }

  #answered (rows: string[]): string[] {
    if (this.#away) {
      this.#away = false
      this.#options.onReturn()
    }
    return rows
  }

  #failed (error: unknown): never {
    this.#away ||= isAway(error)
    throw error
  }

  async #send (text: string, values: readonly (string | null)[], prepared: boolean): Promise<string[]> {
    const { timeout } = this.#options
    try {
      return await this.#connection.query(text, values, { prepared: prepared && this.#prepared, timeout })
    } catch (error) {
      // the pooler's other connection lacks the statement, or has it already: nothing was done
      if (!prepared || (codeOf(error) !== '26000' && codeOf(error) !== '42P05')) throw error
      this.#unprepare(error)
      return this.#connection.query(text, values, { prepared: false, timeout })
    }
  }

  #unprepare (cause?: unknown): void {
    const { warn } = this.#options
    if (this.#prepared) warn('A pooler does not keep prepared statements: sessions go on without. Set `prepared: false`.', cause)
    this.#prepared = false
  }
}

/** Returns the code of an error that the server sent; `undefined` for any other. */
export function codeOf (error: unknown): string | undefined {
  const { code, severity } = error as { readonly code?: string, readonly severity?: string }
  return severity === undefined ? undefined : code
}

/**
 * Returns whether the server sent no reply, or is shutting down: class 08, connections, and 57P, shutdown
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
function isAway (error: unknown): boolean {
  const code = codeOf(error)
  return code === undefined || code.startsWith('08') || code.startsWith('57P')
}
