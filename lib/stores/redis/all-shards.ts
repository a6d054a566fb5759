import { SessionError } from '../../errors.ts'
import type { StatisticsSlice } from '../../store.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import type { Reply } from './client.ts'
import { scripts } from './script.ts'
import type { Server } from './server.ts'
import { allShards, shards } from './shard.ts'

/** Number of shards that one command cleans up. */
const atOnce = 16
const dueAtOnce = 50
const slicesAtOnce = 50

/** Cleans up shard after shard, once around, until `max` sessions were examined. `next`: the shard to continue with. */
export async function cleanUpShards (
  server: Server,
  from: number,
  max: number
): Promise<{ ended: readonly Reply[], more: boolean, next: number }> {
  const ended: Reply[] = []
  let more = false
  for (let done = 0; done < shards;) {
    const left = max - ended.length
    if (left === 0) return { ended, more: true, next: (from + done) % shards }
    const group = Array.from({ length: Math.min(atOnce, left, shards - done) }, (_, n) => (from + done + n) % shards)
    const share = String(Math.floor(left / group.length))
    for (const reply of await server.runAll(scripts.cleanup, group, [share])) {
      if (reply[1] === 1) more = true
      ended.push(...reply[2] as readonly Reply[])
    }
    done += group.length
  }
  return { ended, more, next: from }
}

/** Counts live sessions in one bounded step. Reads only sessions that may have expired. */
export async function countAll (server: Server, cursor: string | null): Promise<{ count: number, cursor: string | null }> {
  const scope = { list: 'count', filter: {}, order: 'newest' } as const
  const [skip] = decodeCursor(scope, cursor) ?? [0]
  if (typeof skip !== 'number') throw new SessionError('FST_SESSION_INVALID_CURSOR')
  const replies = await server.runAll(scripts.count, allShards, [String(skip), String(dueAtOnce)])
  return {
    count: replies.reduce((total, [, live]) => total + Number(live), 0),
    cursor: replies.some(reply => reply[2] === 1) ? encodeCursor(scope, [skip + dueAtOnce]) : null
  }
}

/** Returns the slices whose time bucket starts within a range. */
export async function slicesIn (server: Server, from: number, to: number): Promise<StatisticsSlice[]> {
  const slices: StatisticsSlice[] = []
  let found: readonly Reply[] = []
  do {
    [, ...found] = await server.run(scripts.slices, 0, [String(from), String(to), String(slices.length), String(slicesAtOnce)])
    for (let n = 0; n < found.length; n += 3) slices.push(toSlice(String(found[n]), Number(found[n + 1]), String(found[n + 2])))
  } while (found.length === slicesAtOnce * 3)
  return slices
}

/** Returns the name under which a slice is stored. */
export function toSliceName ({ start, interval, node }: StatisticsSlice): string {
  return `${start} ${interval} ${node}`
}

function toSlice (name: string, until: number, value: string): StatisticsSlice {
  const [start = '', interval = ''] = name.split(' ', 2)
  return { start: Number(start), interval: Number(interval), node: name.slice(start.length + interval.length + 2), until, value }
}
