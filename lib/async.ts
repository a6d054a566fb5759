/** A repeated task. It never overlaps itself and never keeps the process alive. `stop` waits for the current run. */
export class Timer<T = void> {
  readonly #task: () => Promise<T>
  readonly #delay: () => number
  #timeout: NodeJS.Timeout | undefined
  #running: Promise<T> | null = null
  #stopped = false

  /**
   * @param task must not reject
   * @param options `delay`: returns the milliseconds until the next run, capped at the maximum of timers (24.8 days)
   */
  constructor (task: () => Promise<T>, options: { readonly delay: () => number }) {
    this.#task = task
    this.#delay = options.delay
  }

  start (): this {
    clearTimeout(this.#timeout)
    this.#timeout = setTimeout(() => { void this.run() }, Math.min(this.#delay(), 0x7fffffff))
    this.#timeout.unref()
    return this
  }

  /** Runs the task now, or joins the current run; the next run is a full delay later. */
  run (): Promise<T> {
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

/** Rejects if the promise takes longer than `timeout` milliseconds. The work behind it continues, and its result is ignored. */
export function withTimeout <T> (promise: PromiseLike<T>, timeout: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error(`no response within ${timeout} ms`)) }, timeout)
    promise.then(value => {
      clearTimeout(timer)
      resolve(value)
    }, (error: unknown) => {
      clearTimeout(timer)
      reject(error)
    })
  })
}

/** Runs steps one after the other. Without contention, a step starts at once and costs one promise. */
export class Mutex {
  #busy = false
  readonly #waiting: (() => void)[] = []

  /** Whether a step is in flight. */
  get isBusy (): boolean { return this.#busy }

  /** @param step `waited`: another step ran between the call and the start of this one */
  async runExclusive <T> (step: (waited: boolean) => Promise<T>): Promise<T> {
    const waits = this.#busy
    if (waits) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
    this.#busy = true
    try {
      return await step(waits)
    } finally {
      // the next waiting step starts before a new one can
      const next = this.#waiting.shift()
      this.#busy = next !== undefined
      next?.()
    }
  }
}

/** Yields to the event loop: a series of synchronous store results must not block requests. */
export async function yieldToEventLoop (): Promise<void> {
  await new Promise<void>(resolve => { setImmediate(resolve) })
}
/** Returns whether a store's result is a promise. */
export function isThenable<T> (value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
/**
 * Calls listeners with one value. A listener that throws or rejects is reported, and disturbs neither another listener nor the caller.
 * Listeners that are added meanwhile are not called.
 */
export function callListeners<T> (listeners: Iterable<(value: T) => unknown>, value: T, onError: (error: unknown) => void): void {
  for (const listener of [...listeners]) {
    try {
      const result = listener(value)
      if (isThenable(result)) Promise.resolve(result).catch(onError)
    } catch (error) {
      onError(error)
    }
  }
}

/** A value or a promise of it. Memory and SQLite return values, so that the request path need not await. */
export type Awaitable<T> = T | PromiseLike<T>

/** Yields the pages of a list until the cursor is `null`. Requests are served between two pages. */
export async function * pagesOf <T extends { readonly cursor: string | null }> (
  next: (cursor: string | null) => Awaitable<T>
): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | null = null, more = true; more;) {
    const page: T = await next(cursor)
    yield page
    cursor = page.cursor
    more = cursor !== null
    if (more) await yieldToEventLoop()
  }
}
