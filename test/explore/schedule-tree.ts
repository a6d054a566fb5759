import { apart, independent } from './scheduler.ts'
import type { Step } from './scheduler.ts'

/** One point of a schedule at which something had to be chosen. */
interface Branch {
  readonly enabled: readonly Step[]
  /** Of these, what has to be tried: all, or one that touches nothing that can ever happen (a persistent set). */
  readonly choice: readonly Step[]
  /** What need not be taken here: it was, and what came since did not touch it. */
  readonly asleep: Set<string>
  chosen: Step
}

/**
 * Every schedule, depth first: each run repeats the choices of the one before up to the last point where another is left, and goes on
 * from there. Schedules that differ only in the order of steps that do not touch each other give the same; of those, one is run (sleep
 * sets and persistent sets: P. Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, 1996, §4 and §5), unless
 * `reduce` is false.
 */
export class ScheduleTree {
  readonly #path: Branch[] = []
  readonly #reduce: boolean
  #depth = 0

  constructor (reduce = true) {
    this.#reduce = reduce
  }

  /** What to do next in this run; `null`: all that is left here is run elsewhere. */
  choose (enabled: readonly Step[]): Step | null {
    const known = this.#path[this.#depth]
    if (known !== undefined) {
      this.#depth++
      const again = enabled.find(step => step.key === known.chosen.key)
      if (again === undefined) throw new Error(`a schedule cannot be repeated: ${known.chosen.key} is not there`)
      return again
    }
    const asleep = this.#inherited()
    const alone = this.#reduce ? enabled.find(step => apart(step, enabled)) : undefined
    const choice = alone === undefined ? [...enabled] : [alone]
    const chosen = choice.find(step => !asleep.has(step.key))
    if (chosen === undefined) return null
    this.#path.push({ enabled: [...enabled], choice, asleep, chosen })
    this.#depth++
    return chosen
  }

  /** Moves on to the next schedule. Answers whether there is one. */
  next (): boolean {
    this.#depth = 0
    for (let branch = this.#path.at(-1); branch !== undefined; branch = this.#path.at(-1)) {
      branch.asleep.add(branch.chosen.key)
      const other = branch.choice.find(step => !branch.asleep.has(step.key))
      if (other !== undefined) {
        branch.chosen = other
        return true
      }
      this.#path.pop()
    }
    return false
  }

  #inherited (): Set<string> {
    const parent = this.#path.at(-1)
    if (parent === undefined || !this.#reduce) return new Set()
    const { enabled, asleep, chosen } = parent
    return new Set(enabled.filter(step => asleep.has(step.key) && independent(step, chosen)).map(step => step.key))
  }
}
