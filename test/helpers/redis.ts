import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../../lib/index.ts'
import type { TestEnvironment } from '../../lib/testing/index.ts'

/** A server binary, and what it calls itself: `Redis 7.0.15`, `Valkey 8.1.1`. */
export interface Binary {
  readonly path: string
  readonly name: string
}

/** `redis-server` from PATH, and those that REDIS_SERVERS names. */
export function binaries (): Binary[] {
  const paths = [
    ...(process.env['PATH'] ?? '').split(delimiter).map(dir => join(dir, 'redis-server')),
    ...(process.env['REDIS_SERVERS'] ?? '').split(delimiter)
  ]
  const first = paths.find(path => existsSync(path))
  return [...new Set([first ?? '', ...(process.env['REDIS_SERVERS'] ?? '').split(delimiter)])].filter(path => path !== '').map(path => {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' })
    const [, product = 'Redis', number = ''] = /^(\w+) server v=(\S+)/.exec(version) ?? []
    return { path, name: `${product} ${number}` }
  })
}

/** Why a test of a server cannot run here; `false` if it can. In CI it must. */
export function missing (binary: Binary | undefined): string | false {
  return binary === undefined && process.env['CI'] === undefined ? 'redis-server not found' : false
}

/** A server of our own, on a socket in a directory of its own, or on free ports. */
export class RedisServer {
  readonly dir = mkdtempSync(join(tmpdir(), 'fsm-redis-'))
  readonly socket = join(this.dir, 's')
  readonly #path: string
  readonly #args: readonly string[]
  #process: ChildProcess | null = null

  constructor (binary: Binary | undefined, args: readonly string[] = ['--port', '0']) {
    this.#path = binary?.path ?? 'redis-server'
    this.#args = args
  }

  get url (): string { return this.socket }

  /** Starts, and resolves when the server takes connections. */
  async start (more: readonly string[] = []): Promise<this> {
    const child = spawn(
      this.#path,
      ['--unixsocket', this.socket, '--save', '', '--appendonly', 'no', '--dir', this.dir, '--daemonize', 'no', ...this.#args, ...more],
      { stdio: ['ignore', 'pipe', 'pipe'] }
    )
    this.#process = child
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        log += chunk.toString()
        if (log.includes('eady to accept connections')) resolve()
      })
      child.once('exit', () => { reject(new Error(`${this.#path} did not start: ${log}`)) })
    })
    return this
  }

  kill (signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#process?.kill(signal)
  }

  /** Ends the process, and resolves when it is gone. */
  async stop (): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exit
  }

  async close (): Promise<void> {
    await this.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Waits for something that only servers know, for two minutes at most. */
export async function until (condition: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 120_000
  while (!await condition()) {
    if (performance.now() > giveUp) throw new Error(`not within two minutes: ${String(condition)}`)
    await delay(20)
  }
}

/** Ports that nobody uses, with the one that a cluster's bus takes (10,000 further up). */
export async function freePorts (count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async server => { server.close(); await once(server, 'close') }))
  return ports
}

export interface EnvironmentSource {
  /** Opens another store with a prefix, as another node would. */
  open (prefix: string): Store
  /** How many keys begin with a prefix. */
  countEntries (prefix: string): Promise<number>
}

/** An environment with prefixes of its own on a server that others use, too. */
export async function environmentOn (server: EnvironmentSource): Promise<TestEnvironment> {
  const clock = { now: Date.now() }
  const place = randomBytes(6).toString('hex')
  const opened: Store[] = []
  return {
    clock,
    async open ({ app = 'app', history = 86_400_000, historyPerUser = 20 } = {}) {
      const store = server.open(`${place}:${app}:`)
      await store.open({ now: () => clock.now, history, historyPerUser, warn: () => {} })
      opened.push(store)
      return store
    },
    countEntries: () => server.countEntries(`${place}:app:`),
    async close () { for (const store of opened) await store.close() }
  }
}
