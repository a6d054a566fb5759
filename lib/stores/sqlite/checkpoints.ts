import { Worker } from 'node:worker_threads'
import { withTimeout } from '../../async.ts'
import type { Order, Task } from './checkpointer.ts'
import type { Database } from './database.ts'
import { checkpointEvery } from './schema.ts'

/** Pages of a log (64 MB) from which on SQLite copies it in the writer: constant writes kept the worker from coming to its end. */
const limit = 16_384
/** Pages from which on (4 MB) activity waits for the worker to come to the end. */
const long = 1000
/** Milliseconds that it waits at most: a longer wait would count as failed, and the activity would be sent again. */
const patience = 100

export interface CheckpointsOptions extends Task {
  readonly warn: (message: string, cause?: unknown) => void
  /** The module that the worker runs: the one beside this, if nothing else is said. */
  readonly module?: URL
}

/**
 * Copies the write-ahead log into the file, in a worker thread, because it waits for the disk. The worker starts when there is something
 * to copy, keeps no process alive, and if it cannot be had SQLite makes checkpoints in the writer again.
 */
export class Checkpoints {
  readonly #database: Database
  readonly #options: CheckpointsOptions
  #worker: Worker | null = null
  #off = false
  /** Rows that had been changed when the last pass began. A changed row is about a page of the log. */
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

  /** What activity waits for, if the log is long: without a pause, the log would never be copied to its end, and would only grow. */
  get pause (): Promise<void> | null {
    return this.#pass === null || this.#log < long ? null : withTimeout(this.#pass, patience).catch(() => {})
  }

  /** Makes a last one, and ends the worker. */
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
      // what an app preloads is of no use there; TypeScript may need it
      ...module.pathname.endsWith('.js') && { execArgv: [] }
    })
    let cause: unknown
    worker.on('message', (log: number) => {
      this.#settle(log)
      // beyond the limit, the next writer has to find the worker at rest
      if (log < limit) this.#look()
    })
    worker.on('error', error => { cause = error })
    worker.on('exit', () => {
      this.#worker = null
      this.#settle(0)
      if (!this.#off) this.#fallBack(cause)
    })
    // after the listeners: one of messages keeps the process alive
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

/** A module of this directory, in the language that this one is in. */
function beside (name: string): URL {
  return new URL(`${name}${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)
}
