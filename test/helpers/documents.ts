import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced block of a page. */
export interface Block {
  readonly language: string
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
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => join('docs', name))
  return [...top, ...docs.sort()].map(path => {
    const text = readFileSync(join(root, path), 'utf8')
    return { path, text, blocks: blocksOf(text) }
  })
}

function blocksOf (text: string): Block[] {
  const blocks: Block[] = []
  let open: { language: string, lines: string[], line: number } | null = null
  for (const [i, line] of text.split('\n').entries()) {
    const fence = /^ {0,3}```+ *([\w-]*)/.exec(line)
    if (open !== null && fence !== null) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), line: open.line })
      open = null
    } else if (open !== null) {
      open.lines.push(line)
    } else if (fence !== null) {
      open = { language: fence[1] as string, lines: [], line: i + 2 }
    }
  }
  return blocks
}

/** The programs of a page: a block that imports begins one, those after it go on with it. */
export function programsOf (page: Page): { readonly text: string, readonly line: number }[] {
  const programs: { text: string, line: number }[] = []
  for (const { language, text, line } of page.blocks) {
    if (language !== 'js') continue
    const last = programs.at(-1)
    if (last === undefined || /^import /m.test(text)) programs.push({ text, line })
    else last.text += `\n${text}`
  }
  return programs
}

/** The names of the headings of a page, as links spell them. */
export function anchorsOf (page: Page): Set<string> {
  const plain = page.text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, '')
  return new Set([...plain.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[`*]/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-')))
}

/** The first cells of the rows of a page's tables, without their quotes. */
export function firstCells (page: Page): string[] {
  return [...page.text.matchAll(/^\| *`([^`]+)`/gm)].map(match => match[1] as string)
}
