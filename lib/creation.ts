import type { Addresses } from './address.ts'
import { cleanAgent, deviceOf } from './agent.ts'
import type { Announcer } from './announcer.ts'
import type { Clock } from './clock.ts'
import { encodeData } from './data.ts'
import { whyOf } from './ender.ts'
import type { EndOptions, Ender } from './ender.ts'
import { SessionError, endedError, isUnavailable } from './errors.ts'
import type { Events } from './events.ts'
import { deriveKeys } from './keys.ts'
import type { PendingEnds } from './pending.ts'
import { lengthsFor, mayJoin } from './policy.ts'
import type { Lengths } from './policy.ts'
import { hasEnded, toMethods } from './record.ts'
import type { EndedSession, SessionRecord } from './record.ts'
import type { Settings } from './settings.ts'
import type { Created, CreateOptions, Store } from './store.ts'
import { blockIdOf, deriveAdopted, encodeToken, hashVerifier, newId, newVerifier, randomShard, sameHash, shardOf } from './token.ts'
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

/** A created session, with the one token that opens it. */
export interface NewSessionResult {
  readonly session: SessionRecord
  /** 68 characters, to be signed and given to the browser; nobody else ever sees it. */
  readonly token: string
  /** What made room for it, or was replaced. */
  readonly ended: readonly EndedSession[]
  /** Its credential was adopted before: the session existed. */
  readonly joined: boolean
}

export interface CreatorOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly events: Events
  readonly announcer: Announcer
  readonly addresses: Addresses
  readonly pending: PendingEnds
  readonly ender: Ender
}

/** Makes sessions, and what keeps other libraries' credentials from making them. */
export class Creator {
  readonly #store: Store
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #events: Events
  readonly #announcer: Announcer
  readonly #addresses: Addresses
  readonly #pending: PendingEnds
  readonly #ender: Ender
  readonly #adoptionKeys: readonly Buffer[]

  constructor (store: Store, { settings, clock, events, announcer, addresses, pending, ender }: CreatorOptions) {
    this.#store = store
    this.#settings = settings
    this.#clock = clock
    this.#events = events
    this.#announcer = announcer
    this.#addresses = addresses
    this.#pending = pending
    this.#ender = ender
    this.#adoptionKeys = deriveKeys(settings.secrets, 'adoption', settings.name)
  }

