import type { EventThrottle } from '../events/throttle.ts'
import type { IpAnonymizer } from '../model/ip-address.ts'
import type { SessionRecord } from '../model/record.ts'
import { sanitizeUserAgent } from '../model/user-agent.ts'
import { oneOf } from '../options.ts'
import { emitClientChange } from './client-change.ts'
import type { ManagerCore } from './core.ts'
import type { ResolvedOptions, RiskVerdict } from './options.ts'
import type { RequestContext } from './request-context.ts'
import type { StoreClock } from './store-clock.ts'

const maxReported = 10_000

/** Asks the app about requests whose client has changed, and reports those that it does not allow. */
export class RiskAssessor {
  readonly #assessRisk: ResolvedOptions['assessRisk']
  readonly #throttle: EventThrottle
  readonly #anonymizer: IpAnonymizer
  readonly #clock: StoreClock
  readonly #reported = new Map<string, string>()

  constructor ({ options, throttle, anonymizer, clock, notifier }: ManagerCore) {
    this.#assessRisk = options.assessRisk
    this.#throttle = throttle
    this.#anonymizer = anonymizer
    this.#clock = clock
    const forget = ({ id }: { readonly id: string }): void => { this.#reported.delete(id) }
    notifier.onEnd(forget)
    notifier.onRemoteEnd(forget)
  }

  /** Returns the app's verdict. Rejects with what `assessRisk` throws, and with `FST_SESSION_INVALID_OPTION` if it returns no verdict. */
  async assess (record: SessionRecord, { ip, userAgent: header }: RequestContext): Promise<RiskVerdict> {
    const userAgent = sanitizeUserAgent(header)
    const verdict = oneOf(await this.#assessRisk?.(record, { ip, userAgent }), 'assessRisk', ['allow', 'challenge', 'revoke'])
    if (verdict !== 'allow') this.#report(record, ip, userAgent)
    return verdict
  }

  /** Emits events once for each client of a session: the client stays different for every request, and must not flood the log. */
  #report (record: SessionRecord, ip: string | null, userAgent: string | null): void {
    const client = `${ip ?? ''} ${userAgent ?? ''}`
    if (this.#reported.get(record.id) === client) return
    if (this.#reported.size >= maxReported) this.#reported.clear()
    this.#reported.set(record.id, client)
    const changes = { ...this.#anonymizer.isSame(ip, record.ip) ? {} : { ip }, ...userAgent === record.userAgent ? {} : { userAgent } }
    emitClientChange(this.#throttle, { record, at: this.#clock.now(), ...changes })
  }
}
