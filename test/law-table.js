// npm run laws: runs every law on every engine that is found, and writes docs/reference/laws.md from what the run said.
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/** Laws by name, with how they went on each engine. */
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
  // the file that the tests are in says nothing of the engine
  const engine = titles.slice(0, depth.length / 4).filter(title => !title.endsWith('.test.ts')).join(' ').replace(/ ?(they )?keeps? every law,?( on several nodes| too| but the ones of filters that look into seals)?/, '')
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
  writeFileSync(new URL('../docs/reference/laws.md', import.meta.url), `# Laws and engines

<!-- Written by \`npm run laws\`. Do not edit: run it again. -->

${laws.size} tests of the ten [laws](stores.md#the-laws), on ${engines.length} engines, on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version}. ✓: kept.

${engines.map((engine, i) => `${i + 1}. ${engine}`).join('\n')}

| law | ${engines.map((_, i) => i + 1).join(' | ')} |
|---|${engines.map(() => '---').join('|')}|
${[...laws].map(([name, results]) => `| ${name.replaceAll('|', '\\|')} | ${engines.map(engine => results.get(engine) ? '✓' : '✗').join(' | ')} |`).join('\n')}
`)
  console.log(`${laws.size} laws × ${engines.length} engines, all kept: docs/reference/laws.md`)
}
