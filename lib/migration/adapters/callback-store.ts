import { isThenable } from '../../async.ts'
import type { LegacyAdapter, LegacySession, MirroredSession } from '../adapter.ts'

/** The methods of an express-session store that are used: of connect-redis, connect-mongo, @fastify/session's own, … */
export interface CallbackStore {
  // `never`: each library types its own callbacks
  get (id: string, callback: never): unknown
  set (id: string, session: never, callback: never): unknown
  destroy (id: string, callback: never): unknown
  all? (callback: never): unknown
}

/** A record of such a store: the cookie's state, and the data of the app. */
interface Kept {
  readonly cookie?: { readonly expires?: string | null, readonly originalMaxAge?: number | null }
  readonly [key: string]: unknown
}

/** Adapts the callbacks of express-session stores, and of stores with the same interface, to promises. */
export class CallbackRecords implements Pick<LegacyAdapter, 'load' | 'retire' | 'mirror' | 'scan'> {
  readonly #store: CallbackStore
  readonly #rolling: boolean

  /** `rolling`: each request extended the expiry. */
  constructor (store: CallbackStore, options: { readonly rolling: boolean }) {
    this.#store = store
    this.#rolling = options.rolling
  }

  async load (id: string): Promise<LegacySession | null> {
    const kept = await this.#get(id)
    return kept === null ? null : this.#toSession(kept)
  }

  async retire (id: string): Promise<void> {
    await called(done => this.#store.destroy(id, done as never))
  }

  async mirror (id: string, { data, expiresAt }: MirroredSession): Promise<void> {
    const kept = await this.#get(id)
    if (kept === null) return
    const cookie = { ...kept.cookie, expires: kept.cookie?.expires == null ? null : new Date(expiresAt) }
    await called(done => this.#store.set(id, { ...data, cookie } as never, done as never))
  }

  async * scan (): AsyncGenerator<{ credential: string, session: LegacySession }> {
    const found = await called<Kept[] | Record<string, Kept>>(done => this.#store.all?.(done as never))
    // some return a list with the id in each record
    for (const [key, kept] of Object.entries(plain(found ?? []))) {
      const { id = key, ...record } = Array.isArray(found) ? kept : { ...kept, id: key }
      yield { credential: String(id), session: this.#toSession(record) }
    }
  }

  async #get (id: string): Promise<Kept | null> {
    const kept = await called<Kept>(done => this.#store.get(id, done as never)).catch(absent)
    return kept === null ? null : plain(kept)
  }

  #toSession ({ cookie, ...data }: Kept): LegacySession {
    const expires = cookie?.expires == null ? NaN : Date.parse(cookie.expires)
    const expiresAt = Number.isNaN(expires) ? null : expires
    const rolling = this.#rolling && typeof cookie?.originalMaxAge === 'number' ? { rolling: cookie.originalMaxAge } : {}
    return { data, expiresAt, remember: expiresAt !== null, ...rolling }
  }
}

/** Resolves to the result of a store method: stores return it by callback, by promise, or both. */
function called <T> (call: (done: (error?: unknown, value?: T | null) => void) => unknown): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const done = (error?: unknown, value?: T | null): void => {
      if (error === undefined || error === null) resolve(value ?? null)
      else reject(error instanceof Error ? error : new Error('the store failed', { cause: error }))
    }
    const result = call(done)
    if (isThenable(result)) result.then(value => { done(null, value as T) }, done)
  })
}

/** Returns whether an error of a file store means that the record does not exist. */
function absent (error: unknown): null {
  if ((error as { code?: unknown }).code === 'ENOENT') return null
  throw error
}

/** Returns a value as a store that writes JSON would: memory stores return live objects. */
function plain <T> (value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