  /** Creates a session, in one step with the limit. */
  async create (options: NewSession): Promise<NewSessionResult> {
    const { record, verifier } = this.#newRecord(options)
    const { adopts } = options
    const created = await this.#create(record, {
      at: this.#clock.now(),
      limit: await this.#limitOf(record.userId),
      replaces: options.replaces ?? null,
      adopts: adopts === undefined ? null : markOf(adopts)
    })
    return this.#created(created, record, verifier, options)
  }

  /** From now on a credential opens nothing, adopted or not: a session that it opened ends. */
  async block (adopts: Adopted, options: EndOptions & { readonly userId: string | number | null }): Promise<void> {
    const { record } = this.#newRecord({ userId: options.userId, adopts })
    const created = await this.#store.create(record, { at: this.#clock.now(), limit: null, replaces: null, adopts: markOf(adopts) })
    if (created.status === 'created') await this.#store.end({ ids: [record.id] }, whyOf(options))
    else if (created.status === 'adopted' && created.session !== null && !hasEnded(created.session)) await this.#ender.endSurely([created.session.id], options)
  }

  /** As `block`, for every credential of a user. What says so is a guest of the user's own, which nobody can open. */
  async blockUser (userId: string, until: number): Promise<void> {
    const id = blockIdOf(userId)
    await this.#store.end({ ids: [id] }, { reason: 'replaced', by: null })
    const now = this.#clock.now()
    const { record } = this.#newRecord({})
    await this.#store.create({ ...record, id, name: 'Signed out everywhere', idle: until - now, absoluteAt: until }, { at: now, limit: null, replaces: null, adopts: null })
  }

  /** Since when they are blocked; `null`: they are not. */
  async blockedAt (userId: string): Promise<number | null> {
    const found = await this.#store.read(blockIdOf(userId))
    return found === null || hasEnded(found) ? null : found.createdAt
  }

  #newRecord (options: NewSession): { record: SessionRecord, verifier: Buffer } {
    const now = this.#clock.now()
    const userId = options.userId === undefined || options.userId === null ? null : toUserId(options.userId)
    const remembered = options.remember === true && userId !== null && this.#settings.remembers
    const ip = this.#addresses.keep(options.ip)
    const agent = cleanAgent(options.agent)
    const lengths = storedLengths(this.#settings, this.#store, { userId, remembered })
    const { adopts } = options
    const verifier = adopts === undefined ? newVerifier() : this.#adoptedVerifiers(adopts)[0] as Buffer
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

  /** A sign-in that was not answered may still have happened: then nobody has its token, and it must not stay. */
  async #create (record: SessionRecord, options: CreateOptions): Promise<Created> {
    try {
      return await this.#store.create(record, options)
    } catch (error) {
      // a credential's next request gets what the first one made
      if (options.adopts === null && isUnavailable(error)) this.#pending.add([record.id], { reason: 'revoked', by: 'rollback' })
      throw error
    }
  }

  #created (created: Created, wanted: SessionRecord, verifier: Buffer, options: NewSession): NewSessionResult {
    const at = this.#clock.now()
    switch (created.status) {
      case 'created': {
        const { record, ended } = created
        this.#announcer.ended(ended)
        const base = { at, id: record.id, userId: record.userId }
        this.#events.emit({ type: 'created', ...base, methods: record.methods, remembered: record.remembered, ip: record.ip, device: record.device })
        if (options.adopts !== undefined) this.#events.emit({ type: 'adopted', ...base, source: options.adopts.source })
        return { session: record, token: encodeToken({ id: record.id, generation: 0, verifier }), ended, joined: false }
      }
      case 'adopted': {
        const { session } = created
        if (session === null || hasEnded(session)) throw endedError(session?.reason ?? 'logout')
        const refused = this.#pending.reasonFor(session.id)
        if (refused !== undefined) throw endedError(refused)
        return { session, token: this.#joinToken(session, options.adopts as Adopted, at), ended: [], joined: true }
      }
      case 'refused':
        this.#events.emit({ type: 'limit-refused', at, id: null, userId: wanted.userId, max: created.live.length })
        throw new SessionError('FST_SESSION_LIMIT_REACHED')
      case 'full': throw new SessionError('FST_SESSION_STORE_FULL')
      case 'exists': throw new SessionError('FST_SESSION_STORE_UNAVAILABLE', { cause: new Error('an id was used twice') })
    }
  }

  /** The token for a browser that brings an adopted credential again. Its first requests go in parallel, so that it is not alone. */
  #joinToken (session: SessionRecord, adopts: Adopted, now: number): string {
    const verifier = this.#adoptedVerifiers(adopts).find(verifier => sameHash(hashVerifier(verifier), (session.generation === 0 ? session.hash : session.previousHash) ?? ''))
    if (verifier === undefined || !mayJoin(this.#settings.policy, session, now)) throw endedError('superseded')
    return encodeToken({ id: session.id, generation: 0, verifier })
  }

  #adoptedVerifiers (adopts: Adopted): Buffer[] {
    return this.#adoptionKeys.map(key => deriveAdopted(key, textOf(adopts)))
  }

  async #limitOf (userId: string | null): Promise<{ max: number, onLimit: 'oldest' | 'idle' | 'reject' } | null> {
    if (userId === null) return null
    const { limit } = this.#settings
    const max = await limit.max(userId)
    return max === Infinity ? null : { max, onLimit: limit.onLimit }
  }
}

/** What the store is told of a session's lengths: an idle time that leaves room for activity that another node has not written yet. */
export function storedLengths (settings: Settings, store: Pick<Store, 'scope'>, session: { readonly userId: string | null, readonly remembered: boolean }): Lengths {
  const { idle, absolute } = lengthsFor(settings.policy, session)
  return { idle: idle + (store.scope === 'process' ? 0 : settings.flush), absolute }
}

function markOf (adopts: Adopted): { key: string, until: number } {
  return { key: hashVerifier(Buffer.from(textOf(adopts))), until: adopts.blockedUntil ?? adopts.until }
}

/** What names a credential among all libraries'. */
function textOf ({ source, credential }: Adopted): string {
  return `${source}\0${credential}`
}
