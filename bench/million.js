// npm run build && node bench/million.js [--sessions 1000000] [--store memory,sqlite,redis,postgres] [--json] [--write]
// Admin work on stores with many sessions: every filter, sort, statistics, export, import, revocation; and how long the event loop waits.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { sections } from './million/page.js'
import { circumstances } from './report.js'

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000000' },
    store: { type: 'string', default: 'memory,sqlite,redis,postgres' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false }
  }
})

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
if (values.json) console.log(JSON.stringify({ ...at, command, measured }, null, 2))
else console.log(sections(measured).join('\n\n'))
if (values.write) writeFileSync(new URL('../docs/benchmarks-million.md', import.meta.url), page())

function page () {
  const filled = measured.map(({ version, fillSeconds }) => `${version} in ${Math.round(fillSeconds)} s`).join(', ')
  return `# Benchmarks with many sessions

<!-- Written by \`${command}\`. Do not edit: run it again. -->

Admin work on stores with ${Number(values.sessions).toLocaleString('en')} live sessions, a tenth as many users and ended sessions, and statistics of 32 days from two nodes. Measured on ${at.date} by the command \`${command}\`.
Node.js ${at.node} on ${at.machine}. ${['redis', 'ioredis', 'pg'].map(name => `${name} ${at.versions[name]}`).join(', ')}. Filled: ${filled}. Load average at the end: ${loadavg()[0].toFixed(1)} (1 to 2 on an otherwise idle machine). A busy machine makes the figures too high.

- Each store runs in a separate process, through the functions behind the [admin routes](reference/routes.md)${at.pinned ? ', on one core; database servers are on another' : ''}. Read-only work runs up to five times, and the median counts.
- “Longest turn”: the longest time, in milliseconds, for which the work blocked the event loop and thus every request. An unblocked loop shows 1 to 2.
- “Longest command”: the longest time, in milliseconds, for which one command of a page, its count or other work occupied Redis. Other clients wait meanwhile.
- Matches and sessions are those of the first store. Filters by time match slightly more or fewer in stores filled at another time.
- A page or a call stops after a bounded scan. Where its number of sessions differs from the row's, the number is in brackets. Such a page has a cursor.
- After a count that took longer than five seconds, further counts are skipped: each full scan takes as long.

[Benchmarks](benchmarks.md) has the cost of requests.

${sections(measured).join('\n\n')}
`
}
