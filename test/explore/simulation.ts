import { SessionManager } from '../../lib/manager/manager.ts'
import { Rejection, Rotation } from '../../lib/manager/validation-result.ts'
import type { Validation } from '../../lib/manager/validation-result.ts'
import { hasEnded } from '../../lib/model/record.ts'
import type { SessionRecord } from '../../lib/model/record.ts'
import type { Store } from '../../lib/store.ts'
import { memoryStore } from '../../lib/stores/memory.ts'
import type { TestEnvironment } from '../../lib/testing/index.ts'
import type { PresentedToken } from '../../lib/token/presented-token.ts'
import { decodeToken, hashVerifier } from '../../lib/token/token.ts'
import { Monitor } from './invariants.ts'
import { Scheduler } from './scheduler.ts'
import { ObservedStore, SteppedStore } from './stepped-store.ts'
import { Feed, HeardStore, ToldStore } from './subscription.ts'
import type { Line } from './subscription.ts'

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const limit = 2

/** A store with a bug, around a good one. */
export type Plant = (store: Store, shared: Map<string, unknown>) => Store

export interface WorldOptions {
  readonly environment: TestEnvironment
  /** The environment's store of each node. */
  readonly stores: readonly Store[]
  readonly user: string
  /** Each node's stream, if nodes keep copies. */
  readonly lines?: readonly Line[]
  readonly plant?: Plant
  readonly skewed?: boolean
  readonly faulty?: boolean
  /** What stands between a node and its place: faults. */
  readonly between?: (store: Store, scheduler: Scheduler, node: number) => Store
  /** Milliseconds that each node's clock is off. */
  readonly skews?: readonly number[]
}

/** One browser of one user, two nodes, and the place where they keep sessions. */
export class World {
  readonly scheduler = new Scheduler()
  readonly monitor: Monitor
  readonly managers: readonly SessionManager[]
  /** What each node is told, if nodes keep copies. */
  readonly feeds: readonly Feed[]
  readonly user: string
  readonly environment: TestEnvironment
  /** The session that everything is about, and the user's other one. */
  id = ''
  otherId = ''
  /** What the browser has, and what it had before. */
  token = ''
  oldToken = ''
  /** How far a clock moves when it does. */
  passes = 30 * second
  /** Ids of the user's live sessions, as of the last look. */
  present: ReadonlySet<string> = new Set()
  #alarms = 0
  #seen: readonly SessionRecord[] = []
  readonly #stepped: readonly SteppedStore[]
  readonly #lines: readonly Line[]
  readonly #place: Store

