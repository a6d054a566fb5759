import type { Awaitable } from '../../lib/async.ts'

/** What code of an actor meets other code in, besides the store. */
export interface Reach {
  /** What its node keeps in memory: activity that is not written, copies. */
  readonly node: boolean
  /** The browser's cookie. Two that bring one do not meet: the newer stays. */
  readonly cookie: 'reads' | 'brings' | null
}

/** How far the start of an actor reaches, and how far what it does with answers. */
export interface Reaches {
  readonly start: Reach
  readonly answer: Reach
  /** What it does in the store is told to nodes that keep copies. */
  readonly tells?: boolean
}

/** Far enough for whatever nobody knows better of. */
const far: Reaches = { start: { node: true, cookie: 'reads' }, answer: { node: true, cookie: 'brings' }, tells: true }
const told: Reach = { node: true, cookie: null }

/** Something that can happen next. */
export interface Step {
  /** The same in every schedule that has the same past, up to the order of steps that do not touch each other. */
  readonly key: string
  /**
   * `start` of an actor, the `effect` of a verb in the store, the `answer` that comes back from it, the `arrival` of what the store tells a
   * node unasked, or what touches everything: the `clock` that moves, a stream that breaks.
   */
  readonly kind: 'start' | 'effect' | 'answer' | 'arrival' | 'clock'
  /** On which node it runs. */
  readonly node: number
  /** An effect that changes nothing. */
  readonly readOnly: boolean
  /** How far the code reaches that runs in it, how far whatever its actor does later, and whether nodes may be told of that. */
  readonly reach: Reach
  readonly later: Reach
  readonly tells: boolean
  /** Whose continuation runs in it. */
  readonly owner: string
  readonly run: () => Awaitable<void>
}

/** Whether two steps give the same whichever comes first: reads, and code that does not meet, do not touch each other. */
export function independent (a: Step, b: Step): boolean {
  if (a.kind === 'clock' || b.kind === 'clock') return false
  if ((a.kind === 'effect') !== (b.kind === 'effect')) return true
  if (a.kind === 'effect') return a.readOnly && b.readOnly
  return !meet(a, a.reach, b, b.reach)
}

/**
 * Whether nothing else that can ever happen touches a step: then it need not be tried in any other place. A request may so always start
 * before the end that it comes after elsewhere: the model wants a look at the store for each, and hears when that happens.
 */
export function apart (step: Step, waiting: readonly Step[]): boolean {
  if (step.kind === 'effect' || step.kind === 'clock') return false
  // messages come to a node in their order
  const hears = step.kind !== 'arrival' && step.reach.node
  return waiting.every(
    other => other === step || (independent(step, other) && !meet(step, step.reach, other, other.later) && !(hears && other.tells))
  )
}

function meet (a: Step, aReach: Reach, b: Step, bReach: Reach): boolean {
  if (a.node === b.node && aReach.node && bReach.node) return true
  // an answer may bring the browser a cookie, with which an actor starts elsewhere
  return aReach.cookie !== bReach.cookie && aReach.cookie !== null && bReach.cookie !== null
}

/**
 * Decides what happens when. Nothing that goes to a store happens by itself: the verb waits until its step is taken, then its answer
 * waits, so that other actors can come in between at every point where somebody awaits.
 */
export class Scheduler {
  readonly #waiting: Step[] = []
  readonly #issued = new Map<string, number>()
  readonly #reaches = new Map<string, Reaches>()
  #owner = 'setup'
  #last: Promise<void> = Promise.resolve()
  /** How many steps were taken. */
  taken = 0
  /** Verbs go through by themselves: for what comes before and after the schedule. */
  free = true
  readonly trace: string[] = []

  /** What can happen now, in the order in which it was asked for. */
  get waiting (): readonly Step[] { return this.#waiting }

  /** An actor that may start, or what touches everything. */
  add (kind: 'start' | 'clock', owner: string, node: number, run: () => Awaitable<void>, reaches = far): void {
    this.#reaches.set(owner, reaches)
    this.#waiting.push({
      key: kind === 'start' ? `${owner}: starts` : owner,
      kind,
      node,
      readOnly: false,
      reach: reaches.start,
      later: reaches.answer,
      tells: reaches.tells === true,
      owner,
      run
    })
  }

  /** Something that a node is told. Answers what takes it away again; `null`: it has arrived. */
  arrival (key: string, node: number, run: () => void): (() => void) | null {
    if (this.free) {
      run()
      return null
    }
    const step: Step = { key, kind: 'arrival', node, readOnly: false, reach: told, later: told, tells: false, owner: key, run }
    this.#waiting.push(step)
    return () => { this.#waiting.splice(this.#waiting.indexOf(step), 1) }
  }

  /** A verb of a store, called by whoever runs now. */
  verb <T>(node: number, name: string, readOnly: boolean, effect: () => Awaitable<T>): Promise<T> {
    if (this.free) return this.alone(effect)
    const owner = this.#owner
    const nth = (this.#issued.get(owner) ?? 0) + 1
    this.#issued.set(owner, nth)
    const key = `${owner}: ${name}${nth === 1 ? '' : ` (${nth})`}`
    const { answer: reach, tells = false } = this.#reaches.get(owner) ?? far
    return new Promise(resolve => {
      const answer = (settle: () => void): void => {
        if (this.free) settle()
        else {
          this.#waiting.push({
            key: `${key} answers`,
            kind: 'answer',
            node,
            readOnly: false,
            reach,
            later: reach,
            tells,
            owner,
            run: settle
          })
        }
      }
      const run = async (): Promise<void> => {
        const done = effectOf(effect)
        await done.catch(() => {})
        answer(() => { resolve(done) })
      }
      this.#waiting.push({ key: `${key} happens`, kind: 'effect', node, readOnly, reach, later: reach, tells, owner, run })
    })
  }

  /**
   * What nobody schedules happens one at a time, in the order in which it was asked for: otherwise a server's speed would decide whether a
   * request sees what the one before it wrote in the background, and a schedule could not be repeated.
   */
  alone <T>(effect: () => Awaitable<T>): Promise<T> {
    const done = this.#last.then(() => { this.taken++; return effect() })
    this.#last = done.then(quiet, quiet)
    return done
  }

  /** Takes one step, and waits until everybody waits again. */
  async take (step: Step): Promise<void> {
    this.#waiting.splice(this.#waiting.indexOf(step), 1)
    this.#owner = step.owner
    this.taken++
    this.trace.push(step.key)
    await step.run()
    await quiet()
  }

  /** Takes whatever waits, until nothing does. */
  async drain (): Promise<void> {
    for (let step = this.#waiting[0]; step !== undefined; step = this.#waiting[0]) await this.take(step)
  }

  /** From here on nothing happens by itself; what was under way is done. */
  async hold (): Promise<void> {
    await this.#settled()
    this.free = false
  }

  /** From here on verbs go through by themselves; what waits, goes on. */
  async release (): Promise<void> {
    this.free = true
    await this.drain()
    await this.#settled()
  }

  /** What one does may make another ask for more. */
  async #settled (): Promise<void> {
    for (let last: Promise<void> | null = null; last !== this.#last;) await (last = this.#last)
  }
}

async function effectOf <T> (effect: () => Awaitable<T>): Promise<T> { return effect() }

/** Resolves when no promise has anything left to do: ticks come after all of them. */
function quiet (): Promise<void> {
  return new Promise(resolve => { process.nextTick(resolve) })
}
