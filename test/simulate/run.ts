// npm run simulate -- [--users 20000] [--restores 50] [--seed 1]
import { parseArgs } from 'node:util'
import { planFor, randomFrom } from './plan.ts'
import { contenders } from './policies.ts'
import { play, theftIn } from './simulate.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '20000' },
    restores: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' }
  }
})
const users = Number(values.users)
const restores = Number(values.restores)
const seed = Number(values.seed)
const started = Date.now()

const rows = contenders.map(contender => ({
  contender,
  signedOut: 0,
  alarms: 0,
  affected: 0,
  detected: 0,
  letIn: 0,
  stolen: 0,
  late: [] as number[]
}))
let requests = 0
let crashes = 0
for (let user = 0; user < users; user++) {
  const random = randomFrom(seed * 1_000_003 + user)
  const plan = planFor(random, { restores, lost: 5, crashed: 5 })
  const theft = user % 10 === 0 ? theftIn(plan, random) : null
  requests += plan.requests.length
  crashes += plan.crashes.length
  for (const row of rows) {
    const { signedOut, alarms } = play(plan, row.contender)
    row.signedOut += signedOut
    row.alarms += alarms
    if (signedOut > 0) row.affected++
    if (theft === null) continue
    const { detected, letIn } = play(plan, row.contender, theft)
    if (letIn === 0 && !detected) continue
    row.stolen++
    if (detected) { row.detected++; row.late.push(letIn) }
  }
}

console.log(
  `${users} users × ${restores} restores, 1 to 6 requests at once, ${requests} requests, 5 % of answers lost, ${crashes} crashes, seed ${seed}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`
)
console.log(
  "| a new verifier | false sign-outs | of them with an alarm | users hit | thefts detected | thief's requests until then (median, 9 of 10) |"
)
console.log('|---|---:|---:|---:|---:|---:|')
for (const { contender, signedOut, alarms, affected, detected, stolen, late } of rows) {
  late.sort((a, b) => a - b)
  const at = (part: number): string => late.length === 0 ? '–' : String(late[Math.floor((late.length - 1) * part)])
  console.log(
    `| ${contender.name} | ${signedOut} | ${alarms} | ${percent(affected, users)} | ${percent(detected, stolen)} | ${at(0.5)}, ${at(0.9)} |`
  )
}

function percent (part: number, whole: number): string {
  return whole === 0 ? '–' : `${(100 * part / whole).toFixed(1)} %`
}
