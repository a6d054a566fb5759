import { randomBytes } from 'node:crypto'
import { eventMeanings } from '../events/events.ts'
import type { SessionEvent } from '../events/events.ts'
import type { EndedSession } from '../model/record.ts'

/** An event with its place in the feed: `node.number`, so that whoever was away can ask for what came after. */
export interface FeedItem {
  readonly id: string
  readonly number: number
  readonly event: SessionEvent
}

/** What a feed listens to. */
export interface FeedSource {
  on (type: '*', listener: (event: SessionEvent) => void): () => void
  onEndElsewhere (listener: (session: EndedSession) => void): () => void
}

const kept = 200

/** The last events of this node, and the ends that other nodes tell, for whoever looks in later. Events about security have a room of their own, so that a busy hour does not push them out. */
export class Feed {
  readonly #node = randomBytes(6).toString('base64url')
  readonly #all: FeedItem[] = []
  readonly #security: FeedItem[] = []
  readonly #listeners = new Set<(item: FeedItem) => void>()
  /** Whose ends are in here: a store that tells of ends also tells of this node's. */
  readonly #ended = new Set<string>()
  #number = 0

  constructor (source: FeedSource) {
    source.on('*', event => { this.#add(event) })
    source.onEndElsewhere(session => {
      const { id, userId, endedAt, reason, by } = session
      this.#add({ type: 'ended', at: endedAt, id, userId, reason, by, session })
    })
  }

  /** Calls back for each event from now on. Returns what stops it. */
  listen (listener: (item: FeedItem) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** What is kept, oldest first; `after`: only what came after this item, if it is one of this node's. */
  items (after?: string): FeedItem[] {
    const [node, number] = (after ?? '').split('.', 2)
    const from = node === this.#node ? Number(number) : 0
    return [...new Set([...this.#security, ...this.#all])].filter(item => item.number > from).sort((a, b) => a.number - b.number)
  }

  #add (event: SessionEvent): void {
    // an open console reads all the time
    if (event.type === 'swept' || (event.type === 'admin' && (event.action === 'list' || event.action === 'read'))) return
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

function keep (items: FeedItem[], item: FeedItem): void {
  items.push(item)
  if (items.length > kept) items.shift()
}
