import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onCore, pinned } from './cores.js'
import { load } from './load.js'

const child = new URL('child.js', import.meta.url).pathname

/**
 * A young generation of one size from the start. V8 lets it grow from 1 MB to 16 MB if much survives, and so by luck: one and the same
 * server took 0.6 or 3.2 µs a request for garbage, from its start to its end.
 */
const heap = '--min-semi-space-size=16'

/**
 * Before each measurement, so many seconds of the same: a server comes from a rest, its data is in no cache of the processor any more, and
 * what V8 put off while it rested is done first.
 */
const leadIn = 0.3

/** Servers in processes of their own, each on the same core; those that nobody asks cost nothing. */
export class Fleet {
  #started = []

  /** Starts the named servers; answers those that work on this machine. */
  async start (names, { flags = [], log }) {
    const started = []
    for (const name of names) {
      const server = new Server(name, flags)
      this.#started.push(server)
      if (await server.ready()) started.push(server)
      else log(`${name}: ${server.missing}`)
    }
    return started
  }

  async stop () {
    await Promise.all(this.#started.map(server => server.stop()))
    this.#started = []
  }
}

class Server {
  port = 0
  /** Why it does not run on this machine. */
  missing = null
  #process
  #answers = []

  constructor (name, flags) {
    this.name = name
    const [command, ...args] = onCore('server', [process.execPath, heap, '--expose-gc', ...flags, child, name])
    this.#process = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...process.env, NODE_ENV: 'production' } })
    this.#process.on('message', message => { this.#answers.shift()?.(message) })
  }

  async ready () {
    const { port, missing } = await Promise.race([this.#answer(), once(this.#process, 'exit').then(() => ({ missing: 'it did not start' }))])
    this.port = port
    this.missing = missing
    return missing === undefined
  }

  /** Asks the process for something: `usage`, `heap`, or what its server offers. */
  async ask (what, options = {}) {
    this.#process.send({ what, options })
    return this.#answer()
  }

  /** Loads the server; answers CPU microseconds of its process per answer, and answers per second. `awake`: of the client, see `load`. */
  async measure ({ awake = true, ...options }) {
    const all = { port: this.port, awake: awake && pinned, ...options }
    if (options.seconds !== undefined) await load({ ...all, seconds: leadIn })
    const before = await this.ask('usage')
    const { answers, failures, seconds } = await load(all)
    const after = await this.ask('usage')
    if (failures > 0) throw new Error(`${this.name}: ${failures} of ${answers} answers were no success`)
    const cpu = after.cpu - before.cpu
    return { answers, cpu: cpu / answers, throughput: answers / seconds, busy: cpu / seconds / 1e6 }
  }

  /** Stands still until it is resumed: garbage collections of servers at rest would fall into the time of those that are measured on the same core. */
  pause () {
    if (pinned) this.#process.kill('SIGSTOP')
  }

  resume () {
    if (pinned) this.#process.kill('SIGCONT')
  }

  async stop () {
    this.resume()
    if (this.#process.exitCode !== null || !this.#process.connected) return
    this.#process.disconnect()
    await once(this.#process, 'exit')
  }

  #answer () {
    return new Promise(resolve => { this.#answers.push(resolve) })
  }
}
