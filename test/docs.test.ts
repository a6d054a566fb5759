import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import t from 'tap'
import { commands } from '../lib/cli/main.ts'
import { targetOptions } from '../lib/cli/target.ts'
import sessions, { SessionManager, eventMeanings, sessionErrors, sessionMetrics } from '../lib/index.ts'
import { optionNames } from '../lib/plugin/options.ts'
import { Curl, isShown } from './helpers/curl.ts'
import { anchorsOf, firstCells, pages, programsOf, root } from './helpers/documents.ts'
import type { Page, Step } from './helpers/documents.ts'
import { skip as noPostgres, startPostgres } from './helpers/postgres.ts'
import { binaries, freePorts, missing, RedisServer } from './helpers/redis.ts'

const all = pages()
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string
  scripts: Record<string, string>
  exports: Record<string, { default: string } | string>
} & Record<'dependencies' | 'devDependencies', Record<string, string>>
const versions = { ...manifest.dependencies, ...manifest.devDependencies }

function pageAt (path: string): Page {
  const found = all.find(page => page.path === path)
  if (found === undefined) throw new Error(`there is no ${path}`)
  return found
}

/** A program of a page, on the source instead of the package. */
function onSource (text: string, to: (path: string) => string): string {
  return text.replace(new RegExp(`'(${manifest.name}(?:/[\\w-]+)?)'`, 'g'), (_, specifier: string) => {
    const target = manifest.exports[`.${specifier.slice(manifest.name.length)}`]
    if (typeof target !== 'object') throw new Error(`the package has no ${specifier}`)
    return `'${to(target.default.replace('./dist/', `${root}/`).replace(/\.js$/, '.ts'))}'`
  })
}

const url = (path: string): string => pathToFileURL(path).href
/** Keeps every app that a program makes, so that it can be closed. */
const kept =
  "import fastify from 'fastify'\nexport * from 'fastify'\nexport default options => { const app = fastify({ ...options, logger: false }); globalThis.documents.apps.push(app); return app }\n"

/** A runner whose results are this file's own: the output of another would be taken for ours. */
const runner = 'const test = (name, fn) => { globalThis.documents.tests.push(fn()) }\nexport { test, test as it, test as default }\n'

interface Test { pass: (title: string) => unknown }

/** Does what a page does with its program. */
async function follow (
  t: Test,
  { page, steps, origin }: { readonly page: Page; readonly steps: readonly Step[]; readonly origin: string }
): Promise<void> {
  const curl = new Curl(origin)
  for (const { command, answer, line } of steps) {
    const response = await curl.run(command)
    const text = await response.text()
    const right = answer === null ? response.status < 400 : isShown(JSON.parse(answer), JSON.parse(text))
    if (!right) throw new Error(`line ${line}: ${command} is answered ${response.status} ${text}`)
    t.pass(`${page.path}:${line}: ${command}`)
  }
}

/** Runs the programs of a page one after the other, each to its end. */
async function run (t: Test & { testdir: (fixture: Record<string, string>) => string }, page: Page): Promise<void> {
  const dir = t.testdir({ 'fastify.mjs': kept, 'test.mjs': runner })
  const documents = { apps: [] as FastifyInstance[], tests: [] as unknown[] }
  Object.assign(globalThis, { documents })
  process.chdir(dir)
  const prepared = (text: string): string =>
    onSource(text, url)
      .replace(/from '(?:node:)?(fastify|test)'/g, (_, name: string) => `from '${url(join(dir, `${name}.mjs`))}'`)
      .replace(/\bport: \d+/g, 'port: 0')
  for (const { file, language, text } of page.blocks) {
    if (file === '' || language !== 'js') continue
    mkdirSync(dirname(join(dir, file)), { recursive: true })
    writeFileSync(join(dir, file), prepared(text))
  }
  for (const [i, { text, line, steps }] of programsOf(page).entries()) {
    const file = join(dir, `${i}.mjs`)
    writeFileSync(file, prepared(text))
    try {
      await import(url(file))
      await Promise.all(documents.tests.splice(0))
      // what a page only registers fails when the app is ready
      for (const app of documents.apps) await app.ready()
      const app = documents.apps.find(({ server }) => server.listening)
      if (app !== undefined) await follow(t, { page, steps, origin: app.listeningOrigin })
    } catch (error) {
      throw new Error(`${page.path}:${line}: ${(error as Error).message}`, { cause: error })
    } finally {
      for (const app of documents.apps.splice(0)) await app.close()
    }
    t.pass(`${page.path}:${line} runs`)
  }
}

