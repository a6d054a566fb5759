// Makes ui/built: what the pages load, minified and in the compressed forms that the server hands out.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'esbuild'

const at = path => new URL(path, import.meta.url).pathname
const shared = {
  bundle: true,
  minify: true,
  write: false,
  legalComments: 'none',
  logLevel: 'warning',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  absWorkingDir: at('.')
}

async function make (entry, name, options = {}) {
  const { outputFiles: [file] } = await build({ ...shared, entryPoints: [at(entry)], ...options })
  return [name, file.contents]
}

const [, css] = await make('devices/element.css', 'element.css')
const script = { format: 'esm', define: { ELEMENT_CSS: JSON.stringify(new TextDecoder().decode(css).trim()) } }
const files = await Promise.all([
  make('console/index.ts', 'console.js', script),
  make('devices/index.ts', 'element.js', script),
  make('console/console.css', 'console.css'),
  make('devices/page.css', 'devices.css'),
  make('shared/notice.css', 'notice.css'),
  readFile(at('shared/icon.svg')).then(contents => ['icon.svg', contents])
])

const out = at('built/')
await mkdir(out, { recursive: true })
/** A server that runs meanwhile never reads half a file. */
async function put (name, bytes) {
  await writeFile(`${out}.${name}.${process.pid}`, bytes)
  await rename(`${out}.${name}.${process.pid}`, out + name)
  return name
}
const written = await Promise.all(
  files.flatMap(([name, contents]) => [
    put(name, contents),
    promisify(gzip)(contents, { level: 9 }).then(bytes => put(`${name}.gz`, bytes)),
    promisify(brotliCompress)(contents, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }).then(bytes =>
      put(`${name}.br`, bytes)
    )
  ])
)
// bundled code keeps its licenses
const licences = await Promise.all(
  ['preact', 'htm', 'uplot'].map(async name => `${name}\n\n${(await readFile(at(`../node_modules/${name}/LICENSE`), 'utf8')).trim()}\n`)
)
written.push(await put('LICENSES.txt', licences.join(`\n${'-'.repeat(72)}\n\n`)))
const old = (await readdir(out)).filter(name => !name.startsWith('.') && !written.includes(name))
await Promise.all(old.map(name => rm(out + name, { force: true })))
