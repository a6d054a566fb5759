import fc from 'fast-check'
import { SessionError } from '../../lib/errors.ts'
import { actors } from './actors.ts'
import { memoryPlace } from './engines.ts'
import { FaultyStore } from './faults.ts'
import type { Fault } from './faults.ts'
import { moments } from './scenarios.ts'
import { World } from './simulation.ts'

/** One thing that a random run does next. */
export type Move =
  /** An actor starts on a node. */
  | { readonly do: 'start', readonly actor: number, readonly node: number }
  /** One of those that wait goes on. */
  | { readonly do: 'go', readonly which: number }
  /** The clock jumps, ahead or back. */
  | { readonly do: 'jump', readonly by: number }

/** A long run: where it begins, what is done, what fails, and by how much the nodes' clocks are off. */
export interface Run {
  readonly moment: number
  readonly moves: readonly Move[]
  readonly faults: readonly Fault[]
  readonly skews: readonly [number, number]
}

const start = fc.record({ do: fc.constant('start' as const), actor: fc.nat(actors.length - 1), node: fc.nat(1) })
const go = fc.record({ do: fc.constant('go' as const), which: fc.nat(9) })
const ahead = fc.record({ do: fc.constant('jump' as const), by: fc.nat(1000) })
const jump = fc.record({
  do: fc.constant('jump' as const),
  by: fc.oneof(fc.integer({ min: -5000, max: 60_000 }), fc.constantFrom(-3_600_000, 3_600_000, 86_400_000))
})
const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Fault>('before', 'after', 'late') }
)

function runs (jumps: fc.Arbitrary<Move>, faults: fc.Arbitrary<Fault[]>, skew: number): fc.Arbitrary<Run> {
  const off = fc.integer({ min: -skew, max: skew })
  const move = fc.oneof({ weight: 4, arbitrary: start }, { weight: 12, arbitrary: go }, { weight: 1, arbitrary: jumps })
  return fc.record({
    moment: fc.nat(moments.length - 1),
    moves: fc.array(move, { minLength: 10, maxLength: 120 }),
    faults,
    skews: fc.tuple(off, off)
  })
}

/** What goes wrong in a kind of run. */
export const kinds: Readonly<Record<'nothing' | 'verbs' | 'clocks', fc.Arbitrary<Run>>> = {
  /** Every law holds to the last number. */
  nothing: runs(ahead, fc.constant([]), 0),
  /** Verbs fail, before they happen, after, and too late: counts and tidings may get lost; nothing may be too much. */
  verbs: runs(ahead, fc.array(fault, { minLength: 5, maxLength: 80 }), 0),
  /** The clocks of nodes are off, and jump, ahead and back: instants cannot be compared to the second; what ended stays so. */
  clocks: runs(jump, fc.constant([]), 200)
}

/** Plays a run, and answers what it breaks. */
export async function playRun ({ moment, moves, faults, skews }: Run): Promise<readonly string[]> {
  const place = memoryPlace()
  const { environment, user } = await place.environment()
  const faulty = faults.length > 0
  const skewed = skews.some(skew => skew !== 0) || moves.some(move => move.do === 'jump' && (move.by < 0 || move.by > 1000))
  let failing = false
  let nth = 0
  const world = await new World({
    environment, user, stores: await place.stores(environment), faulty, skewed, skews,
    between: store => new FaultyStore(store, () => failing ? faults[nth++] ?? 'none' : 'none')
  }).open()
  const { scheduler, monitor } = world
  await (moments[moment] as typeof moments[0] & object).prepare(world)
  await world.look()
  // many may pass: no request takes longer than the grace of an old cookie
  world.passes = Math.min(world.passes, 1000)
  await scheduler.hold()
  failing = true
  const done: Promise<void>[] = []
  let started = 0
  for (const move of moves) {
    if (move.do === 'jump') {
      environment.clock.now += move.by
      await world.look()
    } else if (move.do === 'start') {
      const actor = actors[move.actor] as typeof actors[0] & object
      const me = ++started
      scheduler.add('start', `${actor.name}#${me}`, move.node, () => {
        done.push(actor.act(world, move.node, me % 3 + 1).catch((error: unknown) => {
          if (!(faulty && error instanceof SessionError)) monitor.broken(0, `${actor.name} fails: ${String(error)}`)
        }))
      })
    } else {
      const step = scheduler.waiting[move.which % Math.max(1, scheduler.waiting.length)]
      if (step !== undefined) {
        await scheduler.take(step)
        await world.look()
      }
    }
  }
  failing = false
  for (let step = scheduler.waiting[0]; step !== undefined; step = scheduler.waiting[0]) {
    await scheduler.take(step)
    await world.look()
  }
  await Promise.all(done)
  await world.finish()
  return [...new Set(monitor.violations)]
}

/** Plays so many runs of a kind; throws, with a seed and the shortest run that fast-check finds, if one breaks a law. */
export async function playRuns (
  kind: keyof typeof kinds,
  { count, seed }: { readonly count: number; readonly seed: number }
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(kinds[kind], async run => {
      const violations = await playRun(run)
      if (violations.length > 0) throw new Error(violations.join('; '))
    }),
    { numRuns: count, seed }
  )
}
