// tap measures only modules that were loaded: this loads every one, so that a module without a test shows as 0 %
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const modules = ['lib', 'routes'].flatMap(dir =>
  readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter(entry => entry.endsWith('.ts'))
    .map(entry => join(dir, entry))
)

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

await t.test('fastify is known only to the rooms that speak HTTP', async t => {
  const mayUse = ['lib/plugin/', 'lib/session/', 'lib/events/log.ts', 'lib/cli/', 'routes/', 'lib/index.ts']
  for (const module of modules) {
    if (/from 'fastify'/.test(readFileSync(join(root, module), 'utf8'))) {
      t.ok(
        mayUse.some(place => module.startsWith(place)),
        `${module} imports fastify`
      )
    }
  }
})

/** The map of the house (docs/design.md): a room imports its own files and rooms of lower floors. Rooms of one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ['token', 'errors', 'async'],
  ['model', 'options'],
  ['store', 'policy', 'events', 'cookie'],
  ['stores', 'statistics'],
  ['manager'],
  ['session', 'admin', 'testing'],
  ['routes', 'migration'],
  ['plugin'],
  ['index', 'cli']
]
/** Neighbours on one floor that one may look into: the lower of the two stands on the right. */
const neighbours = [['store', 'policy'], ['events', 'store'], ['token', 'errors'], ['options', 'model']]

await t.test('imports between rooms point down, types counted', async t => {
  for (const module of modules) {
    const room = roomOf(module)
    const floor = floorOf(room)
    t.ok(floor >= 0, `${module} is in a room of the map`)
    for (const target of importsOf(module)) {
      const other = roomOf(target)
      if (other === room) continue
      const allowed = floorOf(other) < floor || neighbours.some(([above, below]) => above === room && below === other)
      t.ok(allowed, `${module} (floor ${floor + 1}) imports ${target} (floor ${floorOf(other) + 1})`)
    }
  }
})

function roomOf (module: string): string {
  const [top = '', second = ''] = module.split('/')
  return top === 'routes' ? 'routes' : second.replace(/\.ts$/, '')
}

function floorOf (room: string): number {
  return floors.findIndex(rooms => rooms.includes(room))
}

/** Everything that a module imports of ours, types too. */
function importsOf (module: string): string[] {
  const source = readFileSync(join(root, module), 'utf8')
  return [...source.matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(match => normalize(join(dirname(module), match[1] as string)))
}
