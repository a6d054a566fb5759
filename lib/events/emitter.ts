import { channel } from 'diagnostics_channel'
import type { SessionEvent, SessionEventOf, SessionEventType } from './events.ts'

/** The `node:diagnostics_channel` that every event is published to. Free while nobody listens. */
export const eventChannelName = 'fastify-session-manager:event'
const eventChannel = channel(eventChannelName)
type Listener<T extends SessionEventType> = (event: SessionEventOf<T>) => unknown
/** Tells events to whoever listens. A listener that throws, or rejects, is reported and disturbs nobody. */
export class Events {
  readonly #listeners = new Map<SessionEventType | '*', Set<(event: SessionEvent) => unknown>>()
  readonly #onError: (error: unknown) => void

  constructor (onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Listens to one type, or to all (`*`). Returns what stops it. */
  on<T extends SessionEventType> (type: T | '*', listener: Listener<T>): () => void {
    const set = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, set.add(listener as (event: SessionEvent) => unknown))
    return () => { set.delete(listener as (event: SessionEvent) => unknown) }
  }

  emit (event: SessionEvent): void {
    if (eventChannel.hasSubscribers) eventChannel.publish(event)
    this.#tellAll(this.#listeners.get(event.type), event)
    this.#tellAll(this.#listeners.get('*'), event)
  }

  #tellAll (listeners: ReadonlySet<(event: SessionEvent) => unknown> | undefined, event: SessionEvent): void {
    if (listeners !== undefined) for (const listener of listeners) this.#tell(listener, event)
  }

  #tell (listener: (event: SessionEvent) => unknown, event: SessionEvent): void {
    try {
      const result = listener(event)
      if (result instanceof Promise) result.catch(this.#onError)
    } catch (error) {
      this.#onError(error)
    }
  }
}
