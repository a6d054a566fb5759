import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { onCore } from './cores.js'

const engines = { redis: startRedis, postgres: startPostgres, file: startFile }

/** Starts what a store needs, in a directory of its own that goes with it; `missing`: why it can't be had on this machine. */
export async function startEngine (name) {
  const dir = mkdtempSync(join(tmpdir(), 'sessions-bench-'))
  const remove = () => { rmSync(dir, { recursive: true, force: true }) }
  const engine = await engines[name](dir)
  if (engine.missing !== undefined) remove()
  return { ...engine, async stop () { await engine.stop?.(); remove() } }
}

function startFile (dir) {
  return { path: join(dir, 'sessions.db') }
}

async function startRedis (dir) {
  const path = join(dir, 'redis.sock')
  const server = run(['redis-server', '--port', '0', '--unixsocket', path, '--dir', dir, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'])
  const { createClient } = await import('redis')
  const client = createClient({ socket: { path, reconnectStrategy: tries => tries > 100 ? new Error('no answer') : 50 } })
  client.on('error', () => {})
  if (!await Promise.race([client.connect().then(() => true, () => false), server.failed])) {
    client.destroy()
    return { missing: 'redis-server not found' }
  }
  let counting
  return {
    path,
    client,
    async connectStore () {
      const { RedisStore } = await import('connect-redis')
      return new RedisStore({ client })
    },
    /** Counts the commands that it is sent from here on; what a script does is not among them. */
    async count () {
      counting = connect(path)
      counting.write('MONITOR\r\n')
      await once(counting, 'data')
      counting.setEncoding('latin1')
      counting.lines = []
      let rest = ''
      counting.on('data', text => {
        const lines = `${rest}${text}`.split('\r\n')
        rest = lines.pop()
        counting.lines.push(...lines.filter(line => !/^\S+ \[\d+ lua\]/.test(line)))
      })
    },
    async counted () {
      await client.ping()
      counting.destroy()
      return counting.lines.length - 1
    },
    async stop () {
      client.destroy()
      await server.stop()
    }
  }
}

async function startPostgres (dir) {
  const bin = postgresBin()
  if (bin === undefined) return { missing: 'PostgreSQL not found' }
  const data = join(dir, 'data')
  // PostgreSQL refuses root: as root it runs as nobody
  const as = userInfo().uid === 0 ? { uid: 65534, gid: 65534 } : {}
  if (as.uid !== undefined) chownSync(dir, as.uid, as.gid)
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'sessions', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], { ...as, cwd: dir, stdio: 'pipe' })
  const server = run([join(bin, 'postgres'), '-D', data, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${dir}`, '-c', 'fsync=off'], { ...as, cwd: dir })
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ host: dir, user: 'sessions', database: 'postgres', max: 10 })
  for (let tries = 0; ; tries++) {
    try {
      await pool.query('SELECT 1')
      break
    } catch (error) {
      if (tries === 100) return { missing: error.message }
      await new Promise(resolve => { setTimeout(resolve, 100) })
    }
  }
  return {
    pool,
    async stop () {
      await pool.end()
      await server.stop('SIGINT')
    }
  }
}

function postgresBin () {
  const debian = '/usr/lib/postgresql'
  const installed = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)).map(version => join(debian, version, 'bin')) : []
  return [...installed, ...(process.env.PATH ?? '').split(':')].find(bin => existsSync(join(bin, 'initdb')))
}

/** Runs a server beside the load, not beside the server that is measured. */
function run (command, options = {}) {
  const [file, ...args] = onCore('load', command)
  const server = spawn(file, args, { ...options, stdio: 'ignore' })
  const ended = new Promise(resolve => { server.on('exit', () => { resolve(false) }); server.on('error', () => { resolve(false) }) })
  return {
    failed: ended,
    async stop (signal = 'SIGTERM') {
      server.kill(signal)
      await ended
    }
  }
}
