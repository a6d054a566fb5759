// The packed tarball, installed into an empty project: imported, required, and compiled by the compilers that people have.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const place = mkdtempSync(join(tmpdir(), 'consumer-'))
const compilers = {
  5.4: 'typescript@5.4',
  5.9: 'typescript@5.9',
  '6.0': manifest.devDependencies.typescript.slice(4),
  '7.0': manifest.devDependencies['@typescript/native'].slice(4)
}
const subpaths = Object.keys(manifest.exports).filter(path => !path.endsWith('.json')).map(path => manifest.name + path.slice(1))

const run = (command, args, cwd = place) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const npm = (...args) => run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'])

const esm = `
import Fastify from 'fastify'
import sessions, { fastifySessionManager, SessionManager, memoryStore } from '${manifest.name}'
import { strictEqual } from 'node:assert'
${subpaths.slice(1).map((path, i) => `import * as sub${i} from '${path}'`).join('\n')}
strictEqual(sessions, fastifySessionManager)
${subpaths.slice(1).map((_path, i) => `strictEqual(typeof sub${i}, 'object')`).join('\n')}
const app = Fastify()
await app.register(sessions, { secret: 'a secret of thirty-two characters', store: memoryStore() })
app.post('/login', async request => { await request.session.login('ada'); return {} })
app.get('/me', { onRequest: app.requireSession }, async request => ({ userId: request.session.userId }))
const cookie = (await app.inject({ method: 'POST', url: '/login' })).headers['set-cookie'].split(';')[0]
strictEqual((await app.inject({ url: '/me', headers: { cookie } })).json().userId, 'ada')
strictEqual(app.sessions instanceof SessionManager, true)
await app.close()
`

const cjs = `
const Fastify = require('fastify')
const sessions = require('${manifest.name}')
const { strictEqual } = require('node:assert')
strictEqual(typeof sessions.SessionManager, 'function')
const app = Fastify()
app.register(sessions, { secret: 'a secret of thirty-two characters' })
app.get('/me', { config: { session: { required: true } } }, async () => ({}))
app.inject('/me').then(response => { strictEqual(response.statusCode, 401); return app.close() })
`

const typed = `
import Fastify from 'fastify'
import sessions, { SessionManager } from '${manifest.name}'
import type { SessionPluginOptions, SessionRecord, Store } from '${manifest.name}'
${subpaths.slice(1).map(path => `import type {} from '${path}'`).join('\n')}

declare module 'fastify' {
  interface Session { cart?: string[] }
}

const options: SessionPluginOptions = { secret: 'a secret of thirty-two characters', idleTimeout: '30m', maxSessions: { max: 5, onExceeded: 'evict-oldest' } }
const app = Fastify()
await app.register(sessions, options)
app.get('/cart', { config: { session: { required: true } }, onRequest: app.requireSession }, async request => {
  const cart: string[] = request.session.cart ?? []
  // @ts-expect-error a key of the session is what the app says it is
  request.session.cart = 5
  const userId: string | null = request.session.userId
  return { cart, userId }
})
const secure = Fastify({ http2: true, https: { allowHTTP1: true, key: '', cert: '' } })
await secure.register(sessions, options)
secure.get('/me', { onRequest: secure.requireSession }, async request => ({ userId: request.session.userId }))
secure.addHook('preHandler', secure.requireSession)
const manager: SessionManager = app.sessions
const found: readonly SessionRecord[] = (await manager.list({ userId: 'ada' }, { limit: 5 })).items
export const store = (store: Store): string => store.name + found.length
`

// a project without ES modules, whose compiler does not read `exports`
const commonJs = `
import Fastify from 'fastify'
import sessions from '${manifest.name}'
${subpaths.slice(1).map((path, i) => `import * as sub${i} from '${path}'`).join('\n')}
const app = Fastify()
app.register(sessions, { secret: 'a secret of thirty-two characters' })
app.get('/me', { onRequest: app.requireSession }, async request => ({ userId: request.session.userId }))
export const all: readonly object[] = [${subpaths.slice(1).map((_path, i) => `sub${i}`).join(', ')}]
`

try {
  const tarball = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', place], root))[0]
  const listed = tarball.files.map(({ path }) => path)
  for (const path of ['dist/lib/index.js', 'dist/lib/index.d.ts', 'README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md']) { if (!listed.includes(path)) throw new Error(`the tarball lacks ${path}`) }
  const stray = listed.filter(path => /^(test|bench|docs|node_modules)\//.test(path))
  if (stray.length > 0) throw new Error(`the tarball holds ${stray.join(', ')}`)
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  npm('install', '--legacy-peer-deps', join(place, tarball.filename))
  // without fastify itself, which the app has
  console.log(
    `tarball ${kB(tarball.size)}, unpacked ${kB(tarball.unpackedSize)}, installed with what it needs ${kB(sizeOf(join(place, 'node_modules')))} (${packagesIn(join(place, 'node_modules'))} packages)`
  )
  npm('install', `fastify@${manifest.devDependencies.fastify}`, `@types/node@${manifest.devDependencies['@types/node']}`)
  writeFileSync(join(place, 'esm.mjs'), esm)
  run(process.execPath, ['esm.mjs'])
  console.log('import: works')
  writeFileSync(join(place, 'cjs.cjs'), cjs)
  run(process.execPath, ['cjs.cjs'])
  console.log('require: works')
  const secret = run('npx', ['--no-install', manifest.name, 'secret']).trim()
  if (!/^[\w-]{43}$/.test(secret)) throw new Error(`expected a secret, was ${secret}`)
  console.log('command line: works')
  writeFileSync(join(place, 'typed.ts'), typed)
  writeFileSync(join(place, 'common.cts'), commonJs)
  for (const [version, spec] of Object.entries(compilers)) {
    const dir = join(place, `compiler-${version}`)
    mkdirSync(dir)
    writeFileSync(join(dir, 'package.json'), '{}')
    run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', `compiler@npm:${spec}`], dir)
    const bin = JSON.parse(readFileSync(join(dir, 'node_modules/compiler/package.json'), 'utf8')).bin
    run(process.execPath, [
      join(dir, 'node_modules/compiler', bin.tsc ?? bin.tsc6),
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--moduleResolution',
      'nodenext',
      '--types',
      'node',
      '--skipLibCheck',
      'false',
      'typed.ts'
    ])
    console.log(`TypeScript ${version}: compiles`)
    if (!version.startsWith('5.')) continue
    run(process.execPath, [
      join(dir, 'node_modules/compiler', bin.tsc),
      '--noEmit',
      '--strict',
      '--esModuleInterop',
      '--target',
      'es2022',
      '--module',
      'commonjs',
      '--moduleResolution',
      'node10',
      '--types',
      'node',
      '--skipLibCheck',
      'common.cts'
    ])
    console.log(`TypeScript ${version}: compiles with moduleResolution node10`)
  }
} catch (error) {
  console.error(error.stdout ?? error)
  process.exitCode = 1
} finally {
  rmSync(place, { recursive: true, force: true })
}

function kB (bytes) { return `${Math.round(bytes / 1000)} kB` }

function sizeOf (path) {
  const stat = statSync(path)
  return stat.isDirectory() ? readdirSync(path).reduce((total, name) => total + sizeOf(join(path, name)), 0) : stat.size
}

function packagesIn (path) {
  return readdirSync(path)
    .filter(name => !name.startsWith('.'))
    .reduce((total, name) => total + (name.startsWith('@') ? readdirSync(join(path, name)).length : 1), 0)
}
