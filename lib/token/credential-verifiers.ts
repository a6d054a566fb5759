import { deriveKeys } from './keys.ts'
import { deriveAdopted, encodeToken, hashVerifier, sameHash } from './token.ts'

/** A credential of another library: verified, and loaded. */
export interface Adopted {
  readonly credential: string
  /** Whose: `express-session`. */
  readonly source: string
  /** The end of the old session's life, in milliseconds since the epoch: the new one's is never later. `Infinity`: it had none. */
  readonly until: number
  /** From then on the credential is ignored anyway, so that its mark may go. Default `until`. */
  readonly blockedUntil?: number
  /** Instead of the idle time that the policy gives, in milliseconds. */
  readonly idle?: number
}

/** What is looked at of a session that may have adopted a credential. */
export interface AdoptingSession {
  readonly id: string
  readonly generation: number
  readonly hash: string
  readonly previousHash: string | null
}

/** Verifiers that follow from a credential, so that whoever brings it gets the same one on every node. */
export class AdoptedVerifiers {
  readonly #keys: readonly Buffer[]

  constructor ({ secrets, name }: { readonly secrets: readonly string[], readonly name: string }) {
    this.#keys = deriveKeys(secrets, 'adoption', name)
  }

  /** The verifier that a session gets which adopts the credential. */
  of (adopts: Adopted): Buffer {
    return deriveAdopted(this.#keys[0] as Buffer, textOf(adopts))
  }

  /** The token that a session got when it adopted the credential, with whatever secret; `null`: the session has gone on since. */
  tokenOf (session: AdoptingSession, adopts: Adopted): string | null {
    const hash = session.generation === 0 ? session.hash : session.previousHash
    const verifier = this.#keys.map(key => deriveAdopted(key, textOf(adopts))).find(verifier => sameHash(hashVerifier(verifier), hash ?? ''))
    return verifier === undefined ? null : encodeToken({ id: session.id, generation: 0, verifier })
  }
}

/** What the store remembers of a credential. */
export function markOf (adopts: Adopted): { key: string, until: number } {
  return { key: hashVerifier(Buffer.from(textOf(adopts))), until: adopts.blockedUntil ?? adopts.until }
}

/** What names a credential among all libraries'. */
function textOf ({ source, credential }: Adopted): string {
  return `${source}\0${credential}`
}
