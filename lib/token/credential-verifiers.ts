import { deriveKeys } from './keys.ts'
import { deriveAdopted, encodeToken, hashVerifier, sameHash } from './token.ts'

/** A verified credential of another library, with its session. */
export interface AdoptedCredential {
  readonly credential: string
  /** The library: `express-session`. */
  readonly source: string
  /** When the legacy session expires, in milliseconds since the epoch; the new session expires no later. `Infinity`: never. */
  readonly until: number
  /** From then on the credential is ignored, so the store may delete its mark. Default `until`. */
  readonly blockedUntil?: number
  /** Overrides the idle timeout of the policy, in milliseconds. */
  readonly idleTimeout?: number
}

/** The fields of a session that show whether it adopted a credential. */
export interface AdoptingSession {
  readonly id: string
  readonly generation: number
  readonly hash: string
  readonly previousHash: string | null
}

/** Derives verifiers from credentials, so that each request with a credential gets the same verifier on every node. */
export class CredentialVerifiers {
  readonly #keys: readonly Buffer[]

  constructor ({ secrets, name }: { readonly secrets: readonly string[], readonly name: string }) {
    this.#keys = deriveKeys(secrets, 'adoption', name)
  }

  /** Returns the verifier for a session that adopts the credential. */
  verifierFor (adopts: AdoptedCredential): Buffer {
    return deriveAdopted(this.#keys[0] as Buffer, textOf(adopts))
  }

  /** Returns the token that a session got when it adopted the credential, under any configured secret; `null` if it has rotated since. */
  tokenFor (session: AdoptingSession, adopts: AdoptedCredential): string | null {
    const hash = session.generation === 0 ? session.hash : session.previousHash
    const verifiers = this.#keys.map(key => deriveAdopted(key, textOf(adopts)))
    const verifier = verifiers.find(verifier => sameHash(hashVerifier(verifier), hash ?? ''))
    return verifier === undefined ? null : encodeToken({ id: session.id, generation: 0, verifier })
  }
}

/** Returns the mark that the store records for a credential. */
export function adoptionKeyOf (adopts: AdoptedCredential): { key: string, until: number } {
  return { key: hashVerifier(Buffer.from(textOf(adopts))), until: adopts.blockedUntil ?? adopts.until }
}

/** Returns a text that is unique among the credentials of all libraries. */
function textOf ({ source, credential }: AdoptedCredential): string {
  return `${source}\0${credential}`
}
