import { encodeData } from '../model/data.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import { namedMethods } from '../model/record.ts'
import type { EncodedData, SessionRecord } from '../model/record.ts'
import { deviceOf, sanitizeUserAgent } from '../model/user-agent.ts'
import { toUserId } from '../model/user-id.ts'
import type { UserId } from '../model/user-id.ts'
import { lifetimeFor } from '../policy.ts'
import type { Lifetime } from '../policy.ts'
import type { AdoptedCredential, CredentialVerifiers } from '../token/credential-verifiers.ts'
import { encodeToken, hashVerifier, issueToken, newId, randomShard, shardOf } from '../token/token.ts'
import type { IssuedToken } from '../token/token.ts'
import type { ResolvedOptions } from './options.ts'
import type { ManagerResources } from './resources.ts'
import type { StoreClock } from './store-clock.ts'

/** A session to create. */
export interface NewSession {
  /** Omitted or `null`: a guest. A safe integer counts as its decimal form. */
  readonly userId?: UserId | null | undefined
  /** The session is persistent. Ignored for guests, and with NIST profiles that do not allow it. */
  readonly remember?: boolean | undefined
  /** How the user authenticated: `password`, `webauthn`, … */
  readonly method?: string | readonly string[] | undefined
  /** JSON, at most 64 KiB. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  /** @internal The data as it is stored, of a checked size, in place of `data`. */
  readonly encodedData?: EncodedData | undefined
  /** The raw address and user-agent header of the request. */
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
  /** The browser's previous session: it ends as `replaced`, and does not count towards `maxSessions`. */
  readonly replaces?: string | null
  /** @internal The session that the new one continues without an authentication: proof of authentication and deadlines stay. */
  readonly continues?: SessionRecord | undefined
  /** A legacy credential that the session adopts. */
  readonly adopts?: AdoptedCredential
}

/** A record to be stored, and the token that only the browser receives. */
export interface IssuedSession {
  readonly record: SessionRecord
  readonly token: string
}

/** Makes the records of new sessions. */
export class RecordFactory {
  readonly #options: ResolvedOptions
  readonly #clock: StoreClock
  readonly #anonymizer: IpAnonymizer
  readonly #credentials: CredentialVerifiers
  readonly #slack: number

  constructor ({ options, clock, store, anonymizer, credentials }: ManagerResources) {
    this.#options = options
    this.#clock = clock
    this.#anonymizer = anonymizer
    this.#credentials = credentials
    // another instance may have activity that it has not written yet
    this.#slack = store.scope === 'process' ? 0 : options.flushInterval
  }

  /** Returns a record and its token. Throws `FST_SESSION_INVALID_USER_ID`, `FST_SESSION_INVALID_DATA`, `FST_SESSION_DATA_TOO_LARGE`. */
  create (session: NewSession): IssuedSession {
    const now = this.#clock.now()
    const userId = session.userId === undefined || session.userId === null ? null : toUserId(session.userId)
    const remembered = session.remember === true && userId !== null && this.#options.remembers
    const ip = this.#anonymizer.apply(session.ip)
    const userAgent = sanitizeUserAgent(session.userAgent)
    const { idleTimeout, absoluteTimeout } = this.lifetimeOf({ userId, remembered })
    const { adopts, continues } = session
    const { id, hash, token } = adopts === undefined ? issueToken(shardFor(userId), now) : this.#adopt(adopts, userId, now)
    return {
      token,
      record: {
        id,
        userId,
        generation: 0,
        hash,
        previousHash: null,
        rotatedAt: now,
        confirmedAt: null,
        createdAt: now,
        authenticatedAt: continues === undefined ? (userId === null || adopts !== undefined ? null : now) : continues.authenticatedAt,
        methods: continues?.methods ?? namedMethods(session.method),
        lastSeenAt: now,
        idleTimeout: continues?.idleTimeout ?? adopts?.idleTimeout ?? idleTimeout,
        absoluteExpiresAt: continues?.absoluteExpiresAt ?? now + Math.min(absoluteTimeout, (adopts?.until ?? Infinity) - now),
        requestCount: 0,
        remembered,
        ip,
        userAgent,
        firstIp: ip,
        firstUserAgent: userAgent,
        device: deviceOf(userAgent),
        deviceName: continues?.deviceName ?? null,
        data: session.encodedData ?? encodeData(session.data ?? {})
      }
    }
  }

  /** Returns the timeouts that the policy gives a session, as the store must have them. */
  lifetimeOf (session: Pick<SessionRecord, 'userId' | 'remembered'>): Lifetime {
    return lifetimeFor(this.#options.policy, session, this.#slack)
  }

  /** Derives the token from the credential, so that every request that presents the credential gets the same one. */
  #adopt (adopts: AdoptedCredential, userId: string | null, now: number): IssuedToken {
    const id = newId(shardOf(userId ?? adopts.credential), now)
    const verifier = this.#credentials.verifierFor(adopts)
    return { id, hash: hashVerifier(verifier), token: encodeToken({ id, generation: 0, verifier }) }
  }
}

function shardFor (userId: string | null): number {
  return userId === null ? randomShard() : shardOf(userId)
}
