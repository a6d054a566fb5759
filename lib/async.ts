/** A repeated task. It never overlaps itself, never keeps the process alive, and its stop waits for a run that is under way. */
export class Timer {
  readonly #task: () => Promise<void>
  readonly #delay: () => number
  #timeout: NodeJS.Timeout | undefined
  #running: Promise<void> | null = null
  #stopped = false

  /**
   * @param task must not reject
   * @param options `delay`: milliseconds until the next run, asked before each; capped at what timers can hold (24.8 days)
   */
  constructor (task: () => Promise<void>, options: { readonly delay: () => number }) {
    this.#task = task
    this.#delay = options.delay
  }

  start (): this {
    clearTimeout(this.#timeout)
    this.#timeout = setTimeout(() => { void this.run() }, Math.min(this.#delay(), 0x7fffffff))
    this.#timeout.unref()
    return this
  }

  /** Runs now, or joins the run that is under way; the next one is a whole delay later. */
  run (): Promise<void> {
    clearTimeout(this.#timeout)
    this.#running ??= this.#task().finally(() => {
      this.#running = null
      if (!this.#stopped) this.start()
    })
    return this.#running
  }

  async stop (): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timeout)
    await this.#running
  }
}

/** Rejects if the promise takes longer than so many milliseconds; what it was for goes on, and nobody hears of it. */
export function inTime <T> (promise: PromiseLike<T>, timeout: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(`no answer within ${timeout} ms`)) }, timeout)
    promise.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, (error: unknown) => {
      clearTimeout(timer)
      reject(error)
    })
  })
}
/** Lets whoever waits have a turn: what a store answers at once, step after step, must not hold up requests. */
export async function turn (): Promise<void> {
  await new Promise<void>(resolve => { setImmediate(resolve) })
}
/** Whether a store's answer is yet to come. */
export function isThenable<T> (value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
/** A value now, or later. Memory and SQLite answer at once; the request path then awaits nothing. */
export type Awaitable<T> = T | PromiseLike<T>
