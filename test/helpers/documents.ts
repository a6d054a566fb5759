import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced block of a page. */
export interface Block {
  readonly language: string
  /** What a program finds beside it: ```js plugins/sessions.js */
  readonly file: string
  readonly text: string
  /** From 1 on. */
  readonly line: number
}

/** One page of the documentation. */
export interface Page {
  /** From the root of the project: `docs/how-to/redis.md`. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

export const root = join(import.meta.dirname, '../..')

/** README, the other pages at the top, and everything in docs. */
export function pages (): Page[] {
  const top = readdirSync(root).filter(name => name.endsWith('.md'))
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name))
  return [...top, ...docs.sort()].map(path => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, text, blocks: blocksOf(text) }
  })
}

function blocksOf (text: string): Block[] {
  const blocks: Block[] = []
  let open: { language: string, file: string, lines: string[], line: number } | null = null
  for (const [i, line] of text.split('\n').entries()) {
    const fence = /^ {0,3}```+ *([\w-]*) *(\S*)/.exec(line)
    if (open !== null && fence !== null) {
      blocks.push({ language: open.language, file: open.file, text: open.lines.join('\n'), line: open.line })
      open = null
    } else if (open !== null) {
      open.lines.push(line)
    } else if (fence !== null) {
      open = { language: fence[1] as string, file: fence[2] as string, lines: [], line: i + 2 }
    }
  }
  return blocks
}

/** A request that a page makes to its program, with the answer that it shows. */
export interface Step {
  readonly command: string
  /** JSON, of the block right after the command. */
  readonly answer: string | null
  readonly line: number
}

export interface Program {
  readonly text: string
  readonly line: number
  readonly steps: readonly Step[]
}

/**
 * The programs of a page: a block that imports begins one, those after it go on with it, above its `app.listen` if it has one. Commands
 * with curl are requests to it; they may use variables that the page has set.
 */
export function programsOf (page: Page): Program[] {
  const programs: { text: string, line: number, steps: Step[] }[] = []
  const variables = new Map<string, string>()
  for (const [i, { language, file, text, line }] of page.blocks.entries()) {
    const last = programs.at(-1)
    if (language === 'sh' && last !== undefined) {
      for (const [, name = '', value = ''] of text.matchAll(/^([A-Z]+)=('.*')$/gm)) variables.set(name, value)
      const commands = (text.match(/^curl (?:.*\\\n)*.*$/gm) ?? []).map(command =>
        command.replace(/"\$([A-Z]+)"/g, (all, name: string) => variables.get(name) ?? all)
      )
      const after = page.blocks[i + 1]
      last.steps.push(
        ...commands.map((command, j) => ({
          command,
          line,
          answer: j === commands.length - 1 && after?.language === 'json' ? after.text : null
        }))
      )
    }
    if (language !== 'js' || file !== '') continue
    if (last === undefined || /^import /m.test(text)) programs.push({ text, line, steps: [] })
    else last.text += `\n${text}`
  }
  return programs.map(program => ({ ...program, text: program.text.replace(/^(await app\.listen\(.*)$([^]*)/m, '$2\n$1') }))
}

/** The names of the headings of a page, as links spell them. */
export function anchorsOf (page: Page): Set<string> {
  const plain = page.text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, '')
  return new Set(
    [...plain.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[`*]/g, '')
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-')
    )
  )
}

/** The first cells of the rows of a page's tables, without their quotes. */
export function firstCells (page: Page): string[] {
  return [...page.text.matchAll(/^\| *`([^`]+)`/gm)].map(match => match[1] as string)
}
