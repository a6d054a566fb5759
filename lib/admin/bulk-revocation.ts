import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import { compileFilter } from '../model/filter.ts'
import type { Filter } from '../model/filter.ts'
import type { SessionRecord } from '../model/record.ts'
import { deriveKeys } from '../token/keys.ts'
import { MessageSigner } from '../token/message-signer.ts'
import { canonicalQuery } from './query.ts'
import type { Query } from './query.ts'
import type { SessionSearch } from './search.ts'
import { SignedCursor } from './signed-cursor.ts'

/** The preview of a revocation by filter. */
export interface RevocationPreview {
  /** Number of matches now. It can change until the run. */
  readonly count: number
  /** The newest ten matches. */
  readonly sample: readonly SessionRecord[]
  /** The run requires it. Valid for ten minutes, for this filter and actor, and for sessions created before the preview. */
  readonly token: string
  /** Whether the actor's own session matches. The run excludes it. */
  readonly ownSessionKept: boolean
}

/** The token of the preview, and the cursor of the previous call. */
export interface RevocationConfirmation {
  readonly token: string | undefined
  readonly cursor: string | null
}

/** The result of one call. */
export interface RevocationStep {
  readonly revoked: number
  /** Cursor for the next call; `null`: no match is left. */
  readonly cursor: string | null
}

/** The actor of a revocation. */
export interface Actor {
  /** Stored in each ended session; `null` if unknown. */
  readonly by: string | null
  /** The actor's own session. It stays live, so that a revocation of all sessions does not lock its actor out half-way. */
  readonly ownSession: SessionRecord | null
}

const tokenLife = 600_000
const stepSize = 500
/** Approximate number of sessions that one call ends. */
const perCall = 1000

/**
 * Ends sessions by filter in two calls: a preview, whose token binds the run to its filter, actor and time; and the run, in bounded steps
 * until the cursor is `null`.
 */
export class BulkRevocation {
  readonly #manager: SessionManager
  readonly #search: SessionSearch
  readonly #signer: MessageSigner
  readonly #cursor: SignedCursor

  constructor (manager: SessionManager, search: SessionSearch) {
    this.#manager = manager
    this.#search = search
    const { secrets, name } = manager.settings
    this.#signer = new MessageSigner(deriveKeys(secrets, 'confirmation', name))
    this.#cursor = new SignedCursor(this.#signer)
  }

  /** Returns the preview. Changes nothing. */
  async preview (query: Query, { by, ownSession: own }: Actor): Promise<RevocationPreview> {
    const at = this.#manager.now()
    const count = await this.#search.count(query)
    const { items } = await this.#search.list(query, { limit: 11, cursor: null, order: 'newest' })
    const ownSessionKept = own !== null && compileFilter(query.filter)(own)
    return {
      count: count - Number(ownSessionKept),
      sample: (items as SessionRecord[]).filter(({ id }) => id !== own?.id).slice(0, 10),
      token: this.#signer.sign(String(at), contextOf(query, by)),
      ownSessionKept
    }
  }

  /**
   * Ends up to about a thousand matches. Call again with `cursor` until it is null. Throws `FST_SESSION_CONFIRMATION_REQUIRED`,
   * `FST_SESSION_INVALID_CONFIRMATION` and `FST_SESSION_INVALID_CURSOR`.
   */
  async run (query: Query, confirmation: RevocationConfirmation, actor: Actor): Promise<RevocationStep> {
    const { token, cursor } = confirmation
    if (token === undefined) throw new SessionError('FST_SESSION_CONFIRMATION_REQUIRED')
    this.#search.check(query)
    const at = Number(this.#signer.verify(token, contextOf(query, actor.by)) ?? NaN)
    if (!(this.#manager.now() - at < tokenLife)) throw new SessionError('FST_SESSION_INVALID_CONFIRMATION')
    const filter = { ...query.filter, createdBefore: Math.min(query.filter.createdBefore ?? Infinity, at + 1) }
    const parts = aroundOwnSession(filter, actor.ownSession)
    let revoked = 0
    const next = await this.#cursor.advance(parts, { cursor, context: token }, async (part, cursor) => {
      const step = await this.#step(part, cursor, actor.by)
      revoked += step.revoked
      return { cursor: step.cursor, enough: revoked >= perCall }
    })
    return { revoked, cursor: next }
  }

  async #step ({ filter, except }: RevocationPart, cursor: string | null, by: string | null): Promise<RevocationStep> {
    const options = by === null ? {} : { by }
    if (except === null) {
      const step = await this.#manager.revokeWhere(filter, { limit: stepSize, cursor, ...options })
      return { revoked: step.ended.length, cursor: step.cursor }
    }
    const page = await this.#manager.list(filter, { limit: stepSize, cursor, order: 'oldest' })
    const ended = await this.#manager.revokeMany(page.items.flatMap(({ id }) => id === except ? [] : id), options)
    return { revoked: ended.length, cursor: page.cursor }
  }
}

function contextOf (query: Query, by: string | null): string {
  return JSON.stringify([by, canonicalQuery(query)])
}

/** One filter of a run. */
interface RevocationPart {
  readonly filter: Filter
  /** The id of a session that stays live. */
  readonly except: string | null
}

/**
 * Returns the filter; or, to exclude the actor's own session, three filters: sessions created before it, in the same millisecond, and after
 * it. Only the few sessions of that millisecond must be listed.
 */
function aroundOwnSession (filter: Filter, own: SessionRecord | null): RevocationPart[] {
  if (own === null) return [{ filter, except: null }]
  const { createdAfter = -Infinity, createdBefore = Infinity } = filter
  const { id, createdAt } = own
  const then = { createdAfter: Math.max(createdAfter, createdAt), createdBefore: Math.min(createdBefore, createdAt + 1) }
  return [
    { filter: { ...filter, createdBefore: Math.min(createdBefore, createdAt) }, except: null },
    { filter: { ...filter, ...then }, except: id },
    { filter: { ...filter, createdAfter: Math.max(createdAfter, createdAt + 1) }, except: null }
  ]
}
