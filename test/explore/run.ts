// npm run explore -- [--store memory] [--size 3] [--only validate,logout] [--shard 1/2] [--full] [--seconds 600]
// npm run explore -- --plant
// npm run explore -- --random 10000 [--seed 1]
import { parseArgs } from 'node:util'
import { copyPlants } from './cache-mutants.ts'
import { openPlace } from './engines.ts'
import { explore, newReport, placements, scenes } from './explore.ts'
import { hunt } from './mutant.ts'
import { plants } from './mutants.ts'
import { playRuns } from './random.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'memory' },
    size: { type: 'string', default: '2,3' },
    only: { type: 'string' },
    shard: { type: 'string', default: '1/1' },
    full: { type: 'boolean', default: false },
    plant: { type: 'boolean', default: false },
    random: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '3600' }
  }
})

const wrong = { nothing: 'nothing goes wrong', verbs: 'verbs fail', clocks: 'clocks jump' } as const

process.exitCode = values.plant
  ? await runPlants()
  : values.random === undefined
    ? await runStore()
    : await runRandom(Number(values.random), Number(values.seed))

async function runStore (): Promise<number> {
  const place = await openPlace(values.store)
  const names = values.only?.split(',')
  const [shard = 1, shards = 1] = values.shard.split('/').map(Number)
  const until = Date.now() + Number(values.seconds) * 1000
  let failures = 0
  try {
    for (const size of values.size.split(',').map(Number)) {
      const report = newReport()
      const started = Date.now()
      let left = 0
      let nth = 0
      for (const scene of scenes(size, {
        copies: values.store.endsWith('-cached'),
        ...(names === undefined ? {} : { only: name => names.includes(name) })
      })) {
        // a share has each of its casts on one node and on two
        if (Math.floor(nth++ / placements(size).length) % shards !== shard - 1) continue
        if (Date.now() < until) await explore(place, scene, report, { reduce: !values.full })
        else left++
      }
      const seconds = (Date.now() - started) / 1000
      console.log(
        `${place.name}, ${size} actors: ${report.scenes} scenes, ${report.schedules} schedules (${report.left} left), ${report.steps} steps, ${report.states.size} states, ${seconds.toFixed(1)} s${left > 0 ? `, ${left} scenes not reached in time` : ''}: ${report.findings.length === 0 ? 'every law holds' : `${report.findings.length} break a law`}`
      )
      for (const { scene, violations, schedule } of report.findings.slice(0, 5)) { console.log(`\n${scene}\n  ${violations.join('\n  ')}\n    ${schedule.join('\n    ')}`) }
      failures += report.findings.length
    }
  } finally {
    await place.close()
  }
  return failures === 0 ? 0 : 1
}

async function runRandom (count: number, seed: number): Promise<number> {
  console.log(`seed ${seed}: repeat with --seed ${seed}`)
  let failures = 0
  for (const kind of ['nothing', 'verbs', 'clocks'] as const) {
    const started = Date.now()
    try {
      await playRuns(kind, { count, seed })
      console.log(`${count} random runs in which ${wrong[kind]}: every law holds, ${((Date.now() - started) / 1000).toFixed(1)} s`)
    } catch (error) {
      failures++
      console.log(`random runs in which ${wrong[kind]}: ${(error as Error).message}`)
    }
  }
  return failures
}

async function runPlants (): Promise<number> {
  const planted = [...plants, ...copyPlants]
  let missed = 0
  for (const bug of planted) {
    const started = Date.now()
    const { finding, report } = await hunt(bug, { hinted: false })
    const after = `${report.schedules} schedules, ${((Date.now() - started) / 1000).toFixed(1)} s`
    if (finding === undefined) {
      missed++
      console.log(`\nMISSED  ${bug.name} (${after})`)
    } else {
      const shown = finding.violations.find(violation => violation.startsWith(bug.shows)) ?? ''
      console.log(`\ncaught  ${bug.name} (${after})\n  ${shown}\n  ${finding.scene}\n    ${finding.schedule.join('\n    ')}`)
    }
  }
  console.log(`\n${planted.length - missed} of ${planted.length} planted bugs caught`)
  return missed
}
