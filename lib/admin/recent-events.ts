import { randomBytes } from 'node:crypto'
import { eventMeanings, toEndedEvent } from '../events/events.ts'
import type { SessionEvent } from '../events/events.ts'
import type { EndedSession } from '../model/record.ts'

/** An event with its position `node.number`. A client that reconnects requests the events after that position. */
export interface RecentEvent {
  readonly id: string
  readonly number: number
  readonly event: SessionEvent
}

/** The source of the events. */
export interface EventSource {
  on (type: '*', listener: (event: SessionEvent) => void): () => void
  onRemoteEnd (listener: (session: EndedSession) => void): () => void
}

const kept = 200

/**
 * The last events of this node, and the ends that other nodes publish, for clients that connect later. Security events have their own
 * buffer, so that a busy hour does not evict them.
 */
export class RecentEvents {
  readonly #node = randomBytes(6).toString('base64url')
  readonly #all: RecentEvent[] = []
  readonly #security: RecentEvent[] = []
  readonly #listeners = new Set<(item: RecentEvent) => void>()
  /** Ids of the buffered `ended` events: a store that publishes ends also publishes those of this node. */
  readonly #ended = new Set<string>()
  #number = 0

  constructor (source: EventSource) {
    source.on('*', event => { this.#add(event) })
    source.onRemoteEnd(session => {
      this.#add(toEndedEvent(session))
    })
  }

  /** Registers a listener for new events. Returns a function that removes it. */
  listen (listener: (item: RecentEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Returns the buffered events, oldest first. `after`: only those after this position, if it is one of this node. */
  items (after?: string): RecentEvent[] {
    const [node, number] = (after ?? '').split('.', 2)
    const from = node === this.#node ? Number(number) : 0
    return [...new Set([...this.#security, ...this.#all])].filter(item => item.number > from).sort((a, b) => a.number - b.number)
  }

  /** Deletes the events of a user and of the user's sessions. */
  forgetUser (userId: string): void {
    const ids = new Set([...this.#security, ...this.#all].filter(({ event }) => event.userId === userId).map(({ event }) => event.id))
    ids.delete(null)
    for (const items of [this.#all, this.#security]) {
      const rest = items.filter(({ event }) => event.userId !== userId && !ids.has(event.id))
      items.splice(0, items.length, ...rest)
    }
  }

  #add (event: SessionEvent): void {
    // an open console causes these all the time
    if (event.type === 'cleanup' || (event.type === 'admin-action' && (event.action === 'list' || event.action === 'read'))) return
    if (event.type === 'ended') {
      if (this.#ended.has(event.session.id)) return
      this.#ended.add(event.session.id)
      if (this.#ended.size > kept) this.#ended.delete(this.#ended.values().next().value as string)
    }
    const number = ++this.#number
    const item = { id: `${this.#node}.${number}`, number, event }
    keep(this.#all, item)
    if (eventMeanings[event.type].security) keep(this.#security, item)
    for (const listener of this.#listeners) listener(item)
  }
}

function keep (items: RecentEvent[], item: RecentEvent): void {
  items.push(item)
  if (items.length > kept) items.shift()
}