/** Compiles all blocks of TypeScript, and answers what the compiler says, in the pages' lines. It runs beside the programs. */
async function compile (): Promise<string> {
  const blocks = all.flatMap(page => page.blocks.filter(({ language }) => language === 'ts').map(block => ({ ...block, page })))
  const dir = t.testdir(Object.fromEntries(blocks.map(({ text }, i) => [`${i}.ts`, `${onSource(text, path => path)}\nexport {}\n`])))
  const options = {
    noEmit: true,
    skipLibCheck: true,
    rootDir: root,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true
  }
  writeFileSync(
    join(dir, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: options, include: ['*.ts'] })
  )
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'node_modules/@typescript/native/bin/tsc'),
    '-p',
    dir
  ]).catch((error: unknown) => error as { stdout: string })
  return stdout.replace(
    /\S*?(\d+)\.ts\((\d+),/g,
    (_, i: string, line: string) => `${blocks[Number(i)]?.page.path ?? ''}:${(blocks[Number(i)]?.line ?? 0) + Number(line) - 1} (`
  )
}

const compiled = compile()

const wants = (page: Page, name: string): boolean => programsOf(page).some(({ text }) => text.includes(name))
const secrets = {
  SESSION_SECRET: 'a secret of the documentation, long enough',
  OLD_SECRET: 'an older secret of the documentation',
  SESSION_ENCRYPTION_KEY: 'a key of the documentation, long enough'
}

t.test('every program of the documentation runs', async t => {
  Object.assign(process.env, secrets)
  const before = process.cwd()
  t.teardown(() => { process.chdir(before) })
  for (const page of all) {
    if (programsOf(page).length === 0 || wants(page, 'REDIS_URL') || wants(page, 'DATABASE_URL')) continue
    await t.test(page.path, t => run(t, page))
  }
  await t.test('with Redis', { skip: missing(binaries()[0]) }, async t => {
    const [port = 0] = await freePorts(1)
    const server = await new RedisServer(binaries()[0], ['--port', String(port)]).start()
    t.teardown(() => server.close())
    process.env['REDIS_URL'] = `redis://127.0.0.1:${port}`
    for (const page of all.filter(page => wants(page, 'REDIS_URL'))) await t.test(page.path, t => run(t, page))
  })
  await t.test('with PostgreSQL', { skip: noPostgres }, async t => {
    const server = await startPostgres()
    t.teardown(() => server.remove())
    // a pooler is the server itself here
    Object.assign(process.env, { DATABASE_URL: server.url, POOLER_URL: server.url })
    for (const page of all.filter(page => wants(page, 'DATABASE_URL'))) await t.test(page.path, t => run(t, page))
  })
})

t.test('every TypeScript block compiles', async t => {
  t.equal(await compiled, '')
})

