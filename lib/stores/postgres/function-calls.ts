import { fromReply, toRequest } from './json.ts'
import type { Server } from './server.ts'
import type { Statements } from './statements.ts'

export type FunctionName = 'create' | 'update' | 'touch' | 'end' | 'cleanup' | 'saveStatistics'

export interface FunctionCallOptions {
  readonly statements: Statements
  /** Milliseconds after which the caller gives an operation up; `null`: never. */
  readonly giveUp: number | null
}

/**
 * Calls the SQL functions that write. Each request has a deadline on the server's clock: a call that waited for a connection or a lock
 * until its caller had given it up changes nothing.
 */
export class FunctionCalls {
  readonly #server: Server
  readonly #options: FunctionCallOptions
  /** What to add to `performance.now()` for the server's clock; never more than that, so that no deadline is too late. */
  #offset = 0

  constructor (server: Server, options: FunctionCallOptions) {
    this.#server = server
    this.#options = options
  }

  /** Returns the server's clock, and learns it. */
  async measure (): Promise<number> {
    const [text] = await this.#server.read(this.#options.statements.clock, [])
    return this.#learn(Number(text))
  }

  /** `unbounded`: no caller waits for it. */
  async call (name: FunctionName, request: object, { unbounded = false } = {}): Promise<unknown> {
    const { statements, giveUp } = this.#options
    const asked = performance.now()
    const send = async (): Promise<unknown> => {
      const deadline = giveUp === null || unbounded ? {} : { deadline: Math.floor(asked + giveUp + this.#offset) }
      const [text = ''] = await this.#server.write(statements[name], [toRequest({ ...request, ...deadline })])
      return fromReply(text)
    }
    let reply = await send()
    if (isLate(reply)) {
      const inTime = performance.now() - asked < (giveUp as number)
      this.#learn(reply[1])
      // the server's clock has leapt
      if (inTime) reply = await send()
    }
    if (isLate(reply)) throw new Error(`the write reached the server more than ${giveUp} ms after it was requested, and was not done`)
    return reply
  }

  #learn (clock: number): number {
    this.#offset = clock - performance.now()
    return clock
  }
}

function isLate (reply: unknown): reply is readonly ['late', number] {
  return Array.isArray(reply) && reply[0] === 'late'
}
