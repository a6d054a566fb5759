import { actors, copyActors } from './actors.ts'
import type { Actor } from './actors.ts'
import { reachesOf } from './coverage.ts'
import type { Place } from './engines.ts'
import { copyMoments, moments } from './scenarios.ts'
import type { Moment } from './scenarios.ts'
import { ScheduleTree } from './schedule-tree.ts'
import { World } from './simulation.ts'
import type { Plant } from './simulation.ts'

/** One set of schedules: who acts where, from which moment on. */
export interface Scene {
  readonly moment: Moment
  readonly cast: readonly { readonly actor: Actor, readonly node: number }[]
}

/** A schedule that breaks a law. */
export interface Finding {
  readonly scene: string
  readonly violations: readonly string[]
  readonly schedule: readonly string[]
}

export interface Report {
  scenes: number
  /** Schedules that were run to their end; each stands for all that differ from it only in the order of steps that do not touch each other. */
  schedules: number
  /** Schedules that were left because another stands for them. */
  left: number
  steps: number
  /** Different states of sessions and of what is under way. */
  readonly states: Set<string>
  /** Different states at the end of a schedule. */
  readonly ends: Set<string>
  readonly findings: Finding[]
}

export interface ExploreOptions {
  readonly plant?: Plant
  /** Off: really every interleaving, one by one. */
  readonly reduce?: boolean
  /** Stop at the first schedule that breaks a law in this way. */
  readonly until?: string
}

export function newReport (): Report {
  return { scenes: 0, schedules: 0, left: 0, steps: 0, states: new Set(), ends: new Set(), findings: [] }
}

/** Every set of `size` actors, on one node and on two, from every moment. */
export function * scenes (
  size: number,
  { only = () => true, copies = false }: { only?: (name: string) => boolean; copies?: boolean } = {}
): Generator<Scene> {
  const playing = [...actors, ...(copies ? copyActors : [])].filter(({ name }) => only(name))
  for (const moment of [...(copies ? copyMoments : []), ...moments]) {
    for (const cast of combinations(playing, size)) {
      for (const placement of placements(size)) yield { moment, cast: cast.map((actor, i) => ({ actor, node: placement[i] as number })) }
    }
  }
}

/** Runs every schedule of a scene. */
export async function explore (place: Place, scene: Scene, report: Report, options: ExploreOptions = {}): Promise<void> {
  const tree = new ScheduleTree(options.reduce)
  report.scenes++
  do {
    await runOnce(place, scene, { tree, report, options })
    if (options.until !== undefined && showing(report, options.until) !== undefined) return
  } while (tree.next())
}

async function runOnce (place: Place, scene: Scene, { tree, report, options }: { readonly tree: ScheduleTree, readonly report: Report, readonly options: ExploreOptions }): Promise<void> {
  const { environment, user } = await place.environment()
  const stores = await place.stores(environment)
  const lines = await place.lines(stores)
  const world = await new World({ environment, stores, user, lines, ...options.plant === undefined ? {} : { plant: options.plant } }).open()
  const { scheduler, monitor } = world
  await scene.moment.prepare(world)
  await world.look()
  await scheduler.hold()
  const done: Promise<void>[] = []
  scene.cast.forEach(({ actor, node }, i) => {
    const start = (): void => {
      done.push(
        actor.act(world, node, i + 1).catch((error: unknown) => {
          monitor.broken(0, `${actor.name} fails: ${String(error)}`)
        })
      )
    }
    scheduler.add(
      actor.everywhere === true ? 'clock' : 'start',
      `${actor.name}#${i + 1}@${node === 0 ? 'A' : 'B'}`,
      node,
      start,
      reachesOf(actor.name, { copies: lines.length > 0 })
    )
  })
  while (scheduler.waiting.length > 0) {
    const step = tree.choose(scheduler.waiting)
    if (step === null) {
      report.left++
      await world.abandon(done)
      return
    }
    await scheduler.take(step)
    report.steps++
    // a bad store may change what is there whenever it likes
    const same = options.plant === undefined && (step.kind === 'start' || step.kind === 'answer' || step.readOnly)
    report.states.add(stateOf(world, await world.look(same)))
  }
  await Promise.all(done)
  report.ends.add(stateOf(world, await world.look()))
  const schedule = [...scheduler.trace]
  await world.finish()
  await place.leave(environment)
  report.schedules++
  if (monitor.violations.length > 0) {
    report.findings.push({ scene: nameOf(scene), violations: [...new Set(monitor.violations)], schedule })
  }
}

/** What everything that comes depends on, without names and instants that differ from run to run. */
function stateOf (world: World, records: Awaited<ReturnType<World['look']>>): string {
  const { ids } = world.monitor
  const { now } = world.environment.clock
  const sessions = records
    .map(({ id, ...record }) =>
      [
        ids.indexOf(id),
        record.generation,
        record.requestCount,
        record.confirmedAt === null,
        record.absoluteExpiresAt - now,
        record.lastSeenAt - now,
        Object.keys(record.data).sort().join()
      ].join(' ')
    )
    .sort()
  return [...sessions, ...world.scheduler.waiting.map(({ key }) => key)].join('|')
}

/** The first schedule that breaks a law in one way. */
export function showing (report: Report, violation: string): Finding | undefined {
  return report.findings.find(({ violations }) => violations.some(text => text.startsWith(violation)))
}

export function nameOf ({ moment, cast }: Scene): string {
  return `${cast.map(({ actor, node }) => `${actor.name} on ${node === 0 ? 'A' : 'B'}`).join(', ')}; ${moment.name}`
}

function * combinations <T> (items: readonly T[], size: number, from = 0): Generator<readonly T[]> {
  if (size === 0) { yield []; return }
  for (let i = from; i < items.length; i++) {
    for (const rest of combinations(items, size - 1, i)) yield [items[i] as T, ...rest]
  }
}

/** Which actor is on which of two nodes, up to their names. */
export function placements (size: number): readonly (readonly number[])[] {
  return size === 2 ? [[0, 0], [0, 1]] : [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]
}
