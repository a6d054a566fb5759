import type { Events } from '../events/emitter.ts'
import type { Addresses } from '../model/ip-address.ts'
import { hasEnded, toMethods } from '../model/record.ts'
import type { SessionRecord } from '../model/record.ts'
import { cleanAgent, deviceOf } from '../model/user-agent.ts'
import { lengthsFor } from '../policy.ts'
import type { Store } from '../store.ts'
import type { PresentedToken } from '../token/presented-token.ts'
import type { Successors } from '../token/successors.ts'
import { sameHash } from '../token/token.ts'
import type { Settings } from './options.ts'
import type { Clock } from './store-clock.ts'
import { Renewal } from './validation-result.ts'

/** A user who proved again who they are: how, and from where. */
export interface Authentication {
  readonly method?: string | readonly string[]
  readonly ip?: string | undefined
  readonly agent?: string | undefined
}

export interface RotatorOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly events: Events
  readonly addresses: Addresses
  readonly successors: Successors
}

/** Gives sessions a new verifier at once, with the old one dead: what an app asks for. By age, the validator does it. */
export class Rotator {
  readonly #store: Store
  readonly #options: RotatorOptions

  constructor (store: Store, options: RotatorOptions) {
    this.#store = store
    this.#options = options
  }

  /** Answers the token, or `null` if the presented one is no longer the current one. */
  async rotate (presented: PresentedToken, authenticated?: Authentication): Promise<Renewal | null> {
    const { settings, clock, events, addresses, successors } = this.#options
    const successor = successors.next(presented)
    if (successor === null) return null
    const current = await this.#store.read(presented.id)
    if (current === null || hasEnded(current) || !sameHash(current.hash, presented.hash)) return null
    const methods = authenticated === undefined ? current.methods : toMethods(authenticated.method)
    const updated = await this.#store.update(presented.id, {
      rotate: { hash: successor.hash, keep: false },
      ...authenticated === undefined ? {} : { authenticate: { methods, ...lengthsFor(settings.policy, current, this.#store.scope === 'process' ? 0 : settings.flush) } }
    }, { generation: presented.generation })
    if (updated.status !== 'done') return null
    const { record } = updated
    const base = { at: clock.now(), id: record.id, userId: record.userId }
    events.emit({ type: 'rotated', ...base, generation: record.generation, cause: authenticated === undefined ? 'request' : 'authentication' })
    if (authenticated !== undefined) {
      events.emit({ type: 'authenticated', ...base, methods })
      await this.#settle(record, { ip: addresses.keep(authenticated.ip), agent: cleanAgent(authenticated.agent) })
    }
    return new Renewal(record, successor.token)
  }

  /** From here on the session is known by where its user authenticated. */
  async #settle (record: SessionRecord, { ip, agent }: { readonly ip: string | null, readonly agent: string | null }): Promise<void> {
    if (this.#options.settings.risk === undefined || (ip === record.ip && agent === record.agent)) return
    await this.#store.touch([{ id: record.id, requests: 0, seenAt: 0, generation: -1, ip, agent, device: deviceOf(agent) }], this.#options.clock.now())
  }
}
