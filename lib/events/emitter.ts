import { channel } from 'diagnostics_channel'
import { callListeners } from '../async.ts'
import type { SessionEvent, SessionEventOf, SessionEventType } from './events.ts'

/** The `node:diagnostics_channel` that all events are published to. It costs nothing without subscribers. */
export const eventChannelName = 'fastify-session-manager:event'
const eventChannel = channel(eventChannelName)
type Listener<T extends SessionEventType> = (event: SessionEventOf<T>) => unknown
/** Emits events to listeners. A listener that throws or rejects is reported, and disturbs no other listener. */
export class SessionEventEmitter {
  readonly #listeners = new Map<SessionEventType | '*', Set<(event: SessionEvent) => unknown>>()
  readonly #onError: (error: unknown) => void

  constructor (onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Adds a listener for one type, or for all (`*`). Returns a function that removes it. */
  on<T extends SessionEventType> (type: T | '*', listener: Listener<T>): () => void {
    const set = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, set.add(listener as (event: SessionEvent) => unknown))
    return () => { set.delete(listener as (event: SessionEvent) => unknown) }
  }

  emit (event: SessionEvent): void {
    if (eventChannel.hasSubscribers) eventChannel.publish(event)
    for (const type of [event.type, '*'] as const) {
      const listeners = this.#listeners.get(type)
      if (listeners !== undefined) callListeners(listeners, event, this.#onError)
    }
  }
}
