// npm run build && node bench/million.js [--sessions 1000000] [--store memory,sqlite,redis,postgres] [--json] [--write]
// Admin work on stores with many sessions: every filter, sort, statistics, export, import, revocation; and how long the event loop waits.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { circumstances, table } from './report.js'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000000' },
    store: { type: 'string', default: 'memory,sqlite,redis,postgres' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false }
  }
})

const listColumns = [['filter', 'filter'], ['matches', 'matches'], ['items', 'on the page'], ['pageMs', 'page, ms'], ['pageTurn', 'longest turn'], ['countMs', 'count, ms'], ['countTurn', 'longest turn'], ['server', 'longest command']]
const rowColumns = [['what', 'what'], ['sessions', 'sessions'], ['ms', 'ms'], ['perSecond', 'per second'], ['turn', 'longest turn'], ['server', 'longest command'], ['rss', 'MiB before'], ['peak', 'MiB at most']]

const measured = []
for (const name of values.store.split(',')) {
  const child = fork(new URL('million/store.js', import.meta.url), [name, values.sessions], { execArgv: ['--max-old-space-size=8192'] })
  const [answer] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => [{ missing: `ended with ${code}` }])])
  if (child.exitCode === null) await once(child, 'exit')
  if (answer.missing === undefined) measured.push(answer)
  else console.error(`${name}: ${answer.missing}`)
}

const command = ['node bench/million.js', ...process.argv.slice(2)].join(' ')
const at = circumstances()
const sections = measured.map(({ name, version, fillSeconds, lists, rows }) => `## ${version}

Filled in ${Math.round(fillSeconds)} s.

${table({ columns: listColumns }, lists)}

${table({ columns: rowColumns }, rows)}
${name === 'redis' ? '\n“Longest command” is the longest that Redis ran meanwhile, in milliseconds. Other clients wait for it.\n' : ''}`)
if (values.json) console.log(JSON.stringify({ ...at, command, measured }, null, 2))
else console.log(sections.join('\n'))
if (values.write) writeFileSync(new URL('../docs/benchmarks-million.md', import.meta.url), page())

function page () {
  return `# Benchmarks with many sessions

<!-- Written by \`${command}\`. Do not edit: run it again. -->

Admin work on stores with ${Number(values.sessions).toLocaleString('en')} live sessions, a tenth as many users and ended sessions, and statistics of 32 days from two nodes. Measured on ${at.date} by \`${command}\`.
Node.js ${at.node} on ${at.machine}. ${['redis', 'ioredis', 'pg'].map(name => `${name} ${at.versions[name]}`).join(', ')}. Load average of the machine at the end: ${loadavg()[0].toFixed(1)} (1 to 2 on an otherwise idle machine). A busy machine makes the figures too high.

Each store runs in a separate process, through the functions behind the [admin routes](reference/routes.md)${at.pinned ? ', on one core; database servers are on another' : ''}. Read-only work runs up to five times, and the median counts.
“Longest turn” is the longest time in milliseconds that blocked the event loop, and so all requests; an unblocked loop shows 1 to 2. A page stops after a bounded scan, so it may have fewer
than 50 sessions and a cursor. After a count that took longer than five seconds, further counts are skipped: each full scan takes as long. “MiB before” and “MiB at most” are the resident memory of the process. The cost of requests is in [benchmarks](benchmarks.md).

${sections.join('\n')}`
}
