import type { Addresses } from './address.ts'
import type { Adopted, AdoptedVerifiers } from './adopted.ts'
import { cleanAgent, deviceOf } from './agent.ts'
import type { Clock } from './clock.ts'
import { encodeData } from './data.ts'
import { storedLengths } from './lengths.ts'
import { toMethods } from './record.ts'
import type { SessionRecord } from './record.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import { hashVerifier, newId, newVerifier, randomShard, shardOf } from './token.ts'
import { toUserId } from './user.ts'

/** A session to create. */
export interface NewSession {
  /** Omitted or `null`: a guest. A safe integer counts as its decimal form. */
  readonly userId?: string | number | null
  /** Outlives the browser. Ignored for guests, and with profiles that remember nothing. */
  readonly remember?: boolean
  /** How the user proved who they are: `password`, `webauthn`, … */
  readonly method?: string | readonly string[]
  /** JSON, at most 64 KiB. */
  readonly data?: Readonly<Record<string, unknown>>
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

  /** A record, and the verifier that only the browser is to have. Throws `FST_SESSION_INVALID_USER_ID`, `FST_SESSION_INVALID_DATA`. */
  newRecord (options: NewSession): { readonly record: SessionRecord, readonly verifier: Buffer } {
    const { settings, clock, addresses, adopted } = this.#options
    const now = clock.now()
    const userId = options.userId === undefined || options.userId === null ? null : toUserId(options.userId)
    const remembered = options.remember === true && userId !== null && settings.remembers
    const ip = addresses.keep(options.ip)
    const agent = cleanAgent(options.agent)
    const lengths = storedLengths(settings, this.#store, { userId, remembered })
    const { adopts } = options
    const verifier = adopts === undefined ? newVerifier() : adopted.of(adopts)
    const absolute = adopts === undefined ? lengths.absolute : Math.min(lengths.absolute, adopts.until - now)
    const shard = userId !== null ? shardOf(userId) : adopts === undefined ? randomShard() : shardOf(adopts.credential)
    return {
      verifier,
      record: {
        id: newId(shard, now),
        userId,
        generation: 0,
        hash: hashVerifier(verifier),
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
}
