import { toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'

/** A clock that stands still until a test moves it. */
export interface TestClock {
  /** For the option `now`. */
  readonly now: () => number
  /** Moves it on: `clock.advance('31m')`. */
  advance (length: Duration): void
}

/** Makes a clock for the option `now`, so that a test need not wait. `start`: default the present. */
export function testClock (start: Date | number = Date.now()): TestClock {
  let instant = Number(start)
  return {
    now: () => instant,
    advance (length) { instant += toMilliseconds(length, 'length') }
  }
}
