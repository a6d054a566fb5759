// the code of pages about moving over and testing runs as it stands
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import * as main from '../../lib/index.ts'
import * as legacy from '../../lib/legacy/index.ts'
import * as testing from '../../lib/testing/index.ts'

const root = new URL('../../', import.meta.url)
const pages = ['from-fastify-session', 'move-over', 'test-your-app']
const own: Record<string, unknown> = { 'fastify-session-manager': main, 'fastify-session-manager/legacy': legacy, 'fastify-session-manager/testing': testing }
const AsyncFunction = (async () => {}).constructor as new (name: string, code: string) => (load: (name: string) => Promise<unknown>) => Promise<void>

/** Imports as a consumer of the package would. */
async function load (name: string): Promise<unknown> {
  if (own[name] !== undefined) return own[name]
  // not hoisted in every install
  if (name === 'sodium-native') return { default: createRequire(import.meta.resolve('@fastify/secure-session'))(name) as unknown }
  return import(name)
}

for (const page of pages) {
  const text = readFileSync(new URL(`docs/how-to/${page}.md`, root), 'utf8')
  for (const [i, [, code = '']] of [...text.matchAll(/```js\n([\s\S]*?)```/g)].entries()) {
    t.test(`${page}: example ${i + 1} runs`, async t => {
      const body = code
        .replace(/^import (\w+) from '(.*)'/gm, "const { default: $1 } = await load('$2')")
        .replace(/^import (\{.*\}) from '(.*)'/gm, "const $1 = await load('$2')")
      t.notMatch(body, /^import /m)
      await new AsyncFunction('load', body)(load)
    })
  }
  t.test(`${page}: its links lead somewhere`, async t => {
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\w\s-]/g, '').replace(/\s/g, '-'))
    for (const [, target = ''] of text.matchAll(/\]\((.*?)\)/g)) {
      if (target.startsWith('#')) t.ok(headings.includes(target.slice(1)), target)
      else t.ok(readFileSync(new URL(target, new URL('docs/how-to/', root)), 'utf8'), target)
    }
  })
}