t.test('JSON is JSON, and commands are there', async t => {
  for (const page of all) {
    for (const [, script = ''] of page.text.matchAll(/(?:^|`)npm (?:run (?:-s )?|(?=test))([\w:-]+)/gm)) { t.ok(script in manifest.scripts, `${page.path}: npm run ${script}`) }
    for (const { language, text, line } of page.blocks) {
      const where = `${page.path}:${line}`
      t.notMatch(language, /^(javascript|typescript|bash|shell)$/, `${where}: js, ts and sh are the names`)
      if (language === 'json') t.doesNotThrow(() => { JSON.parse(text) }, where)
      if (language !== 'sh') continue
      for (const [, words = ''] of text.matchAll(new RegExp(`^(?:\\$ )?(?:npx )?${manifest.name} (.+)$`, 'gm'))) {
        const [name = '', ...args] = (words.replace(/\s#.*$/, '').replace(/ [|>].*$/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? [])
        const command = commands.find(command => command.name === name)
        if (name === 'help' || name === '--help') continue
        t.ok(command, `${where}: ${name}`)
        t.doesNotThrow(() => {
          parseArgs({
            args,
            allowPositionals: true,
            options: { ...targetOptions, ...command?.options, json: { type: 'boolean' }, help: { type: 'boolean' } }
          })
        }, where)
      }
    }
  }
})

t.test('links lead somewhere', async t => {
  for (const page of all) {
    const plain = page.text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, '').replace(/`[^`\n]*`/g, '')
    for (const [, target = ''] of plain.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page.path : normalize(join(dirname(page.path), file))
      t.ok(existsSync(join(root, path)), `${page.path}: ${target}`)
      if (anchor !== undefined && path.endsWith('.md')) t.ok(anchorsOf(pageAt(path)).has(anchor), `${page.path}: ${target}`)
    }
  }
})

t.test('tables of the reference name what the source has, and nothing else', async t => {
  const manager = await new SessionManager({ secret: secrets.SESSION_SECRET }).open()
  t.teardown(() => manager.close())
  const registry = new Registry()
  t.teardown(sessionMetrics(manager, registry))
  const metrics = (await registry.getMetricsAsJSON()).map(({ name }) => name)
  const tables: [string, readonly string[]][] = [
    ['docs/reference/errors.md', Object.keys(sessionErrors)],
    ['docs/reference/events.md', Object.keys(eventMeanings)],
    ['docs/reference/options.md', optionNames],
    ['docs/reference/metrics.md', metrics],
    ['docs/reference/command-line.md', commands.map(({ name }) => name)]
  ]
  for (const [path, names] of tables) { t.strictSame([...new Set(firstCells(pageAt(path)).map(cell => cell.split(/[.\s]/, 1).join('')))].sort(), [...names].sort(), path) }
  for (const [code, [status]] of Object.entries(sessionErrors)) { t.match(pageAt('docs/reference/errors.md').text, new RegExp(`^\\| \`${code}\` \\| ${status} \\|`, 'm')) }
  for (const [type, { level, owasp }] of Object.entries(eventMeanings)) {
    t.match(
      pageAt('docs/reference/events.md').text,
      new RegExp(`^\\| \`${type}\` \\| ${level} \\| ${owasp === null ? '' : `\`${owasp}\` `}\\|`, 'm')
    )
  }
})

t.test('every method, member and route is in the reference, and the map leads to every page', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(swagger)
  await app.register(sessions, { secret: secrets.SESSION_SECRET, admin: { authorize: () => true } })
  app.get('/members', { schema: { hide: true } }, async ({ session }) => {
    await session.login('ada')
    return [...Object.getOwnPropertyNames(Object.getPrototypeOf(session)), ...Object.keys(session.info ?? {})]
  })
  const named = (path: string): string[] =>
    [...pageAt(path).text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)/g)].map(([, name = '']) => name)
    )
  const unique = (names: readonly string[]): string[] => [...new Set(names)].sort()
  t.strictSame(
    unique(named('docs/reference/manager.md')),
    unique(Object.getOwnPropertyNames(SessionManager.prototype).filter(name => name !== 'constructor' && name !== 'core'))
  )
  t.strictSame(unique(named('docs/reference/session.md')), unique((await app.inject('/members')).json<string[]>()))
  const routes = Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
    Object.keys(methods as object).map(
      method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1').replace(/^\/api\/v1\/(auth|admin)\/sessions/, '$1 ')}`
    )
  )
  const [, ofUser = '', ofAdmin = ''] = pageAt('docs/reference/routes.md').text.split(/^## (?:User|Admin) routes$/m)
  const shown = Object.entries({ auth: ofUser, admin: ofAdmin }).flatMap(([kind, text]) =>
    [...text.matchAll(/^\| `([A-Z]+) (\/\S*)` \|/gm)].map(([, method = '', path = '']) => `${method} ${kind} ${path}`)
  )
  t.strictSame(unique(shown), unique(routes))

  const map = pageAt('docs/README.md')
  const reached = new Set([...map.text.matchAll(/\]\(([^)\s#]+)/g)].map(([, target = '']) => normalize(join('docs', target))))
  for (const { path } of all) if (path.startsWith('docs/') && path !== map.path) t.ok(reached.has(path), `the map leads to ${path}`)
})

t.test('the compatibility page lists every test with another plugin, and the versions that are installed', async t => {
  const titles = ['ecosystem/plugins', 'events/metrics', 'plugin/tracing'].flatMap(name =>
    [...readFileSync(join(root, `test/${name}.test.ts`), 'utf8').matchAll(/^ *t\.test\((['"`])(.*)\1, /gm)].map(
      ([, , title = '']) => title
    )
  )
  const rows = [...pageAt('docs/reference/compatibility.md').text.matchAll(/^\| ([^|\n]+) \| ([^|\n]+) \| (.+) \|$/gm)]
    .filter(([, , version]) => version !== 'version')
    .flatMap(([, names = '', version = '', shown = '']) =>
      names.split(', ').map((name, i) => ({ name, version: version.split(', ')[i], shown }))
    )
  const source = readFileSync(join(root, 'test/migration/libraries.test.ts'), 'utf8')
  for (const { name, version, shown } of rows) {
    if (shown.includes('✓')) t.match(source, `'${name}': `)
    // a title that is made for each of several packages
    else t.ok(titles.some(title => title === shown || (title.includes('${') && shown.startsWith(title.split('${', 1).join('')))), shown)
    t.equal(version, versions[name === 'auth.js' ? '@auth/core' : name], name)
  }
  for (const [, step = ''] of pageAt('docs/reference/compatibility.md').text.matchAll(/^\d+\. (.+)$/gm)) { t.ok(source.includes(`: ${step}\``), step) }
  for (const title of titles.filter(title => title.includes('@fastify/'))) {
    t.ok(
      rows.some(({ shown }) => shown.startsWith(title.split('${', 1).join(''))),
      title
    )
  }
})
