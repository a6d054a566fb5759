import type { Presented } from './policy.ts'
import { decodeToken, hashVerifier } from './token.ts'

/** A presented token, ready to be judged. `token`: its text, for the verifier that comes after it. */
export interface PresentedToken extends Presented {
  readonly token: string
}

/** What a token presents, to be validated; `null` if it is none. */
export function present (token: string): PresentedToken | null {
  const decoded = decodeToken(token)
  return decoded === null ? null : { id: decoded.id, generation: decoded.generation, hash: hashVerifier(decoded.verifier), token }
}
