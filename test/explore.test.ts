import t from 'tap'
import { explore, nameOf, newReport, scenes } from './explore/explore.ts'
import type { Report, Scene } from './explore/explore.ts'
import { memoryPlace } from './explore/places.ts'
import { hunt } from './explore/plant.ts'
import { plants } from './explore/plants.ts'
import { playRuns } from './explore/random.ts'

// seconds on a machine of its own; minutes on one that is shared
t.setTimeout(600_000)

t.test('no interleaving of two actors on two nodes breaks a law, from any moment of a life', async t => {
  const report = newReport()
  for (const scene of some(scenes(2), 5, onTwoNodes)) await explore(memoryPlace(), scene, report)
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('nor does any of two on one node, with what that node has not written yet', async t => {
  const report = newReport()
  for (const scene of some(scenes(2), 3, scene => !onTwoNodes(scene) && scene.moment.name.includes('written'))) await explore(memoryPlace(), scene, report)
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('nor does any of three that come in, write late and end', async t => {
  const report = newReport()
  const late = ['validate', 'flush', 'logout']
  for (const scene of some(scenes(3, { only: name => late.includes(name) }), 3, ({ moment }) => moment.name.endsWith('not yet written'))) await explore(memoryPlace(), scene, report)
  t.strictSame(report.findings.slice(0, 3), [])
  t.comment(`${report.scenes} scenes, ${report.schedules} schedules, ${report.steps} steps, ${report.states.size} states`)
})

t.test('schedules that are left out come to nothing else than those that stand for them', async t => {
  const few = ['validate', 'flush', 'logout', 'evict']
  for (const scene of some(scenes(2, { only: name => few.includes(name) }), 3, scene => onTwoNodes(scene) && scene.moment.name.endsWith('due'))) {
    const ends = async (reduce: boolean): Promise<Report> => {
      const report = newReport()
      await explore(memoryPlace(), scene, report, { reduce })
      return report
    }
    const [every, some] = [await ends(false), await ends(true)]
    t.strictSame([...some.ends].sort(), [...every.ends].sort(), nameOf(scene))
    t.ok(some.schedules <= every.schedules)
  }
})

for (const [kind, wrong] of [['nothing', 'nothing goes wrong'], ['verbs', 'verbs fail before they happen, after, and too late'], ['clocks', 'clocks are off, jump and are turned back']] as const) {
  t.test(`no long run of many actors breaks a law in which ${wrong}`, async t => {
    await playRuns(kind, { count: 100, seed: 1 })
    t.pass('every law holds')
  })
}

for (const bug of plants) {
  t.test(`a store is found out in which ${bug.name}`, async t => {
    const { finding } = await hunt(bug, { hinted: true })
    t.ok(finding?.violations.some(violation => violation.startsWith(bug.shows)), bug.shows)
  })
}

/** Every so manieth of the scenes of a kind: `npm test` plays a sample that reaches each actor and each moment, `npm run explore` plays all. */
function * some (all: Iterable<Scene>, nth: number, wanted: (scene: Scene) => boolean): Generator<Scene> {
  let count = 0
  for (const scene of all) if (wanted(scene) && count++ % nth === 0) yield scene
}

function onTwoNodes ({ cast }: Scene): boolean { return cast.some(({ node }) => node === 1) }
