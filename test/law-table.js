// npm run laws: runs the conformance tests on every engine that is installed, and writes docs/reference/laws.md from the results.
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/** Laws by name, with the result on each engine. */
const laws = new Map()
const engines = []
let titles = []

for (const line of (await text(process.stdin)).split('\n')) {
  const [, indent, subtest] = /^( *)# Subtest: (.*)$/.exec(line) ?? []
  if (subtest !== undefined) {
    titles = [...titles.slice(0, indent.length / 4), subtest]
    continue
  }
  const [, depth, not, name] = /^( *)(not )?ok \d+ - (\d+ .*?)(?: # time=.*)?$/.exec(line) ?? []
  if (name === undefined || !titles.includes(name)) continue
  // the name of the test file does not name the engine
  const engine = titles.slice(0, depth.length / 4).filter(title => !title.endsWith('.test.ts')).join(' ')
    .replace(/ ?(they )?keeps? every law,?( on several nodes| too| except those of filters on encrypted fields)?/, '').replace(/^sessions in /, '')
  if (!engines.includes(engine)) engines.push(engine)
  const law = laws.get(name) ?? new Map()
  laws.set(name, law.set(engine, not === undefined))
}

const failed = [...laws].flatMap(([name, results]) => [...results].filter(([, kept]) => !kept).map(([engine]) => `${engine}: ${name}`))
const missing = [...laws].flatMap(([name, results]) => engines.filter(engine => !results.has(engine)).map(engine => `${engine}: ${name}`))
if (failed.length + missing.length > 0 || laws.size === 0) {
  console.error([...failed.map(one => `broken: ${one}`), ...missing.map(one => `not run: ${one}`)].join('\n') || 'no law was run')
  process.exitCode = 1
} else {
  const names = [...laws.keys()].map(name => /^(\d+) (.*)$/.exec(name))
  const guarantees = [...new Set(names.map(([, guarantee]) => Number(guarantee)))].sort((a, b) => a - b)
  const sections = guarantees.map(guarantee => {
    return `## Guarantee ${guarantee}\n\n${names.filter(([, of]) => Number(of) === guarantee).map(([, , title]) => `- ${title}`).join('\n')}\n`
  })
  writeFileSync(new URL('../docs/reference/laws.md', import.meta.url), `# Conformance results

<!-- Written by \`npm run laws\`, which fails unless each test passes on each engine. Do not edit: run it again. -->

Each of the ${laws.size} tests below passed on each of these ${engines.length} engines on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version}. The headings number the [guarantees](stores.md#guarantees).

${engines.map(engine => `- ${engine}`).join('\n')}

${sections.join('\n')}`)
  console.log(`${laws.size} laws × ${engines.length} engines, all passed: docs/reference/laws.md`)
}
