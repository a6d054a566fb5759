// tap measures only modules that were loaded: this loads every one, so that a module without a test shows as 0 %
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const modules = ['lib', 'routes'].flatMap(dir => readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' }).filter(entry => entry.endsWith('.ts')).map(entry => join(dir, entry)))

for (const module of modules) {
  await t.test(`${module} loads`, async t => {
    t.type(await import(pathToFileURL(join(root, module)).href), 'object')
  })
}

await t.test('imports go round in no circle', async t => {
  const imports = new Map(modules.map(module => [module, importsOf(module)]))
  const done = new Set<string>()
  function visit (module: string, path: readonly string[]): void {
    if (path.includes(module)) t.fail(`circle: ${[...path, module].join(' → ')}`)
    if (done.has(module) || path.includes(module)) return
    for (const next of imports.get(module) ?? []) visit(next, [...path, module])
    done.add(module)
  }
  for (const module of modules) visit(module, [])
  t.equal(done.size, modules.length)
})

await t.test('only the plugin and what it hands to handlers import fastify', async t => {
  const users = modules.filter(module => /from 'fastify'/.test(readFileSync(join(root, module), 'utf8'))).filter(module => module.startsWith('lib'))
  t.strictSame(users.sort(), ['lib/cli/demo.ts', 'lib/cli/target.ts', 'lib/entrance.ts', 'lib/headers.ts', 'lib/log.ts', 'lib/outgoing.ts', 'lib/plugin.ts', 'lib/requested.ts', 'lib/requests.ts', 'lib/state.ts'])
})

/** Imports that run: types are gone at run time. */
function importsOf (module: string): string[] {
  const source = readFileSync(join(root, module), 'utf8')
  return [...source.matchAll(/^(?:import|export) (?!type)[^']*from '(\.[^']+)'/gm)].map(match => normalize(join(dirname(module), match[1] as string)))
}
