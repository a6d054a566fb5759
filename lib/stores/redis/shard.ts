import { shardOf, shardOfId } from '../../token/token.ts'

/**
 * Hash tags of the shards, by number. Their slots are spread evenly over the 16,384 of a cluster, so that any number of masters gets equal
 * shares. A single server uses the same tags, so that its data can be copied to a cluster. They can never change.
 */
const tags = ('mm u4 9i e8 5t qt ap ax 0j kv dn df 3g o6 gc xw 8g d6 lc 02 g3 4c on 4r 99 91 1d m5 fm yy 2i iu ' +
  '7a k0 ce 8y 4l op x9 x1 jf 1z zj b3 ik q2 yg fs bk 9w 6o ms af an 5b i3 dx dp kh 0t xi xa he 44').split(' ')

/** Number of shards. */
export const shards = tags.length
/** The numbers of all shards. */
export const allShards: readonly number[] = tags.map((_, shard) => shard)

/** Returns the shard of a session, 0 to 63. */
export function shardOfSession (id: string): number {
  // a text that is no id gets the first shard, which has no such session
  return shardOfId(id) & (shards - 1)
}

/** Returns the shard of a user's data. */
export function shardOfUser (userId: string): number {
  return shardOf(userId) % shards
}

/** Returns the beginning of every key of a shard. */
export function baseOf (prefix: string, shard: number): string {
  return `${prefix}{${tags[shard] as string}}:`
}

/** Returns the form in which a user id ends a key. Scripts write the same. */
export function userKeyOf (userId: string): string {
  return userId.replace(/[{}%]/g, encodeURIComponent)
}

/** Returns the suffixes of a user's two indexes. */
export function userKeysOf (userId: string): string[] {
  const user = userKeyOf(userId)
  return [`u:${user}`, `h:${user}`]
}

/** Groups items by shard, in their order. */
export function byShard <T> (items: readonly T[], idOf: (item: T) => string): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const shard = shardOfSession(idOf(item))
    const group = groups.get(shard)
    if (group === undefined) groups.set(shard, [item])
    else group.push(item)
  }
  return groups
}
