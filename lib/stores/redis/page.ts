import { decodePosition, encodeCursor } from '../../cursor.ts'
import type { CursorScope, Position } from '../../cursor.ts'
import { compileFilter } from '../../filter.ts'
import type { Filter } from '../../filter.ts'
import { hasEnded } from '../../record.ts'
import type { EndedSession, SessionRecord } from '../../record.ts'
import type { Page, PageOptions } from '../../store.ts'
import type { Reply } from './client.ts'
import { toFound } from './fields.ts'
import { allShards, nameOf, shardOfUser } from './shard.ts'

/** Asks shards for the next sessions of an index: what page.lua answers. */
export type Ask = (shards: readonly number[], args: readonly string[]) => Promise<readonly (readonly Reply[])[]>

/** So many sessions are looked at in one step, and in one walk at most. */
const enough = 1000
const most = 500
const least = 100

interface Found {
  readonly at: number
  readonly id: string
  readonly session: SessionRecord | EndedSession | null
}

/** The next live, or ended, sessions that match, in order over all shards; of one user from that user's index, otherwise by a walk that looks at a bounded number. */
export async function nextPage <T extends SessionRecord | EndedSession> (ask: Ask, scope: CursorScope, page: PageOptions): Promise<Page<T>> {
  const { filter, order, list } = scope
  const ended = list === 'history'
  const matches = compileFilter(filter)
  const index = indexOf(filter, ended)
  let place = decodePosition(scope, page.cursor) ?? startOf(filter, order, ended)
  const items: T[] = []
  for (let seen = 0, factor = 2; seen < enough; factor *= 2) {
    // what came at one time may lie in few shards: each walk asks for more of each
    const wanted = Math.min(Math.max(page.limit - items.length + 1, least) * factor, most)
    const { found, asked, more } = await walk(ask, index, order, place, wanted)
    for (const [n, { at, id, session }] of found.entries()) {
      if (isPast(filter, order, ended, at)) return { items, cursor: null }
      place = [at, id]
      if (session === null || hasEnded(session) !== ended || !matches(session)) continue
      items.push(session as T)
      if (items.length >= page.limit) return { items, cursor: more || n < found.length - 1 ? encodeCursor(scope, place) : null }
    }
    if (!more) return { items, cursor: null }
    seen += asked
  }
  return { items, cursor: encodeCursor(scope, place as Position) }
}

interface Index {
  readonly suffix: string
  readonly shards: readonly number[]
}

function indexOf ({ userId }: Filter, ended: boolean): Index {
  if (userId === undefined) return { suffix: ended ? 'e' : 'i', shards: allShards }
  return { suffix: `${ended ? 'h' : 'u'}:${nameOf(userId)}`, shards: [shardOfUser(userId)] }
}

/**
 * The next sessions over all shards. Each is asked for a few; what comes after the last answer of a shard that has more may lie behind
 * something nobody has seen yet, and waits for the next walk.
 */
async function walk (ask: Ask, index: Index, order: PageOptions['order'], place: Position | null, wanted: number): Promise<{ found: Found[], asked: number, more: boolean }> {
  const share = index.shards.length === 1 ? wanted : Math.max(2, Math.ceil(wanted / index.shards.length))
  const args = [index.suffix, order, ...(place === null ? ['', ''] : [String(place[0]), place[1]]), String(share)]
  const answers = (await ask(index.shards, args)).map(toEach)
  const sign = order === 'newest' ? -1 : 1
  const compare = (a: Found, b: Found): number => sign * (a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const ends = answers.filter(answer => answer.length === share).map(answer => answer[share - 1] as Found).sort(compare)
  const found = answers.flat().sort(compare)
  const [frontier] = ends
  const asked = found.length
  return { asked, found: frontier === undefined ? found : found.filter(each => compare(each, frontier) <= 0), more: frontier !== undefined }
}

function toEach ([now, ...answer]: readonly Reply[]): Found[] {
  const found: Found[] = []
  for (let n = 0; n < answer.length; n += 3) {
    const id = String(answer[n + 1])
    found.push({ at: Number(answer[n]), id, session: toFound(id, answer[n + 2], Number(now)) })
  }
  return found
}

/** Instants of the sort key that a filter asks for. */
function boundsOf (filter: Filter, ended: boolean): readonly [after: number | undefined, before: number | undefined] {
  return ended ? [filter.endedAfter, filter.endedBefore] : [filter.createdAfter, filter.createdBefore]
}

/** Nothing before it can match. An empty id comes before every other. */
function startOf (filter: Filter, order: PageOptions['order'], ended: boolean): Position | null {
  const [after, before] = boundsOf(filter, ended)
  const at = order === 'newest' ? before : after
  return at === undefined ? null : [at, '']
}

/** Nothing from here on can match. */
function isPast (filter: Filter, order: PageOptions['order'], ended: boolean, at: number): boolean {
  const [after, before] = boundsOf(filter, ended)
  return order === 'newest' ? after !== undefined && at < after : before !== undefined && at >= before
}
