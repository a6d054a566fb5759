import { memoryStore } from '../../lib/index.ts'
import type { EndedSession, Store, StoreListener } from '../../lib/index.ts'
import type { WatchedStore } from '../../lib/stores/wrappers/cached-store.ts'

/** Sessions behind a network, in this process: several nodes see the same, and hear of each other's ends and changes while the stream holds. */
export class Network {
  readonly sessions: Store = memoryStore()
  /** How many reads came over the network. */
  reads = 0
  /** Beats are not answered any more. */
  silent = false
  /** Called with each read before its answer arrives; what it returns is waited for. */
  onRead: (() => Promise<void> | undefined) | null = null
  readonly #listeners = new Set<StoreListener>()
  #opened = false

  /** The stream breaks, and everybody notices. */
  cut (): void { for (const listener of this.#listeners) listener.lost() }

  tell (ended: readonly EndedSession[], changed?: string): void {
    for (const listener of this.#listeners) {
      for (const session of ended) listener.ended(session)
      if (changed !== undefined) listener.changed(changed)
    }
  }

  /** Another node's store. */
  node (cache: NonNullable<Store['cache']> = {}): WatchedStore {
    const { sessions } = this
    return {
      name: 'network',
      scope: 'network',
      durable: false,
      cache,
      open: async context => {
        if (!this.#opened) await sessions.open(context)
        this.#opened = true
      },
      ping: async () => { await sessions.ping() },
      close: async () => {},
      create: async (record, options) => {
        const created = await sessions.create(record, options)
        if (created.status === 'created') this.tell(created.ended)
        return created
      },
      read: async id => {
        this.reads++
        const found = await sessions.read(id)
        await this.onRead?.()
        return found
      },
      touch: async (batch, at) => sessions.touch(batch, at),
      update: async (id, change, expect) => {
        const updated = await sessions.update(id, change, expect)
        if (updated.status === 'done') this.tell([], id)
        return updated
      },
      end: async (selector, why) => {
        const ending = await sessions.end(selector, why)
        this.tell(ending.ended)
        return ending
      },
      list: async (filter, page) => sessions.list(filter, page),
      history: async (filter, page) => sessions.history(filter, page),
      deleteHistory: async userId => { await sessions.deleteHistory(userId) },
      count: async (filter, cursor) => sessions.count(filter, cursor),
      cleanup: async max => {
        const swept = await sessions.cleanup(max)
        this.tell(swept.ended)
        return swept
      },
      saveStatistics: async slice => { await sessions.saveStatistics(slice) },
      statistics: async (from, to) => sessions.statistics(from, to),
      subscribe: async listener => {
        this.#listeners.add(listener)
        return {
          probe: async () => { if (this.silent) throw new Error('the stream is broken') },
          close: () => { this.#listeners.delete(listener) }
        }
      }
    }
  }
}
