import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope } from '../cursor.ts'
import { compileFilter } from '../filter.ts'
import type { Filter } from '../filter.ts'
import { byAge, expiresAt, expiryReason, noData, toEnded } from '../record.ts'
import type { EncodedData, EndedSession, SessionRecord } from '../record.ts'
import type { Change, Created, CreateOptions, EndSelector, Ending, EndWhy, Expect, Page, PageOptions, Slice, Statistics, Store, StoreContext, Touch, Updated } from '../store.ts'

class MemoryStore implements Store {
  readonly name = 'memory'
  readonly scope = 'process'
  readonly durable = false
  #now = Date.now
  #history = 0
  #perUser = 20
  readonly #live = new Map<string, SessionRecord>()
  readonly #ended = new Map<string, EndedSession>()
  readonly #marks = new Map<string, { id: string, until: number }>()
  readonly #slices = new Map<string, Slice>()

  open (context: StoreContext): void {
    this.#now = context.now ?? Date.now
    this.#history = context.history
    this.#perUser = context.historyPerUser
  }

  ping (): void {}
  close (): void {}

  create (record: SessionRecord, options: CreateOptions): Created {
    const now = this.#now()
    const shift = now - options.at
    if (options.adopts !== null) {
      const mark = this.#marks.get(options.adopts.key)
      if (mark !== undefined) return { status: 'adopted', session: this.read(mark.id) }
    }
    if (this.#live.has(record.id) || this.#ended.has(record.id)) return { status: 'exists' }
    const ended: EndedSession[] = []
    if (options.limit !== null && record.userId !== null) {
      const live = [...this.#live.values()].filter(other => other.userId === record.userId && other.id !== options.replaces && now < expiresAt(other)).sort(byAge)
      const over = live.length - options.limit.max + 1
      if (over > 0 && options.limit.onLimit === 'reject') return { status: 'refused', live }
      if (options.limit.onLimit === 'idle') live.sort((a, b) => a.lastSeenAt - b.lastSeenAt || byAge(a, b))
      for (const other of live.slice(0, Math.max(over, 0))) ended.push(...this.#end(other.id, { reason: 'evicted', by: null }))
    }
    if (options.replaces !== null) ended.push(...this.#end(options.replaces, { reason: 'replaced', by: null }))
    const at = (instant: number): number => instant + shift
    const stored: SessionRecord = {
      ...record,
      createdAt: at(record.createdAt),
      lastSeenAt: at(record.lastSeenAt),
      absoluteAt: at(record.absoluteAt),
      rotatedAt: at(record.rotatedAt),
      confirmedAt: record.confirmedAt === null ? null : at(record.confirmedAt),
      authenticatedAt: record.authenticatedAt === null ? null : at(record.authenticatedAt),
      data: copy(record.data)
    }
    this.#live.set(stored.id, stored)
    if (options.adopts !== null) this.#marks.set(options.adopts.key, { id: stored.id, until: at(options.adopts.until) })
    return { status: 'created', record: stored, ended }
  }

  read (id: string): SessionRecord | EndedSession | null {
    const record = this.#live.get(id)
    if (record === undefined) return this.#ended.get(id) ?? null
    const now = this.#now()
    return now < expiresAt(record) ? record : toEnded(record, { reason: expiryReason(record), by: null, at: expiresAt(record) })
  }

  touch (batch: readonly Touch[], at: number): readonly string[] {
    const now = this.#now()
    const gone: string[] = []
    for (const touch of batch) {
      const record = this.#liveOf(touch.id)
      if (record === null) { gone.push(touch.id); continue }
      const seen = touch.seenAt === 0 ? 0 : Math.min(now, touch.seenAt + now - at)
      this.#live.set(touch.id, {
        ...record,
        requests: record.requests + touch.requests,
        lastSeenAt: Math.max(record.lastSeenAt, seen),
        confirmedAt: record.confirmedAt ?? (touch.generation === record.generation ? seen || now : null),
        ip: touch.ip === undefined ? record.ip : touch.ip,
        agent: touch.agent === undefined ? record.agent : touch.agent,
        device: touch.device === undefined ? record.device : touch.device
      })
    }
    return gone
  }

  update (id: string, change: Change, expect?: Expect): Updated {
    const record = this.#liveOf(id)
    if (record === null) {
      const left = this.read(id)
      return { status: 'gone', ended: left !== null && 'reason' in left ? left : null }
    }
    if (expect !== undefined && expect.generation !== record.generation) return { status: 'conflict', record }
    const now = this.#now()
    let next = record
    if (change.set !== undefined || change.unset !== undefined) {
      const data: Record<string, string> = Object.assign(Object.create(null) as Record<string, string>, record.data, change.set)
      for (const key of change.unset ?? []) Reflect.deleteProperty(data, key)
      next = { ...next, data: Object.freeze(data) }
    }
    if (change.rotate !== undefined) next = { ...next, generation: record.generation + 1, hash: change.rotate.hash, previousHash: change.rotate.keep ? record.hash : null, rotatedAt: now, confirmedAt: null }
    if (change.name !== undefined) next = { ...next, name: change.name }
    if (change.seen === true) next = { ...next, lastSeenAt: Math.max(now, next.lastSeenAt) }
    if (change.authenticate !== undefined) {
      const { methods, idle, absolute } = change.authenticate
      next = { ...next, authenticatedAt: now, lastSeenAt: now, methods, idle, absoluteAt: now + absolute }
    }
    if (change.shorten !== undefined) next = { ...next, absoluteAt: Math.min(next.absoluteAt, now + change.shorten.absolute) }
    this.#live.set(id, next)
    return { status: 'done', record: next }
  }

  end (selector: EndSelector, why: EndWhy): Ending {
    if ('ids' in selector) return { ended: selector.ids.flatMap(id => this.#end(id, why)), cursor: null }
    if ('userId' in selector) {
      const ids = [...this.#live.values()].filter(record => record.userId === selector.userId && record.id !== selector.except).map(record => record.id)
      return { ended: ids.flatMap(id => this.#end(id, why)), cursor: null }
    }
    const page = this.#page('end', selector.filter, { limit: selector.limit, cursor: selector.cursor, order: 'oldest' })
    return { ended: page.items.flatMap(record => this.#end(record.id, why)), cursor: page.cursor }
  }

  list (filter: Filter, page: PageOptions): Page<SessionRecord> { return this.#page('live', filter, page) }

  #page (list: CursorScope['list'], filter: Filter, page: PageOptions): Page<SessionRecord> {
    const now = this.#now()
    const matches = compileFilter(filter)
    return paged([...this.#live.values()].filter(record => now < expiresAt(record) && matches(record)), record => record.createdAt, { ...page, list, filter })
  }

  history (filter: Filter, page: PageOptions): Page<EndedSession> {
    return paged([...this.#ended.values()].filter(compileFilter(filter)), session => session.endedAt, { ...page, list: 'history', filter })
  }

  count (filter: Filter, cursor: string | null): { count: number, cursor: null } {
    return { count: this.#page('count', filter, { limit: Infinity, cursor, order: 'newest' }).items.length, cursor: null }
  }

  sweep (max: number): { ended: readonly EndedSession[], more: boolean } {
    const now = this.#now()
    const due = [...this.#live.values()].filter(record => now >= expiresAt(record))
    const ended = due.slice(0, max).flatMap(record => this.#remove(record, { reason: expiryReason(record), by: null }, expiresAt(record)))
    for (const [id, session] of this.#ended) if (session.endedAt + this.#history <= now) this.#ended.delete(id)
    for (const [key, { until }] of this.#marks) if (until <= now) this.#marks.delete(key)
    for (const [key, { until }] of this.#slices) if (until <= now) this.#slices.delete(key)
    return { ended, more: due.length > max }
  }

  observe (slice: Slice): void {
    this.#slices.set(`${slice.node} ${slice.at} ${slice.span}`, slice)
  }

  statistics (from: number, to: number): Statistics {
    const all = [...this.#live.values()]
    return {
      live: all.length,
      users: new Set(all.flatMap(record => record.userId ?? [])).size,
      guests: all.filter(record => record.userId === null).length,
      remembered: all.filter(record => record.remembered).length,
      slices: [...this.#slices.values()].filter(slice => slice.at >= from && slice.at < to)
    }
  }

  #liveOf (id: string): SessionRecord | null {
    const record = this.#live.get(id)
    return record !== undefined && this.#now() < expiresAt(record) ? record : null
  }

  #end (id: string, why: EndWhy): EndedSession[] {
    const record = this.#liveOf(id)
    return record === null ? [] : this.#remove(record, why, this.#now())
  }

  #remove (record: SessionRecord, why: EndWhy, at: number): EndedSession[] {
    this.#live.delete(record.id)
    const ended = toEnded(record, { ...why, at })
    if (record.userId !== null && this.#history > 0) {
      this.#ended.set(record.id, ended)
      const [oldest, ...rest] = [...this.#ended.values()].filter(session => session.userId === record.userId)
      if (oldest !== undefined && rest.length >= this.#perUser) this.#ended.delete(oldest.id)
    }
    return [ended]
  }
}

function paged <T extends { readonly id: string }> (items: readonly T[], key: (item: T) => number, page: PageOptions & CursorScope): Page<T> {
  const sign = page.order === 'newest' ? -1 : 1
  const order = (a: readonly [number, string], b: readonly [number, string]): number => sign * (a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0))
  const after = decodePosition(page, page.cursor)
  const sorted = items.map(item => [key(item), item.id, item] as const).sort((a, b) => order([a[0], a[1]], [b[0], b[1]])).filter(([at, id]) => after === null || order([at, id], after) > 0)
  const found = sorted.slice(0, page.limit)
  const last = found.at(-1)
  return { items: found.map(([, , item]) => item), cursor: sorted.length > page.limit && last !== undefined ? encodeCursor(page, [last[0], last[1]]) : null }
}

function copy (data: EncodedData): EncodedData {
  return Object.keys(data).length === 0 ? noData : Object.freeze(Object.assign(Object.create(null) as Record<string, string>, data))
}

/** Sessions of this process. */
export function memoryStore (): Store {
  return new MemoryStore()
}
