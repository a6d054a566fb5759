import { decodeToken, hashVerifier } from './token.ts'

/** What a browser presents: whose, which generation, and the SHA-256 of the verifier. */
export interface Presented {
  readonly id: string
  readonly generation: number
  readonly hash: string
  /**
   * What the store had for the hash when this very token was found to be the current one. It is compared with what the store has now: both
   * sides are the store's own, so that how long it takes tells nobody anything.
   */
  readonly accepted?: string | null
}

/** A presented token, ready to be judged. `token`: its text, for the verifier that comes after it. */
export interface PresentedToken extends Presented {
  readonly token: string
  /** What its requests were last recorded in. Only the manager looks at it: a token that comes again within a batch costs no look-up. */
  activity?: object | null
}

/** What a token presents, to be validated; `null` if it is none. */
export function present (token: string): PresentedToken | null {
  const decoded = decodeToken(token)
  return decoded === null ? null : { id: decoded.id, generation: decoded.generation, hash: hashVerifier(decoded.verifier), token }
}
