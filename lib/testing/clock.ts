import { toMilliseconds } from '../options.ts'
import type { Duration } from '../options.ts'

/** A clock that only moves when a test advances it. */
export interface TestClock {
  /** For the option `now`. */
  readonly now: () => number
  /** Advances it: `clock.advance('31m')`. */
  advance (length: Duration): void
}

/** Creates a clock for the option `now`, so that a test need not wait. `start`: default the current time. */
export function testClock (start: Date | number = Date.now()): TestClock {
  let timestamp = Number(start)
  return {
    now: () => timestamp,
    advance (length) { timestamp += toMilliseconds(length, 'length') }
  }
}
