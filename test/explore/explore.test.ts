import t from 'tap'
import type { Awaitable } from '../../lib/async.ts'
import type { Store, ActivityUpdate } from '../../lib/store.ts'
import { copyPlants } from './cache-mutants.ts'
import { PassingStore } from './delegating-store.ts'
import { copiesPlace, memoryPlace } from './engines.ts'
import { explore, nameOf, newReport, scenes } from './explore.ts'
import type { Report, Scene } from './explore.ts'
import { hunt } from './mutant.ts'
import { plants } from './mutants.ts'
import { playRuns } from './random.ts'
import { moments } from './scenarios.ts'
import type { Moment } from './scenarios.ts'
import { Scheduler } from './scheduler.ts'
import { World } from './simulation.ts'

// seconds on a machine of its own; minutes on one that is shared
t.setTimeout(600_000)

t.test('no interleaving of two actors breaks a law, on one node or two, from any moment of a life', async t => {
  const report = newReport()
  for (const scene of scenes(2)) await explore(memoryPlace(), scene, report)
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('nor does any of three that come in, write late and end', async t => {
  const report = newReport()
  const late = ['validate', 'flush', 'logout']
  for (const scene of some(scenes(3, { only: name => late.includes(name) }), 3, ({ moment }) => moment.name.endsWith('not yet written'))) { await explore(memoryPlace(), scene, report) }
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('nor does any in which nodes keep copies, whenever they are told of an end, or their stream breaks', async t => {
  const report = newReport()
  const few = ['validate', 'logout', 'rotate', 'validate-strict', 'break']
  for (const scene of some(
    scenes(2, { copies: true, only: name => few.includes(name) }),
    1,
    scene => onTwoNodes(scene) && scene.moment.name.startsWith('with a copy')
  )) { await explore(copiesPlace(), scene, report) }
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('schedules that are left out come to nothing else than those that stand for them', async t => {
  const few = ['validate', 'flush', 'logout', 'evict']
  const due = some(scenes(2, { only: name => few.includes(name) }), 3, scene => onTwoNodes(scene) && scene.moment.name.endsWith('due'))
  const told = some(
    scenes(2, { copies: true, only: name => ['validate', 'logout', 'break'].includes(name) }),
    1,
    scene => onTwoNodes(scene) && scene.moment.name.startsWith('with a copy')
  )
  for (const [place, chosen] of [[memoryPlace(), due], [copiesPlace(), told]] as const) {
    for (const scene of chosen) {
      const ends = async (reduce: boolean): Promise<Report> => {
        const report = newReport()
        await explore(place, scene, report, { reduce })
        return report
      }
      const [every, some] = [await ends(false), await ends(true)]
      t.strictSame([...some.ends].sort(), [...every.ends].sort(), nameOf(scene))
      t.ok(some.schedules <= every.schedules)
    }
  }
})

t.test('before a schedule, too, verbs happen in the order in which they were asked for, however long each takes', async t => {
  const scheduler = new Scheduler()
  const happened: string[] = []
  const slow = new Promise<void>(resolve => { setImmediate(resolve) })
  const verb = (name: string, until?: Promise<void>): Promise<void> => scheduler.verb(0, name, false, async () => {
    await until
    happened.push(name)
  })
  const asked = Promise.all([verb('a write in the background', slow).then(() => verb('what follows from it')), verb('a read')])
  await scheduler.hold()
  t.strictSame(happened, ['a write in the background', 'a read', 'what follows from it'])
  await asked
})

t.test('a schedule that is left leaves nothing under way', async t => {
  const place = memoryPlace()
  const { environment, user } = await place.environment()
  const [store] = await place.stores(environment) as [Store]
  const slow = new (class extends PassingStore {
    underWay = 0
    late = false
    async #slowly<T>(verb: () => Awaitable<T>): Promise<T> {
      this.underWay++
      if (this.late) {
        await new Promise(resolve => {
          setImmediate(resolve)
        })
      }
      try {
        return await verb()
      } finally {
        this.underWay--
      }
    }

    override read (id: string): ReturnType<Store['read']> {
      return this.#slowly(() => this.inner.read(id))
    }

    override touch (batch: readonly ActivityUpdate[], at: number): ReturnType<Store['touch']> {
      return this.#slowly(() => this.inner.touch(batch, at))
    }
  })(store)
  const world = await new World({ environment, stores: [slow, slow], user }).open()
  await (moments[0] as Moment).prepare(world)
  await world.scheduler.hold()
  slow.late = true
  const actor = world.request(0, world.token).then(() => world.node(0).flush())
  await world.abandon([actor])
  t.equal(slow.underWay, 0)
  t.strictSame((await store.list({ userId: user }, { limit: 10, cursor: null, order: 'oldest' })).items, [])
})

for (const [kind, wrong] of [
  ['nothing', 'nothing goes wrong'],
  ['verbs', 'verbs fail before they happen, after, and too late'],
  ['clocks', 'clocks are off, jump and are turned back']
] as const) {
  t.test(`no long run of many actors breaks a law in which ${wrong}`, async t => {
    await playRuns(kind, { count: 100, seed: 1 })
    t.pass('every law holds')
  })
}

for (const bug of [...plants, ...copyPlants]) {
  t.test(`a store is found out in which ${bug.name}`, async t => {
    const { finding } = await hunt(bug, { hinted: true })
    t.ok(finding?.violations.some(violation => violation.startsWith(bug.shows)), bug.shows)
  })
}

/** Every so manieth of the scenes of a kind: `npm test` plays a sample of what takes long, `npm run explore` plays all. */
function * some (all: Iterable<Scene>, nth: number, wanted: (scene: Scene) => boolean): Generator<Scene> {
  let count = 0
  for (const scene of all) if (wanted(scene) && count++ % nth === 0) yield scene
}

function onTwoNodes ({ cast }: Scene): boolean { return cast.some(({ node }) => node === 1) }
