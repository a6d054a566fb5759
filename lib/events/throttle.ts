import type { SessionEventEmitter } from './emitter.ts'
import type { SessionEventOf } from './events.ts'

/** The types of events that a client can cause at will. */
export type ThrottledType =
  'bad-signature' | 'unknown-token' | 'duplicate-cookie' | 'cookie-tossing' | 'ended-session-used' | 'cross-origin-blocked' |
  'access-denied' | 'migration-rejected' | 'ip-changed' | 'user-agent-changed' | 'record-corrupt' | 'write-lost'

type WithoutCount<Event> = Event extends unknown ? Omit<Event, 'count'> : never
/** An event without its count, which the throttle adds. */
export type ThrottledEvent = WithoutCount<SessionEventOf<ThrottledType>>

interface Flood {
  readonly emittedAt: number
  count: number
}

const interval = 60_000
const maxFloods = 10_000

/**
 * Throttles floods of events, by type, user and network of the client. Emits the first event at once, then one a minute with the number of
 * events since the last. Events without an IP address are throttled by session.
 */
export class EventThrottle {
  readonly #events: SessionEventEmitter
  readonly #groupOf: (ip: string) => string
  readonly #floods = new Map<string, Flood>()

  /** `groupOf`: returns the network of an IP address as it is stored. */
  constructor (events: SessionEventEmitter, groupOf: (ip: string) => string) {
    this.#events = events
    this.#groupOf = groupOf
  }

  /** `kind`: separates events of one type, such as causes. The app's configuration must bound its values. */
  emit (event: ThrottledEvent, kind = ''): void {
    const key = `${event.type} ${kind} ${'ip' in event ? this.#networkOf(event.ip) : event.id ?? ''} ${event.userId ?? ''}`
    const flood = this.#floods.get(key)
    // a clock that goes back must not silence events
    if (flood !== undefined && Math.abs(event.at - flood.emittedAt) < interval) {
      flood.count++
      return
    }
    // an attacker with many addresses must not fill the memory
    if (this.#floods.size >= maxFloods) this.#floods.clear()
    this.#floods.set(key, { emittedAt: event.at, count: 0 })
    this.#events.emit({ ...event, count: (flood?.count ?? 0) + 1 })
  }

  #networkOf (ip: string | null): string {
    return ip === null ? '' : this.#groupOf(ip)
  }
}
