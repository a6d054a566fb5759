// npm run compatibility: runs the tests with real neighbours and real old libraries, and writes docs/reference/compatibility.md from what the run said.
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const root = new URL('..', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const compilers = /compilers = \{([^}]+)\}/.exec(readFileSync(new URL('test/package/consumers.js', root), 'utf8'))[1].match(/\d+\.\d+(?=['"]?:)/g)
const versions = { ...manifest.dependencies, ...manifest.devDependencies }
/** Store clients: an app has the one that it wants. */
const clients = Object.keys(manifest.peerDependencies).filter(name => name !== 'fastify')
/** Packages that a title names otherwise, or for short. */
const spelled = { 'auth.js': '@auth/core' }
/** A bar would end a cell. */
const ranges = text => text.split(' || ').map(range => `\`${range}\``).join(' or ')
const versionOf = name => versions[spelled[name] ?? name]

/** Titles of tests, with whether they passed. */
const results = new Map()
for (const line of (await text(process.stdin)).split('\n')) {
  const [, not, title] = /^ *(not )?ok \d+ - (.*?)(?: # .*)?$/.exec(line) ?? []
  if (title !== undefined && !title.endsWith('.test.ts')) results.set(title, not === undefined && results.get(title) !== false)
}

/** The packages that a title speaks of; not the ones that another works `as with`. */
const named = title => Object.keys(versions).filter(name => new RegExp(`(^|[ (])${name}(?![\\w/-])`).test(title.replace(/ as with .*/, '')))
const neighbours = [...results].filter(([title]) => !title.includes(': ') && /@fastify\/|fastify-metrics/.test(title) && named(title).length > 0)
/** `express-session: a sign-out is final on both sides`, for each library. */
const taken = [...results.keys()].map(title => title.split(/: (.*)/, 2)).filter(([name, step]) => step !== undefined && versionOf(name) !== undefined)
const sources = [...new Set(taken.map(([name]) => name))]
const steps = [...new Set(taken.map(([, step]) => step))]
const broken = [...results].filter(([, passed]) => !passed)

if (broken.length > 0 || neighbours.length === 0 || sources.length === 0) {
  console.error(broken.map(([title]) => `broken: ${title}`).join('\n') || 'no test was run')
  process.exitCode = 1
} else {
  writeFileSync(new URL('docs/reference/compatibility.md', root), `# Compatibility

<!-- Written by \`npm run compatibility\`. Do not edit: run it again. -->

What the tests run this package with, on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version}. Nothing here is a mock.

| | |
|---|---|
| Node.js | ${ranges(manifest.engines.node)} |
| Fastify | ${ranges(manifest.peerDependencies.fastify)}, tested with ${manifest.devDependencies.fastify} |
| TypeScript | ${compilers.join(', ')}: \`npm run test:package\` compiles a project with each |
| Modules | ESM; \`require()\` works, too |
${clients.map(name => `| ${name} | ${ranges(manifest.peerDependencies[name])}${versions[name] === undefined ? '' : `, tested with ${versions[name]}`} |`).join('\n')}

The lowest versions of these ranges were run, too. better-sqlite3 has the interface of libsql; the tests run on that.

## Neighbours

Each works unchanged, beside sessions, in a test with the real package ([neighbours](../../test/neighbours.test.ts), [observability](../../test/observability.test.ts)).

| package | version | what the test shows |
|---|---|---|
${neighbours.flatMap(([title]) => named(title).map(name => `| ${name} | ${versionOf(name)} | ${title} |`)).sort().join('\n')}

## Libraries to move over from

Each is run for real: browsers sign in with it, then the app switches ([move over](../how-to/move-over.md), [tests](../../test/legacy.test.ts)). ✓: the test passed.

${steps.map((step, i) => `${i + 1}. ${step}`).join('\n')}

| library | version | ${steps.map((_, i) => i + 1).join(' | ')} |
|---|---|${steps.map(() => '---').join('|')}|
${sources.map(name => `| ${name} | ${versionOf(name)} | ${steps.map(step => results.get(`${name}: ${step}`) ? '✓' : '').join(' | ')} |`).join('\n')}
`)
  console.log(`${neighbours.length} tests with neighbours, ${sources.length} libraries to move over from: docs/reference/compatibility.md`)
}
