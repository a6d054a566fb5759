import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** A server of this test's own: on a free port of 127.0.0.1, in a directory that goes with it. */
export interface PostgresServer {
  readonly version: string
  readonly data: string
  readonly port: number
  readonly url: string
  start (): Promise<void>
  /** `fast`: connections are closed; `immediate`: as a crash would. */
  stop (mode?: 'fast' | 'immediate'): Promise<void>
  /** Stops every process of it where it stands, and lets them go on. */
  freeze (): void
  thaw (): void
  /** Stops it, and takes its directory away. */
  remove (): Promise<void>
}

/** The installations that are found: what `POSTGRES_BINS` names (directories of programs, with colons between), and the newest of this machine. */
export function postgresBins (): string[] {
  const debian = '/usr/lib/postgresql'
  const installed = existsSync(debian)
    ? readdirSync(debian)
      .sort((a, b) => Number(b) - Number(a))
      .map(version => join(debian, version, 'bin'))
    : []
  const onPath = (process.env['PATH'] ?? '').split(':')
  const newest = [...installed, ...onPath].find(bin => existsSync(join(bin, 'initdb')))
  const named = (process.env['POSTGRES_BINS'] ?? '').split(':').filter(bin => bin !== '')
  return [...newest === undefined ? [] : [newest], ...named]
}

/** Why tests are skipped, where there is no PostgreSQL. In CI there must be one. */
export const skip = postgresBins().length === 0 && process.env['CI'] === undefined ? 'initdb not found' : false

/** Programs of PostgreSQL, with their arguments: they make the directory `data`. */
type Making = (data: string) => readonly [program: string, ...args: string[]]

const newCluster: Making = data => ['initdb', '-D', data, '-U', 'sessions', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']

/** Makes a cluster and starts it. PostgreSQL refuses root: as root it runs as nobody. */
export async function startPostgres (
  bin = postgresBins()[0] ?? '', settings: Readonly<Record<string, string>> = {}, making = newCluster
): Promise<PostgresServer> {
  const dir = mkdtempSync(join(tmpdir(), 'sessions-postgres-'))
  const root = userInfo().uid === 0
  const as = root ? { uid: 65534, gid: 65534 } : {}
  chmodSync(dir, 0o700)
  if (root) chownSync(dir, 65534, 65534)
  const data = join(dir, 'data')
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }
  const [program, ...args] = making(data)
  execFileSync(join(bin, program), args, { ...as, cwd: dir, env, stdio: 'pipe' })
  const port = await freePort()
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '16MB',
    max_connections: '60',
    ...settings
  }
  let server: ChildProcess | null = null

  const start = async (): Promise<void> => {
    server = spawn(join(bin, 'postgres'), ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
      ...as,
      cwd: dir,
      env,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    const { stderr } = server
    let log = ''
    for await (const chunk of stderr ?? []) {
      log += String(chunk)
      if (log.includes('ready to accept')) break
    }
    if (!log.includes('ready to accept')) throw new Error(log)
    stderr?.resume()
  }
  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => {
    if (server === null || server.exitCode !== null) return
    const exited = once(server, 'exit')
    server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await exited
  }
  const signal = (name: NodeJS.Signals): void => {
    const pid = server?.pid ?? 0
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
    for (const each of [pid, ...children]) process.kill(each, name)
  }
  await start()
  return {
    port,
    data,
    version: readFileSync(join(data, 'PG_VERSION'), 'utf8').trim(),
    url: `postgres://sessions@127.0.0.1:${port}/postgres`,
    start,
    stop,
    freeze () { signal('SIGSTOP') },
    thaw () { signal('SIGCONT') },
    async remove () {
      await stop('immediate')
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

/** A hot standby that streams from another server. */
export async function startStandby (primary: PostgresServer): Promise<PostgresServer> {
  const source = primary.url.replace(/\w+$/, '')
  return startPostgres(undefined, {}, data => ['pg_basebackup', '-D', data, '-d', source, '-X', 'stream', '-c', 'fast', '-R', '-N'])
}

/** A pool of `pg` for a server. */
export function pgPool (server: PostgresServer, options: pg.PoolConfig = {}): pg.Pool {
  return new pg.Pool({ connectionString: server.url, max: 5, ...options })
}

export async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
