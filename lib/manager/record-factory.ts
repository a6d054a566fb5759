import { encodeData } from '../model/data.ts'
import type { Addresses } from '../model/ip-address.ts'
import { toMethods } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import { cleanAgent, deviceOf } from '../model/user-agent.ts'
import { toUserId } from '../model/user-id.ts'
import { lengthsFor } from '../policy.ts'
import type { Store } from '../store.ts'
import type { Adopted, AdoptedVerifiers } from '../token/credential-verifiers.ts'
import { encodeToken, hashVerifier, issueToken, newId, randomShard, shardOf } from '../token/token.ts'
import type { IssuedToken } from '../token/token.ts'
import type { Settings } from './options.ts'
import type { Clock } from './store-clock.ts'

/** A session to create. */
export interface NewSession {
  /** Omitted or `null`: a guest. A safe integer counts as its decimal form. */
  readonly userId?: string | number | null | undefined
  /** Outlives the browser. Ignored for guests, and with profiles that remember nothing. */
  readonly remember?: boolean | undefined
  /** How the user proved who they are: `password`, `webauthn`, … */
  readonly method?: string | readonly string[] | undefined
  /** JSON, at most 64 KiB. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
  /** The raw address and user-agent header of the request. */
  readonly ip?: string | undefined
  readonly agent?: string | undefined
  /** The browser's own former session: ends as `replaced`, and does not count to the limit. */
  readonly replaces?: string | null
  /** Another library's credential that the session takes over. */
  readonly adopts?: Adopted
}

export interface NewRecordsOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly addresses: Addresses
  readonly adopted: AdoptedVerifiers
}

/** Makes the records of sessions that are to be created. */
export class NewRecords {
  readonly #store: Pick<Store, 'scope'>
  readonly #options: NewRecordsOptions

  constructor (store: Pick<Store, 'scope'>, options: NewRecordsOptions) {
    this.#store = store
    this.#options = options
  }

  /** A record, and the token that only the browser is to have. Throws `FST_SESSION_INVALID_USER_ID`, `FST_SESSION_INVALID_DATA`. */
  newRecord (options: NewSession): { readonly record: SessionRecord, readonly token: string } {
    const { settings, clock, addresses } = this.#options
    const now = clock.now()
    const userId = options.userId === undefined || options.userId === null ? null : toUserId(options.userId)
    const remembered = options.remember === true && userId !== null && settings.remembers
    const ip = addresses.keep(options.ip)
    const agent = cleanAgent(options.agent)
    const lengths = lengthsFor(settings.policy, { userId, remembered }, this.#store.scope === 'process' ? 0 : settings.flush)
    const { adopts } = options
    const absolute = adopts === undefined ? lengths.absolute : Math.min(lengths.absolute, adopts.until - now)
    const { id, hash, token } = adopts === undefined ? issueToken(userId === null ? randomShard() : shardOf(userId), now) : this.#adopting(adopts, userId, now)
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
        authenticatedAt: userId === null || adopts !== undefined ? null : now,
        methods: toMethods(options.method),
        lastSeenAt: now,
        idle: adopts?.idle ?? lengths.idle,
        absoluteAt: now + absolute,
        requests: 0,
        remembered,
        ip,
        agent,
        firstIp: ip,
        firstAgent: agent,
        device: deviceOf(agent),
        name: null,
        data: encodeData(options.data ?? {})
      }
    }
  }

  /** A token that follows from a credential, so that whoever brings it gets the same. */
  #adopting (adopts: Adopted, userId: string | null, now: number): IssuedToken {
    const id = newId(shardOf(userId ?? adopts.credential), now)
    const verifier = this.#options.adopted.of(adopts)
    return { id, hash: hashVerifier(verifier), token: encodeToken({ id, generation: 0, verifier }) }
  }
}
