import type { Server } from './server.ts'
import type { Statements } from './statements.ts'

/** Maximum number of ids that one statement reads. */
const most = 200

interface Question {
  readonly id: string
  readonly resolve: (text: string) => void
  readonly reject: (cause: unknown) => void
}

/**
 * Reads single ids. Reads within one turn of the event loop share one statement: the busier a process is, the less each of its reads costs,
 * here and in the server. No read joins a statement that was sent before it, so no result is older than its read.
 */
export class ReadBatcher {
  readonly #server: Server
  readonly #statements: Statements
  #waiting: Question[] = []

  constructor (server: Server, statements: Statements) {
    this.#server = server
    this.#statements = statements
  }

  /** Returns the text of the record of an id. The text must be an id (`isId`), because it becomes part of an array's text unescaped. */
  read (id: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ id, resolve, reject }) === 1) setImmediate(() => { this.#send() })
    })
  }

  #send (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (let at = 0; at < waiting.length; at += most) void this.#ask(waiting.slice(at, at + most))
  }

  async #ask (questions: readonly Question[]): Promise<void> {
    const ids = questions.map(({ id }) => id)
    try {
      const rows = await this.#server.read(...this.#statementFor(ids))
      for (const [i, { resolve }] of questions.entries()) resolve(rows[i] as string)
    } catch (error) {
      for (const { reject } of questions) reject(error)
    }
  }

  #statementFor (ids: readonly string[]): [text: string, values: readonly string[]] {
    // one id needs no array and no order
    return ids.length === 1 ? [this.#statements.read, ids] : [this.#statements.reads, [`{${ids.join(',')}}`]]
  }
}
