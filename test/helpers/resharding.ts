import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { baseOf } from '../../lib/stores/redis/shard.ts'
import type { RedisCluster } from './redis-cluster.ts'

/** Moves one slot of a cluster from its master to another, step by step, as `redis-cli --cluster reshard` does. */
export class SlotMove {
  readonly slot: number
  readonly #masters: readonly Redis[]
  readonly #ids: readonly string[]
  readonly #from: number
  readonly #to: number
  readonly #port: number

  private constructor (masters: readonly Redis[], ids: readonly string[], place: { slot: number, from: number, to: number, port: number }) {
    this.slot = place.slot
    this.#masters = masters
    this.#ids = ids
    this.#from = place.from
    this.#to = place.to
    this.#port = place.port
  }

  /** Of the slot in which a shard of a prefix lies; the target is the next of three masters. */
  static async of (cluster: RedisCluster, prefix: string, shard: number): Promise<SlotMove> {
    const masters = cluster.servers.slice(0, 3).map(server => new Redis(server.socket))
    const ids = await Promise.all(masters.map(async node => String(await node.call('cluster', 'myid'))))
    const slot = Number(await masters[0]?.cluster('KEYSLOT', baseOf(prefix, shard)))
    const counts = await Promise.all(masters.map(async node => node.call('cluster', 'nodes')))
    const from = counts.findIndex(text => ownsSlot(String(text), slot))
    const to = (from + 1) % 3
    return new SlotMove(masters, ids, { slot, from, to, port: cluster.ports[to] ?? 0 })
  }

  /** Opens the slot on both sides: no key has moved yet. */
  async begin (): Promise<void> {
    await this.#on(this.#to, 'setslot', 'importing', this.#ids[this.#from])
    await this.#on(this.#from, 'setslot', 'migrating', this.#ids[this.#to])
  }

  /** Moves the keys that match, or all. Fails if the target has one of them already. */
  async move (matches: (key: string) => boolean = () => true): Promise<number> {
    const source = this.#masters[this.#from] as Redis
    const keys = (await source.call('cluster', 'getkeysinslot', String(this.slot), '100000') as string[]).filter(matches)
    if (keys.length > 0) await source.call('migrate', '127.0.0.1', String(this.#port), '', '0', '5000', 'KEYS', ...keys)
    return keys.length
  }

  /** Gives the slot to the target, whose it then is for all. */
  async finish (): Promise<void> {
    for (const n of [this.#to, this.#from, 3 - this.#to - this.#from]) await this.#on(n, 'setslot', 'node', this.#ids[this.#to])
  }

  close (): void {
    for (const node of this.#masters) node.disconnect()
  }

  async #on (n: number, command: string, ...args: readonly (string | undefined)[]): Promise<void> {
    await this.#masters[n]?.call('cluster', command, String(this.slot), ...args as string[])
  }
}

function ownsSlot (nodes: string, slot: number): boolean {
  const own = nodes.split('\n').find(line => line.includes('myself')) ?? ''
  return own.split(' ').slice(8).some(range => {
    if (range.startsWith('[')) return false
    const [first = '', last = first] = range.split('-')
    return Number(first) <= slot && slot <= Number(last)
  })
}

const run = promisify(execFile)

/** Runs `redis-cli --cluster reshard`: the first slots of one master, by its number, go to another. Rejects with what the tool says if it fails. */
export async function reshard (cluster: RedisCluster, { from, to, slots }: { from: number, to: number, slots: number }): Promise<void> {
  const id = async (n: number): Promise<string> =>
    (await run('redis-cli', ['-p', String(cluster.ports[n]), 'cluster', 'myid'])).stdout.trim()
  const [source, target] = await Promise.all([id(from), id(to)])
  await run('redis-cli', [
    '--cluster', 'reshard', `127.0.0.1:${cluster.ports[0]}`, '--cluster-from', source, '--cluster-to', target,
    '--cluster-slots', String(slots), '--cluster-yes'
  ], { maxBuffer: 1e8 }).catch((error: unknown) => {
    const { stdout = '', stderr = '' } = error as { stdout?: string, stderr?: string }
    throw new Error(`${stdout.slice(-500)}\n${stderr.slice(-500)}`)
  })
}
