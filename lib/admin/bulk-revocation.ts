import { turn } from '../async.ts'
import { SessionError } from '../errors.ts'
import type { SessionManager } from '../manager/manager.ts'
import { compileFilter } from '../model/filter.ts'
import type { Filter } from '../model/filter.ts'
import type { SessionRecord } from '../model/record.ts'
import { deriveKeys } from '../token/keys.ts'
import { Seal } from '../token/message-signer.ts'
import { canonicalQuery } from './query.ts'
import type { Query } from './query.ts'
import type { Oversight } from './search.ts'

/** What a filter would end. */
export interface RevocationPreview {
  /** How many match now. Advisory: sessions come and go until the run. */
  readonly count: number
  /** The newest ten of them. */
  readonly sample: readonly SessionRecord[]
  /** What the run asks for: good for this filter and actor, and for sessions created up to now, for ten minutes. */
  readonly token: string
  /** The actor's own session matches, and will be left. */
  readonly spared: boolean
}

/** Who revokes. */
export interface Revoker {
  /** Goes into each ended session; `null` if nobody can say. */
  readonly by: string | null
  /** The actor's own session: left alive, so that a run over everything does not lock its actor out half-way. */
  readonly own: SessionRecord | null
}

const tokenLife = 600_000
const stepSize = 500
/** One call ends about so many, in at most so many steps. */
const perCall = 1000
const stepsPerCall = 10

/** Ends sessions by filter in two calls: a preview, whose token binds the run to filter, actor and moment, and the run, in bounded steps until nothing is left. */
export class Revocation {
  readonly #manager: SessionManager
  readonly #oversight: Oversight
  readonly #seal: Seal

  constructor (manager: SessionManager, oversight: Oversight) {
    this.#manager = manager
    this.#oversight = oversight
    const { secrets, name } = manager.settings
    this.#seal = new Seal(deriveKeys(secrets, 'confirmation', name))
  }

  /** Changes nothing. */
  async preview (query: Query, { by, own }: Revoker): Promise<RevocationPreview> {
    const at = this.#manager.now()
    const count = await this.#oversight.count(query)
    const { items } = await this.#oversight.list(query, { limit: 11, cursor: null, order: 'newest' })
    const spared = own !== null && compileFilter(query.filter)(own)
    return {
      count: count - Number(spared),
      sample: (items as SessionRecord[]).filter(({ id }) => id !== own?.id).slice(0, 10),
      token: this.#seal.seal(String(at), contextOf(query, by)),
      spared
    }
  }

  /**
   * Ends what matches, up to about a thousand; go on with `cursor` until it is null. Throws `FST_SESSION_CONFIRMATION_REQUIRED`,
   * `FST_SESSION_INVALID_CONFIRMATION` and `FST_SESSION_INVALID_CURSOR`.
   */
  async run (query: Query, confirmation: { readonly token: string | undefined, readonly cursor: string | null }, revoker: Revoker): Promise<{ readonly processed: number, readonly cursor: string | null }> {
    const { token } = confirmation
    if (token === undefined) throw new SessionError('FST_SESSION_CONFIRMATION_REQUIRED')
    this.#oversight.check(query)
    const at = Number(this.#seal.open(token, contextOf(query, revoker.by)) ?? NaN)
    if (!(this.#manager.now() - at < tokenLife)) throw new SessionError('FST_SESSION_INVALID_CONFIRMATION')
    const parts = partsOf({ ...query.filter, createdBefore: Math.min(query.filter.createdBefore ?? Infinity, at + 1) }, revoker.own)
    let [part, cursor] = this.#read(confirmation.cursor, token)
    let processed = 0
    for (let step = 0; step < stepsPerCall && processed < perCall; step++) {
      const done = await this.#step(parts[part] as Filter, cursor, { ...revoker, own: part === 1 ? revoker.own : null })
      processed += done.processed
      cursor = done.cursor
      if (cursor === null && ++part === parts.length) return { processed, cursor: null }
      await turn()
    }
    return { processed, cursor: this.#seal.seal(JSON.stringify([part, cursor]), token) }
  }

  async #step (filter: Filter, cursor: string | null, { by, own }: Revoker): Promise<{ readonly processed: number, readonly cursor: string | null }> {
    const options = by === null ? {} : { by }
    if (own === null) {
      const step = await this.#manager.revokeWhere(filter, { limit: stepSize, cursor, ...options })
      return { processed: step.ended.length, cursor: step.cursor }
    }
    const page = await this.#manager.list(filter, { limit: stepSize, cursor, order: 'oldest' })
    const ended = await this.#manager.endMany(page.items.flatMap(({ id }) => id === own.id ? [] : id), options)
    return { processed: ended.length, cursor: page.cursor }
  }

  #read (sealed: string | null, token: string): [part: number, cursor: string | null] {
    if (sealed === null) return [0, null]
    const value = this.#seal.open(sealed, token)
    if (value === null) throw new SessionError('FST_SESSION_INVALID_CURSOR')
    return JSON.parse(value) as [number, string | null]
  }
}

function contextOf (query: Query, by: string | null): string {
  return JSON.stringify([by, canonicalQuery(query)])
}

/** Everything; or what was created before the own session, with it in the same millisecond, and after it: only of the few in the middle need each be looked at. */
function partsOf (filter: Filter, own: SessionRecord | null): Filter[] {
  if (own === null) return [filter]
  const { createdAfter = -Infinity, createdBefore = Infinity } = filter
  const { createdAt } = own
  return [
    { ...filter, createdBefore: Math.min(createdBefore, createdAt) },
    { ...filter, createdAfter: Math.max(createdAfter, createdAt), createdBefore: Math.min(createdBefore, createdAt + 1) },
    { ...filter, createdAfter: Math.max(createdAfter, createdAt + 1) }
  ]
}
