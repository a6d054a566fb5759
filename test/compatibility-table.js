// npm run compatibility: runs the tests with other plugins and with the libraries to migrate from, and writes docs/reference/compatibility.md from the results.
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const root = new URL('..', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const compilers = /compilers = \{([^}]+)\}/.exec(readFileSync(new URL('test/package/consumers.js', root), 'utf8'))[1].match(/\d+\.\d+(?=['"]?:)/g)
const versions = { ...manifest.dependencies, ...manifest.devDependencies }
/** Store clients: an app installs the one that it uses. */
const clients = Object.keys(manifest.peerDependencies).filter(name => name !== 'fastify')
/** Packages that a title calls by another name. */
const spelled = { 'auth.js': '@auth/core' }
/** Ranges without `||`, because a bar would end the cell. */
const ranges = text => text.split(' || ').map(range => `\`${range}\``).join(' or ')
const versionOf = name => versions[spelled[name] ?? name]

/** Titles of tests, with whether they passed. */
const results = new Map()
for (const line of (await text(process.stdin)).split('\n')) {
  const [, not, title] = /^ *(not )?ok \d+ - (.*?)(?: # .*)?$/.exec(line) ?? []
  if (title !== undefined && !title.endsWith('.test.ts')) results.set(title, not === undefined && results.get(title) !== false)
}

/** The packages that a title names, without those after `as with`. */
const named = title => Object.keys(versions).filter(name => new RegExp(`(^|[ (])${name}(?![\\w/-])`).test(title.replace(/ as with .*/, '')))
const neighbours = [...results].filter(([title]) => !title.includes(': ') && /@fastify\/|fastify-metrics/.test(title) && named(title).length > 0)
/** `express-session: a logout is final in both libraries`, for each library. */
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

Supported and tested versions. The tests ran on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version} and the real packages, without mocks.

| | |
|---|---|
| Node.js | ${ranges(manifest.engines.node)} |
| Fastify | ${ranges(manifest.peerDependencies.fastify)}, tested with ${manifest.devDependencies.fastify} |
| TypeScript | ${compilers.join(', ')}: \`npm run test:package\` compiles a project with each version |
| Modules | ESM, and \`require()\` |
${clients.map(name => `| ${name} | ${ranges(manifest.peerDependencies[name])}${versions[name] === undefined ? '' : `, tested with ${versions[name]}`} |`).join('\n')}

No test runs the lowest versions of these ranges or better-sqlite3. better-sqlite3 has the same interface as libsql, which is tested. On Node.js 20, npm warns with \`EBADENGINE\`, or fails with \`engine-strict\`, because cookie 2, a dependency of Fastify, declares Node.js 22.

## Other plugins

Each plugin works unchanged beside this one (tests of [plugins](../../test/ecosystem/plugins.test.ts), [metrics](../../test/events/metrics.test.ts), [tracing](../../test/plugin/tracing.test.ts)).

| package | version | tested behavior |
|---|---|---|
${neighbours.map(([title]) => `| ${named(title).sort().join(', ')} | ${named(title).sort().map(versionOf).join(', ')} | ${title} |`).sort().join('\n')}

## Libraries to migrate from

In each test, browsers log in with the real library, then the app switches ([migrate](../how-to/migrate.md), [tests](../../test/migration/libraries.test.ts)). ✓: passed.

${steps.map((step, i) => `${i + 1}. ${step}`).join('\n')}

| library | version | ${steps.map((_, i) => i + 1).join(' | ')} |
|---|---|${steps.map(() => '---').join('|')}|
${sources.map(name => `| ${name} | ${versionOf(name)} | ${steps.map(step => results.get(`${name}: ${step}`) ? '✓' : '').join(' | ')} |`).join('\n')}
`)
  console.log(`${neighbours.length} tests with other plugins, ${sources.length} libraries to migrate from: docs/reference/compatibility.md`)
}
