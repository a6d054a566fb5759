// npm run bench [-- request|stores|login|logout|list|cleanup|growth|memory …] [--quick] [--json] [--write] [--only=text,…]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { stayOnCore } from './cores.js'
import { Fleet } from './fleet.js'
import { loginQuestion, logoutQuestion } from './questions/login.js'
import { requestQuestion, storesQuestion } from './questions/request.js'
import { growthQuestion, listQuestion, memoryQuestion, cleanupQuestion } from './questions/scale.js'
import { circumstances, page, table } from './report.js'

const questions = { request: requestQuestion, stores: storesQuestion, login: loginQuestion, logout: logoutQuestion, list: listQuestion, cleanup: cleanupQuestion, growth: growthQuestion, memory: memoryQuestion }
// the stores are in the table of requests, too
const all = Object.keys(questions).filter(name => name !== 'stores')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' }
  }
})
const wanted = positionals.length === 0 ? all : positionals
const unknown = wanted.find(name => !(name in questions))
if (unknown !== undefined) {
  console.error(`Expected one of ${Object.keys(questions).join(', ')}, not ${unknown}.`)
  process.exit(2)
}

const { quick } = values
const options = {
  rounds: Number(values.rounds ?? (quick ? 2 : 5)),
  seconds: Number(values.seconds ?? (quick ? 0.2 : 0.5)),
  sessions: quick ? 1000 : 10_000,
  many: quick ? 100_000 : 1_000_000,
  log: text => { process.stderr.write(`${text}\n`) },
  /** What `--only` leaves of servers; the first one, which others are compared with, stays. */
  choose: names => values.only === undefined ? names : names.filter((name, i) => (i === 0 && name === 'bare Fastify') || values.only.split(',').some(part => name.includes(part)))
}

stayOnCore('load')
const sections = []
for (const name of wanted) {
  const fleet = new Fleet()
  try {
    sections.push({ question: questions[name], rows: await questions[name].run({ ...options, fleet }) })
  } finally {
    await fleet.stop()
  }
}

const command = ['npm run bench', ...process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []].join(' ')
const at = circumstances()
if (values.json) {
  console.log(JSON.stringify({ ...at, command, rows: sections.flatMap(({ rows }) => rows) }, null, 2))
} else {
  for (const { question, rows } of sections) console.log(`\n${question.title}\n\n${table(question, rows)}`)
}
if (values.write || (positionals.length === 0 && !quick && values.only === undefined)) writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), page(sections, { command, at }))
