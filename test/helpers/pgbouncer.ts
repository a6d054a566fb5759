import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort, skip as noPostgres } from './postgres.ts'
import type { PostgresServer } from './postgres.ts'

const program = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(':')]
  .map(dir => join(dir, 'pgbouncer'))
  .find(path => existsSync(path))
const missing = program === undefined && process.env['CI'] === undefined

/** Why tests are skipped, where there is no PgBouncer. In CI there must be one. */
export const skip = noPostgres === false && missing ? 'pgbouncer not found' : noPostgres

/** A PgBouncer before a server, with two connections to it. */
export async function startPgBouncer (
  server: PostgresServer, mode: 'transaction' | 'session'
): Promise<{ readonly url: string, stop (): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'sessions-pgbouncer-'))
  const port = await freePort()
  const file = join(dir, 'pgbouncer.ini')
  writeFileSync(join(dir, 'users'), '"sessions" ""\n')
  writeFileSync(file, `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(dir, 'users')}
pool_mode = ${mode}
default_pool_size = ${mode === 'session' ? 20 : 2}
ignore_startup_parameters = extra_float_digits
`)
  const root = userInfo().uid === 0
  if (root) for (const path of [dir, file, join(dir, 'users')]) chownSync(path, 65534, 65534)
  const child = spawn(program ?? '', [file], { ...root ? { uid: 65534, gid: 65534 } : {}, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  for await (const chunk of child.stderr) {
    log += String(chunk)
    if (log.includes('process up')) break
  }
  if (!log.includes('process up')) throw new Error(log)
  child.stderr.resume()
  return {
    url: `postgres://sessions@127.0.0.1:${port}/postgres`,
    async stop () {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      rmSync(dir, { recursive: true, force: true })
    }
  }
}
