import { deriveKeys } from './keys.ts'
import type { PresentedToken } from './presented-token.ts'
import { decodeToken, deriveSuccessor, encodeToken, hashVerifier, sameHash } from './token.ts'

/** What comes after a presented token: the same for all requests that present it at once. */
export interface Successor {
  readonly token: string
  readonly hash: string
}

/** The tokens that come after presented ones. Neither the store nor a key alone yields them. */
export class Successors {
  readonly #keys: readonly Buffer[]
  /** When a browser that had lost its new cookie was sent it again, by session id: from here on it needs the time that a new one needs. */
  readonly #resent = new Map<string, number>()

  constructor (secrets: readonly string[], name: string) {
    this.#keys = deriveKeys(secrets, 'successor', name)
  }

  /** Derived with the newest secret; `null` if the text is no token. */
  next (presented: PresentedToken): Successor | null {
    return this.#all(presented)[0] ?? null
  }

  /** The one that the store has the hash of, if one of our secrets made it. */
  matching (presented: PresentedToken, hash: string): Successor | null {
    return this.#all(presented).find(successor => sameHash(successor.hash, hash)) ?? null
  }

  /** A browser is sent its new cookie again. */
  resend (id: string, now: number): void {
    this.#resent.set(id, now)
  }

  /** When that was last; 0: never. */
  resentAt (id: string): number {
    return this.#resent.get(id) ?? 0
  }

  /** What was sent again before that is old enough: forgotten. */
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
