import type { SessionEventOf } from '../events/events.ts'
import { Tally } from '../events/throttle.ts'
import type { SessionManager } from '../manager/manager.ts'
import type { GuardedAdapter } from './guarded-adapter.ts'
import type { Credential } from './source-records.ts'

/** Tells what has become of other libraries' credentials. */
export class Reports {
  readonly #manager: Pick<SessionManager, 'tell' | 'now' | 'keepAddress'>
  readonly #refusals: Tally

  constructor (manager: Pick<SessionManager, 'tell' | 'now' | 'keepAddress'>) {
    this.#manager = manager
    this.#refusals = new Tally((type, ip, count) => {
      const [source, why] = type.split('\0') as [string, SessionEventOf<'legacy-refused'>['why']]
      manager.tell({ type: 'legacy-refused', at: manager.now(), id: null, userId: null, source, why, ip, count })
    })
  }

  /** One credential was looked at; `session`: ours that it belongs to. */
  tell (credential: Credential, result: SessionEventOf<'legacy'>['result'], session: { readonly id: string, readonly userId: string | null } | null = null): void {
    this.#manager.tell({ type: 'legacy', at: this.#manager.now(), id: session?.id ?? null, userId: session?.userId ?? null, source: credential.store.adapter.name, result })
  }

  /** One was refused; often told once, with how often. `ip`: the raw address that it came from. */
  refuse (store: GuardedAdapter, why: SessionEventOf<'legacy-refused'>['why'], ip: string | undefined): void {
    this.#refusals.add(`${store.adapter.name}\0${why}`, this.#manager.keepAddress(ip), this.#manager.now())
  }
}
