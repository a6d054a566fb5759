import { yieldToEventLoop } from '../async.ts'
import { SessionError } from '../errors.ts'
import type { MessageSigner } from '../token/message-signer.ts'

/** The result of one step. */
export interface Step {
  /** The store's cursor in the part; `null` at its end. */
  readonly cursor: string | null
  /** Whether the call has enough results. */
  readonly enough: boolean
}

/** Maximum number of steps of one call. If few sessions match, a page is short, not slow. */
const stepsPerCall = 10

/**
 * Steps through the parts of a query, each with the store's own cursors. The cursor that clients receive is signed: `[part, cursor]`, valid
 * for one context only.
 */
export class SignedCursor {
  readonly #signer: MessageSigner

  constructor (signer: MessageSigner) {
    this.#signer = signer
  }

  /**
   * Takes steps from a cursor (`null`: the start) until a step says that it is enough. Returns the next cursor, or `null` at the end of
   * the last part. Throws `FST_SESSION_INVALID_CURSOR`.
   */
  async advance <Part> (
    parts: readonly Part[],
    from: { readonly cursor: string | null, readonly context: string },
    step: (part: Part, cursor: string | null) => Promise<Step>
  ): Promise<string | null> {
    let [part, cursor] = this.#read(from.cursor, from.context)
    for (let steps = 0, enough = false; steps < stepsPerCall && !enough; steps++) {
      ({ cursor, enough } = await step(parts[part] as Part, cursor))
      if (cursor === null && ++part === parts.length) return null
      if (!enough) await yieldToEventLoop()
    }
    return this.#signer.sign(JSON.stringify([part, cursor]), from.context)
  }

  #read (text: string | null, context: string): [part: number, cursor: string | null] {
    if (text === null) return [0, null]
    const value = this.#signer.verify(text, context)
    if (value === null) throw new SessionError('FST_SESSION_INVALID_CURSOR')
    return JSON.parse(value) as [number, string | null]
  }
}
