import { Worker } from 'node:worker_threads'
import { withTimeout } from '../../async.ts'
import type { Order, Task } from './checkpointer.ts'
import type { Database } from './database.ts'
import { checkpointEvery } from './schema.ts'

/** Pages of a log (64 MB) above which SQLite copies it in the writer: constant writes kept the worker from finishing. */
const limit = 16_384
/** Pages (4 MB) above which activity waits for the worker to finish. */
const long = 1000
/** Maximum time in milliseconds of this wait: after a longer one the write would count as failed, and be repeated. */
const patience = 100

export interface CheckpointsOptions extends Task {
  readonly warn: (message: string, cause?: unknown) => void
  /** The module that the worker runs. Default: the one beside this. */
  readonly module?: URL
}

/**
 * Copies the write-ahead log into the file, in a worker thread, because it waits for the disk. The worker starts with the first checkpoint,
 * and does not keep the process alive. If it cannot start, SQLite makes checkpoints in the writer.
 */
export class Checkpoints {
  readonly #database: Database
  readonly #options: CheckpointsOptions
  #worker: Worker | null = null
  #off = false
  /** Number of changed rows when the last pass started. A changed row is about a page of the log. */
  #changes = 0
  /** Pages of the log after the last pass. */
  #log = 0
  #pass: Promise<void> | null = null
  #passed = (): void => {}

  constructor (database: Database, options: CheckpointsOptions) {
    this.#database = database
    this.#options = options
    database.setCheckpoint(limit)
    database.onCommit = () => { this.#look() }
  }

  /** The promise that activity awaits if the log is long: without a pause, the log would never be copied completely, and only grow. */
  get pause (): Promise<void> | null {
    return this.#pass === null || this.#log < long ? null : withTimeout(this.#pass, patience).catch(() => {})
  }

  /** Makes a last checkpoint, and ends the worker. */
  async close (): Promise<void> {
    const worker = this.#worker
    this.#off = true
    if (worker === null) return
    const ended = new Promise(resolve => { worker.once('exit', resolve) })
    worker.ref()
    worker.postMessage('close' satisfies Order)
    await ended
  }

  #look (): void {
    if (this.#off || this.#pass !== null) return
    const changes = this.#database.changes
    if (changes - this.#changes < checkpointEvery) return
    this.#changes = changes
    try {
      this.#worker ??= this.#start()
    } catch (error) {
      this.#fallBack(error)
      return
    }
    this.#pass = new Promise(resolve => { this.#passed = resolve })
    this.#worker.postMessage('pass' satisfies Order)
  }

  #start (): Worker {
    const { file, driver, module = beside('checkpointer') } = this.#options
    const worker = new Worker(module, {
      name: 'sqlite checkpoints',
      workerData: { file, driver } satisfies Task,
      // modules that the app preloads are useless there; TypeScript may require them
      ...module.pathname.endsWith('.js') && { execArgv: [] }
    })
    let cause: unknown
    worker.on('message', (log: number) => {
      this.#settle(log)
      // above the limit, the next writer must find the worker idle
      if (log < limit) this.#look()
    })
    worker.on('error', error => { cause = error })
    worker.on('exit', () => {
      this.#worker = null
      this.#settle(0)
      if (!this.#off) this.#fallBack(cause)
    })
    // after the listeners: a listener for messages keeps the process alive
    worker.unref()
    return worker
  }

  #settle (log: number): void {
    this.#log = log
    this.#pass = null
    this.#passed()
  }

  #fallBack (cause: unknown): void {
    this.#off = true
    this.#database.setCheckpoint(checkpointEvery)
    this.#options.warn(
      'Checkpoints of the SQLite file hold up requests from now on, because the worker thread that makes them did not start, or ended',
      cause
    )
  }
}

/** Returns the URL of a module in this directory, with the extension of this one. */
function beside (name: string): URL {
  return new URL(`${name}${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)
}
