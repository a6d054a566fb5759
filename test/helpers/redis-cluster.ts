import { Redis } from 'ioredis'
import { freePorts, RedisServer, until } from './redis.ts'
import type { Binary } from './redis.ts'

/** A cluster of our own: three masters with a replica each, on free ports. */
export class RedisCluster {
  readonly ports: readonly number[]
  readonly servers: readonly RedisServer[]

  private constructor (ports: readonly number[], servers: readonly RedisServer[]) {
    this.ports = ports
    this.servers = servers
  }

  static async start (binary: Binary | undefined): Promise<RedisCluster> {
    const all = await freePorts(12)
    const servers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        new RedisServer(binary, [
          '--port',
          String(all[n]),
          '--bind',
          '127.0.0.1',
          '--cluster-enabled',
          'yes',
          '--cluster-port',
          String(all[n + 6]),
          '--cluster-node-timeout',
          '1000',
          '--cluster-replica-validity-factor',
          '0',
          '--repl-diskless-sync-delay',
          '0'
        ]).start()
      )
    )
    const cluster = new RedisCluster(all.slice(0, 6), servers)
    await cluster.#form(all.slice(6))
    return cluster
  }

  async #form (buses: readonly number[]): Promise<void> {
    const nodes = this.servers.map(server => new Redis(server.socket))
    const ids = await Promise.all(nodes.map(node => node.call('cluster', 'myid') as Promise<string>))
    await Promise.all(nodes.slice(0, 3).map(async (node, n) => {
      await node.call('cluster', 'set-config-epoch', String(n + 1))
      await node.call('cluster', 'addslotsrange', String(Math.ceil(n * 16384 / 3)), String(Math.ceil((n + 1) * 16384 / 3) - 1))
    }))
    await Promise.all(nodes.slice(1).map(node => node.call('cluster', 'meet', '127.0.0.1', String(this.ports[0]), String(buses[0]))))
    const know = async (node: Redis, count: number): Promise<boolean> => {
      const info = await node.cluster('INFO')
      return info.includes(`cluster_known_nodes:${count}`) && info.includes('cluster_state:ok')
    }
    await until(async () => (await Promise.all(nodes.map(node => know(node, 6)))).every(Boolean))
    await Promise.all(nodes.slice(3).map((node, n) => node.call('cluster', 'replicate', ids[n] as string)))
    await until(async () =>
      (await Promise.all(nodes.slice(0, 3).map(async node => (await node.info('replication')).includes('state=online')))).every(Boolean)
    )
    for (const node of nodes) node.disconnect()
    await this.patience(30_000)
  }

  /** How long a node may be silent before another takes its place, in milliseconds: long, until a test wants one to die. */
  async patience (milliseconds: number): Promise<void> {
    await this.#each(this.servers, node => node.config('SET', 'cluster-node-timeout', String(milliseconds)))
  }

  /** Resolves when replicas have all that was written so far. */
  async replicated (): Promise<void> {
    const written = await this.#each(this.servers.slice(0, 3), async node => offsetOf(await node.info('replication'), 'master_repl_offset'))
    await this.#each(this.servers.slice(3), (node, n) =>
      until(async () => offsetOf(await node.info('replication'), 'slave_repl_offset') >= Number(written[n]))
    )
  }

  async #each <T> (servers: readonly RedisServer[], ask: (node: Redis, n: number) => Promise<T>): Promise<T[]> {
    const nodes = servers.map(server => new Redis(server.socket))
    try {
      return await Promise.all(nodes.map(ask))
    } finally {
      for (const node of nodes) node.disconnect()
    }
  }

  async close (): Promise<void> {
    await Promise.all(this.servers.map(server => server.close()))
  }
}

/** How far a server's stream of writes is. */
export function offsetOf (info: string, field: 'master_repl_offset' | 'slave_repl_offset'): number {
  return Number(new RegExp(`${field}:(\\d+)`).exec(info)?.[1])
}
