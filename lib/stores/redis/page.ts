import { compileFilter } from '../../model/filter.ts'
import type { Filter } from '../../model/filter.ts'
import { hasEnded } from '../../model/record.ts'
import type { EndedSession, SessionRecord } from '../../model/record.ts'
import type { Page, PageOptions } from '../../store.ts'
import { decodePosition, encodeCursor } from '../cursor.ts'
import type { CursorScope, Position } from '../cursor.ts'
import type { Reply } from './client.ts'
import { allShards, userKeyOf, shardOfUser } from './shard.ts'

/** The source of a page: positions and sessions. */
export interface PageSource {
  /** Returns the next positions of an index, named by its suffix, in some shards: the result of page.lua. */
  readonly places: (shards: readonly number[], index: string, args: readonly string[]) => Promise<readonly (readonly Reply[])[]>
  /** Returns the session of a position, if it still exists; `now`: the server's time. */
  readonly session: (id: string, now: number) => Promise<SessionRecord | EndedSession | null>
}

/** Maximum number of sessions that one step reads. */
const maxScanned = 1000
/** Number of sessions that are read at once: few at first, because those may fill the page. */
const [firstRead, maxRead] = [32, 256]

interface Place {
  readonly at: number
  readonly id: string
  readonly now: number
}

/**
 * Returns the next live or ended sessions that match, in order over all shards. Sessions of one user are read from that user's index;
 * others by a scan of bounded size.
 */
export async function nextPage <T extends SessionRecord | EndedSession> (
  source: PageSource,
  scope: CursorScope,
  page: PageOptions
): Promise<Page<T>> {
  const { filter, order, list } = scope
  const ended = list === 'history'
  const matches = compileFilter(filter)
  const index = indexOf(filter, ended)
  let place = decodePosition(scope, page.cursor) ?? startOf(filter, order, ended)
  const items: T[] = []
  // usually the first few fill the page
  let size = Math.min(page.limit + firstRead, maxRead)
  for (let seen = 0, count = size; seen < maxScanned; count = maxScanned - seen) {
    const { places, more } = await nextPositions(source, index, { order, place, count })
    const end = places.findIndex(({ at }) => isPast(filter, order, ended, at))
    const within = places.slice(0, end === -1 ? maxScanned - seen : end)
    for (let from = 0; from < within.length; from += size, size = maxRead) {
      const read = within.slice(from, from + size)
      const sessions = await Promise.all(read.map(({ id, now }) => source.session(id, now)))
      for (const [n, { at, id }] of read.entries()) {
        place = [at, id]
        const session = sessions[n] ?? null
        if (session === null || hasEnded(session) !== ended || !matches(session)) continue
        items.push(session as T)
        if (items.length >= page.limit) return { items, cursor: more || from + n < places.length - 1 ? encodeCursor(scope, place) : null }
      }
    }
    if (end !== -1 || (!more && within.length === places.length)) return { items, cursor: null }
    seen += within.length
  }
  return { items, cursor: encodeCursor(scope, place as Position) }
}

interface Index {
  readonly suffix: string
  readonly shards: readonly number[]
}

function indexOf ({ userId }: Filter, ended: boolean): Index {
  if (userId === undefined) return { suffix: ended ? 'e' : 'i', shards: allShards }
  return { suffix: `${ended ? 'h' : 'u'}:${userKeyOf(userId)}`, shards: [shardOfUser(userId)] }
}

/**
 * Returns the next positions over all shards. Each shard returns a few. If a shard has more, positions after its last one wait for the next
 * step, because positions that were not read yet may precede them.
 */
async function nextPositions (
  source: PageSource,
  index: Index,
  { order, place, count }: { readonly order: PageOptions['order'], readonly place: Position | null, readonly count: number }
): Promise<{ places: Place[], more: boolean }> {
  // if one of many shards has returned its whole share, the step ends there: a margin on each share makes it likely that the first `count`
  // positions precede that
  const mean = count / index.shards.length
  const share = index.shards.length === 1 ? count : Math.ceil(mean + 2 * Math.sqrt(mean)) + 2
  const replies = (await source.places(index.shards, index.suffix, [
    order,
    ...(place === null ? ['', ''] : [String(place[0]), place[1]]),
    String(share)
  ])).map(toPlaces)
  const sign = order === 'newest' ? -1 : 1
  const compare = (a: Place, b: Place): number => sign * (a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const ends = replies.filter(reply => reply.length === share).map(reply => reply[share - 1] as Place).sort(compare)
  const places = replies.flat().sort(compare)
  const [frontier] = ends
  return { places: frontier === undefined ? places : places.filter(each => compare(each, frontier) <= 0), more: frontier !== undefined }
}

function toPlaces ([now, ...reply]: readonly Reply[]): Place[] {
  const places: Place[] = []
  for (let n = 0; n < reply.length; n += 2) places.push({ at: Number(reply[n + 1]), id: String(reply[n]), now: Number(now) })
  return places
}

/** Returns the bounds of the sort key, a timestamp, from a filter. */
function boundsOf (filter: Filter, ended: boolean): readonly [after: number | undefined, before: number | undefined] {
  return ended ? [filter.endedAfter, filter.endedBefore] : [filter.createdAfter, filter.createdBefore]
}

/** Returns the position before which nothing can match. An empty id precedes every other. */
function startOf (filter: Filter, order: PageOptions['order'], ended: boolean): Position | null {
  const [after, before] = boundsOf(filter, ended)
  const at = order === 'newest' ? before : after
  return at === undefined ? null : [at, '']
}

/** Returns whether nothing from a position on can match. */
function isPast (filter: Filter, order: PageOptions['order'], ended: boolean, at: number): boolean {
  const [after, before] = boundsOf(filter, ended)
  return order === 'newest' ? after !== undefined && at < after : before !== undefined && at >= before
}
