import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

interface Row {
  readonly cells: readonly string[]
  readonly where: readonly { readonly file: string; readonly names: readonly string[] }[]
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

/** The rows of a table of a page in docs/security, with the tests that its last column names. */
function rowsOf (page: string): Row[] {
  return read(`docs/security/${page}`).split('\n').filter(line => /^\| (?!#|-|Case \||Advisory \|)/.test(line)).map(line => {
    const cells = line.slice(2, -2).split(' | ')
    const tests = [...(cells.at(-1) ?? '').matchAll(/\[(.*?)\]\(\.\.\/\.\.\/(test\/[\w./-]+)\)(?=<br>|$)/g)].map(
      ([, title = '', file = '']) => ({ file, title: title.replaceAll('&#124;', '|') })
    )
    const where = (cells[3] ?? '').split('<br>').flatMap(part => {
      const file = /\]\(\.\.\/\.\.\/([\w./-]+)\)/.exec(part)?.[1]
      return file === undefined ? [] : [{ file, names: [...part.matchAll(/`(\w+)`/g)].map(([, name = '']) => name) }]
    })
    return { cells, where, tests }
  })
}

/** The title of every test of a file, as its source writes it. */
function titlesOf (file: string): string[] {
  return [...read(file).matchAll(/\.test\((['"`])((?:\\.|(?!\1).)*)\1/g)].map(([, , title = '']) => title.replace(/\\(['"])/g, '$1'))
}

function testFiles (dir = 'test'): string[] {
  return readdirSync(new URL(`${dir}/`, root), { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? testFiles(`${dir}/${entry.name}`) : entry.name.endsWith('.test.ts') ? [`${dir}/${entry.name}`] : []
  )
}

function numbersOf (title: string): number[] {
  return (/^row ((?:\d+, )*\d+): /.exec(title)?.[1] ?? '').split(', ').filter(text => text !== '').map(Number)
}

/** The numbers of a row: requirements with the same tests share one. */
function rowNumbers ({ cells: [numbers = ''] }: Row): number[] {
  return numbers.split(', ').map(Number)
}

t.test('the page of requirements has all 84, says where each is enforced, and which tests show it', async t => {
  const rows = rowsOf('requirements.md')
  t.strictSame(rows.flatMap(rowNumbers), Array.from({ length: 84 }, (_, i) => i + 1))
  for (const row of rows) {
    const { cells: [number = '', text = '', source = ''], where, tests } = row
    const shown = new Set<number>()
    t.ok(text.length > 10 && source.length > 2 && where.length > 0 && tests.length > 0, `requirement ${number} is whole`)
    for (const { file, names } of where) {
      const code = read(file)
      t.ok(names.length > 0 && names.every(name => new RegExp(`\\b${name}\\b`).test(code)), `${file} has ${names.join(', ')}`)
    }
    for (const { file, title } of tests) {
      const found = titlesOf(file).find(each => each.replace(/^row [\d, ]+: /, '') === title)
      const numbers = found === undefined ? [] : numbersOf(found).filter(each => rowNumbers(row).includes(each))
      t.ok(numbers.length > 0, `${file} shows ${number}: ${title}`)
      for (const each of numbers) shown.add(each)
    }
    t.strictSame(rowNumbers(row).filter(each => !shown.has(each)), [], `a test shows each of ${number}`)
  }
})

t.test('every test that names a requirement is on the page', async t => {
  const listed = rowsOf('requirements.md').flatMap(({ cells, tests }) =>
    tests.flatMap(({ file, title }) => (cells[0] ?? '').split(', ').map(number => `${number} ${file} ${title}`))
  )
  for (const file of testFiles()) {
    for (const title of titlesOf(file)) {
      for (const number of numbersOf(title)) { t.ok(listed.includes(`${number} ${file} ${title.replace(/^row [\d, ]+: /, '')}`), `${number} ${file}: ${title}`) }
    }
  }
})

for (const [page, least] of [['advisories.md', 100], ['hostile-cases.md', 95]] as const) {
  t.test(`every line of ${page} names a test that exists, or says why there is none`, async t => {
    const rows = rowsOf(page)
    const listed = rows.flatMap(({ cells }) => (cells[0] ?? '').split(', '))
    t.ok(listed.length >= least, `${listed.length} cases`)
    for (const { cells, tests } of rows) {
      const last = cells.at(-1) ?? ''
      t.ok(tests.length > 0 || last.startsWith('No test: '), cells[0] ?? '')
      for (const { file, title } of tests) {
        t.ok(
          existsSync(new URL(file, root)) && titlesOf(file).some(each => each.replace(/^row [\d, ]+: /, '') === title),
          `${file}: ${title}`
        )
      }
    }
  })
}
