import { deriveKeys } from './keys.ts'
import type { PresentedToken } from './presented-token.ts'
import { decodeToken, deriveSuccessor, encodeToken, hashVerifier, maxGeneration, sameHash } from './token.ts'

/** The successor of a presented token: the same for all parallel requests that present it. */
export interface Successor {
  readonly token: string
  readonly hash: string
}

/** Derives the successors of presented tokens. Neither the store nor a key alone is enough to derive them. */
export class Successors {
  readonly #keys: readonly Buffer[]
  /** When a lost new cookie was sent again, by session id. Its confirmation then takes the same minimum time as that of a new cookie. */
  readonly #resent = new Map<string, number>()

  constructor (secrets: readonly string[], name: string) {
    this.#keys = deriveKeys(secrets, 'successor', name)
  }

  /** Derives the successor with the newest secret; `null` if the text is no token, or has the last generation. */
  next (presented: PresentedToken): Successor | null {
    return presented.generation >= maxGeneration ? null : this.#all(presented)[0] ?? null
  }

  /** Returns the successor whose hash the store has, if one of the configured secrets derives it. */
  matching (presented: PresentedToken, hash: string): Successor | null {
    return this.#all(presented).find(successor => sameHash(successor.hash, hash)) ?? null
  }

  /** Records that a new cookie is sent again. */
  resend (id: string, now: number): void {
    this.#resent.set(id, now)
  }

  /** Returns when that last happened; 0: never. */
  resentAt (id: string): number {
    return this.#resent.get(id) ?? 0
  }

  /** Drops the entries of cookies that were sent again before a time. */
  forget (before: number): void {
    for (const [id, at] of this.#resent) if (at <= before) this.#resent.delete(id)
  }

  #all (presented: PresentedToken): Successor[] {
    const token = decodeToken(presented.token)
    if (token === null) return []
    return this.#keys.map(key => {
      const verifier = deriveSuccessor(key, token)
      return { token: encodeToken({ id: token.id, generation: token.generation + 1, verifier }), hash: hashVerifier(verifier) }
    })
  }
}