  constructor (options: WorldOptions) {
    const { environment, stores, plant, user, lines = [], skewed = false, faulty = false, skews = [], between = keep } = options
    const { scheduler } = this
    this.environment = environment
    this.user = user
    const shared = new Map<string, unknown>()
    this.#place = plant === undefined ? stores[0] as Store : plant(stores[0] as Store, shared)
    const monitor = (this.monitor = new Monitor(
      { clock: environment.clock, steps: scheduler, limit },
      { skewed, faulty, copies: lines.length > 0 }
    ))
    this.#lines = lines
    this.feeds = lines.map((line, node) => {
      const feed = new Feed(node, scheduler, monitor)
      line.hearing = message => { feed.tell(message) }
      return feed
    })
    const observed = stores.map((store, node) =>
      lines.length > 0
        ? new ObservedStore(new HeardStore(store, lines), monitor, node)
        : plant === undefined
          ? new ObservedStore(store, monitor, node)
          : store
    )
    this.#stepped = observed.map((store, node) => new SteppedStore(store, scheduler, node))
    const way = (stepped: SteppedStore, node: number): Store => {
      const feed = this.feeds[node]
      if (feed === undefined) { return plant === undefined ? between(stepped, scheduler, node) : new ObservedStore(plant(stepped, shared), monitor, node) }
      const told = new ToldStore(stepped, { node, feed, monitor })
      return plant === undefined ? told : plant(told, shared)
    }
    this.managers = this.#stepped.map((stepped, node) => new SessionManager({
      secret: 'a secret of the explorer, long enough',
      store: way(stepped, node),
      now: () => environment.clock.now + (skews[node] ?? 0),
      maxSessions: limit,
      flushInterval: minute,
      storeTimeout: minute,
      warn: () => {}
    }))
  }

  async open (): Promise<this> {
    for (const manager of this.managers) {
      await manager.open()
      manager.on('ended', event => { this.monitor.told(event.session) })
      manager.on('token-reused', () => { this.#alarms++ })
    }
    return this
  }

  node (index: number): SessionManager { return this.managers[index] as SessionManager }

  /** One request with a token, on a node. What it is let in to, or why not. */
  async request (node: number, token: string, { strict = false } = {}): Promise<Validation> {
    const presented = presentedBy(token)
    const begun = this.monitor.begin()
    const answer = await this.node(node).validate(presented, { ip: '192.0.2.7', userAgent: 'curl/8', passive: false, strict })
    if (answer instanceof Rejection) {
      if (answer.code !== 'ended' && !this.monitor.skewed && this.monitor.life(presented.id)?.killed !== true) { this.monitor.broken(3, `a request of the session's own browser is ${answer.code}`) }
    } else {
      this.monitor.admitted(presented.id, begun, { node, strict })
      if (answer instanceof Rotation) this.keep(answer.token)
    }
    return answer
  }

  /** The browser keeps a cookie, if it is newer. */
  keep (token: string): void {
    if ((decodeToken(token)?.generation ?? 0) > (decodeToken(this.token)?.generation ?? -1)) this.token = token
  }

  /** Live sessions of the user, from the place itself. */
  async standing (): Promise<readonly SessionRecord[]> {
    const { items } = await this.#place.list({ userId: this.user }, { limit: 100, cursor: null, order: 'oldest' })
    return items
  }

  /** Looks at the place itself, whatever nodes are told. `same`: nothing was done since the last look that could change it. */
  async look (same = false): Promise<readonly SessionRecord[]> {
    const records = same ? this.#seen : await this.standing()
    this.#seen = records
    this.monitor.standing(records)
    this.present = new Set(records.map(({ id }) => id))
    return records
  }

  /** After the schedule: everything is written, the browser still gets in, all comes to an end, and nothing is left. */
  async finish (): Promise<void> {
    const { monitor, environment, scheduler } = this
    await scheduler.release()
    monitor.settled()
    // every message has arrived
    for (const node of this.feeds.keys()) await this.request(node, this.token)
    for (const manager of this.managers) await manager.flush()
    for (const record of await this.standing()) monitor.written((await this.#read(record.id)) ?? record)
    const record = await this.#read(this.id)
    if (record !== null && !monitor.skewed) {
      const answer = await this.request(0, this.token)
      // an end that failed is refused here until it is done; a rotation that kills at once may have got lost on its way back
      const excused = answer instanceof Rejection && monitor.faulty && (answer.code === 'ended' || monitor.life(this.id)?.killed === true)
      if (answer instanceof Rejection && !excused) monitor.broken(3, `the browser has the newest cookie, and is refused: ${answer.code}`)
    }
    if (this.#alarms > 0 && !monitor.skewed) monitor.broken(3, 'a theft is reported that was none')
    environment.clock.now += 40 * 24 * hour
    for (const manager of this.managers) await manager.cleanup()
    monitor.over()
    for (const id of monitor.ids) if (await this.#read(id) !== null) monitor.broken(1, 'a session lives after its time')
    await this.close()
  }

  /** Leaves the schedule as it is, to the last thing that is under way; the place is for the next one. */
  async abandon (actors: readonly Promise<void>[]): Promise<void> {
    // what is left to do is done elsewhere: it takes time, and comes to nothing
    const elsewhere = memoryStore()
    await elsewhere.open({ now: () => this.environment.clock.now, history: hour, historyPerUser: 20, warn: () => {} })
    for (const stepped of this.#stepped) stepped.move(elsewhere)
    await this.scheduler.release()
    await Promise.all(actors)
    await this.close()
    await elsewhere.close()
    await this.#place.end({ userId: this.user }, { reason: 'revoked', by: null })
    await this.#place.cleanup(100)
    for (const line of this.#lines) await line.prove()
  }

  async close (): Promise<void> {
    await this.scheduler.release()
    for (const line of this.#lines) line.hearing = null
    for (const manager of this.managers) await manager.close()
  }

  async #read (id: string): Promise<SessionRecord | null> {
    const found = await this.node(0).get(id)
    return found === null || hasEnded(found) ? null : found
  }
}

/** What a cookie presents. */
export function presentedBy (token: string): PresentedToken {
  const decoded = decodeToken(token)
  if (decoded === null) throw new Error('expected a token')
  const { id, generation, verifier } = decoded
  return { id, generation, hash: hashVerifier(verifier), token }
}

function keep (store: Store): Store { return store }
