import { decodeToken, hashVerifier } from './token.ts'

/** A presented token: the session's id, the generation, and the SHA-256 of the verifier. */
export interface Presented {
  readonly id: string
  readonly generation: number
  readonly hash: string
  /**
   * The hash in the store when this token was found to be current. It is compared with the store's current hash: both come from the
   * store, so the time of the comparison reveals nothing.
   */
  readonly accepted?: string | null
}

/** A presented token, ready for validation. `token`: its text, from which the successor is derived. */
export interface PresentedToken extends Presented {
  readonly token: string
  /** The activity entry of its requests. Only the manager reads it: a token that is repeated within a batch costs no lookup. */
  activity?: object | null
}

/** Decodes a token for validation; `null` if the text is no token. */
export function present (token: string): PresentedToken | null {
  const decoded = decodeToken(token)
  return decoded === null ? null : { id: decoded.id, generation: decoded.generation, hash: hashVerifier(decoded.verifier), token }
}
