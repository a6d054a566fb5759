import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> }
}

t.test('compilers that do not read `exports` find the types of each sub-path', async t => {
  const expected = Object.entries(manifest.exports)
    .flatMap(([path, target]) => path === '.' || typeof target === 'string' ? [] : [[path.slice(2), [target.types]] as const])
  t.strictSame({ ...manifest.typesVersions['*'] }, Object.fromEntries(expected))
})
