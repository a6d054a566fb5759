// House rules for prose: one plain English, in pages, comments, messages and texts that users see.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { pages, root } from '../helpers/documents.ts'

/** A piece of prose, and where it begins. */
interface Prose { readonly file: string, readonly line: number, readonly text: string }

interface Finding { readonly word: string, readonly instead: string, readonly where: string }

/** Words and phrases that the project does not use, and what to write instead. */
const denied: readonly (readonly [pattern: string, instead: string])[] = [
  ['answer(?:s|ed|ing)?', 'a function returns, a server responds, a promise resolves'],
  ['tells?|told|telling', 'emits, publishes, logs, notifies, reports, shows'],
  ['hears?|heard', 'receives, is notified'],
  ['whoever', 'the user, client, attacker, admin or caller'],
  ['somebody|anybody|everybody', 'the user, client, attacker, admin or caller'],
  ['nobody', 'no user, no client; of a cookie: invalid, cannot authenticate'],
  ['wants|wanted', 'must, requires'],
  ['bears', 'carries, has'],
  ['lies', 'is'],
  ['anew', 'again; of a timeout: resets'],
  ['so many', 'at most `max`, the number'],
  ['so (?:long|often)', 'for the timeout, each time'],
  ['(?:is|are|was|were) none', 'there is no …'],
  ['for good', 'permanently, finally'],
  ['for ever', 'indefinitely'],
  ['of ours|of theirs', 'this package’s, the other library’s'],
  ['go(?:es)? by', 'uses, compares'],
  ['(?:comes?|takes?|goes|go|brings?) along', 'is sent with, includes'],
  ['under way', 'in flight, in progress'],
  ['opens? nothing', 'cannot authenticate'],
  ['says? (?:yes|no)', 'accepts, rejects'],
  ['by option', 'optional'],
  ['at home', 'works with'],
  ['cures?|cured', 'fix'],
  ['strangers?', 'unrecognized clients'],
  ['dies? with|outlives?', 'session cookie, persistent'],
  ['both lengths|lengths of (?:a|its) life', 'idle and absolute timeout'],
  ['instants?', 'timestamp'],
  ['in the clear', 'unencrypted'],
  ['another site|other sites', 'another origin, other origins'],
  ['what became of|what comes? of|what came of', 'the result, the outcome'],
  ['as it is kept|what is kept of', 'the stored value'],
  ['is not there|are not there', 'does not exist, is disabled'],
  ['beats? every', 'overrides'],
  ['at a stretch', 'continuously'],
  ['i mean it', 'I understand'],
  ['of (?:its|their) kind', 'such'],
  ['a word from you', 'confirmation'],
  ['out of the way', 'unaffected'],
  ['makes? (?:itself )?sure', 'ensures, checks'],
  // American spelling, as in the API
  ['\\w*(?:authoris|recognis|normalis|serialis|initialis|organis|anonymis)\\w*', 'American spelling: -iz-'],
  ['(?:synchronis|optimis|minimis|maximis|customis|summaris)\\w*', 'American spelling: -iz-'],
  ['(?:behaviour|colour|favour|honour|neighbour|labour)(?:s|ed|ing|al|able|ites?)?', 'American spelling: -or'],
  ['grey|centre[sd]?|licences?|defences?|judgements?|cancell(?:ed|ing)', 'American spelling'],
  ['(?:label|model|travel|signal)l(?:ed|ing)|analys(?:ed?|ing)|catalogues?|whilst|artefacts?|programmes?', 'American spelling']
]

/** Where a word is right. `has` is the text around it; one that is no longer found is to be deleted here. */
const exceptions: readonly { readonly file: string, readonly has: string, readonly reason: string }[] = [
  { file: 'lib/cookie/attributes.ts', has: 'follows a link from another site', reason: 'SameSite compares sites, not origins' }
]

const words = denied.map(([pattern, instead]) => {
  return { pattern: new RegExp(`(?<![\\w-])(?:${pattern.replaceAll(' ', '\\s+')})(?![\\w-])`, 'gi'), instead }
})

/** Returns the denied words of a piece of prose. */
function findingsIn ({ file, line, text }: Prose): Finding[] {
  return words.flatMap(({ pattern, instead }) => [...text.matchAll(pattern)].flatMap(match => {
    const around = text.slice(Math.max(0, match.index - 40), match.index + match[0].length + 40).replace(/\s+/g, ' ')
    const excepted = exceptions.some(({ file: path, has }) => path === file && around.includes(has))
    const at = line + text.slice(0, match.index).split('\n').length - 1
    return excepted ? [] : [{ word: match[0].toLowerCase(), instead, where: `${file}:${at}: …${around}…` }]
  }))
}

/** A page without code blocks, code spans and addresses. Lines stay where they are. */
function proseOfPage (file: string, text: string): Prose[] {
  const blank = (block: string): string => block.replace(/[^\n]/g, '')
  const prose = text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, blank).replace(/`[^`\n]*`/g, '`x`')
  return [{ file, line: 1, text: prose.replace(/\]\([^)\s]*\)/g, ']').replace(/https?:\S+/g, '') }]
}

/** Comments and string literals of TypeScript and JavaScript, as the compiler's scanner finds them. */
function proseOfCode (file: string, text: string): Prose[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Prose[] = []
  const seen = new Set<number>()
  const add = (start: number, content: string): void => {
    found.push({ file, line: source.getLineAndCharacterOfPosition(start).line + 1, text: content })
  }
  const addComments = (ranges: readonly ts.CommentRange[] | undefined): void => {
    let run: { start: number, end: number } | null = null
    for (const { pos, end } of ranges ?? []) {
      if (seen.has(pos)) continue
      seen.add(pos)
      // comments of one line each that follow each other are one text
      if (run !== null && text.slice(run.end, pos).trim() === '') run.end = end
      else {
        if (run !== null) add(run.start, withoutMarks(text.slice(run.start, run.end)))
        run = { start: pos, end }
      }
    }
    if (run !== null) add(run.start, withoutMarks(text.slice(run.start, run.end)))
  }
  const visit = (node: ts.Node): void => {
    addComments(ts.getLeadingCommentRanges(text, node.getFullStart()))
    addComments(ts.getTrailingCommentRanges(text, node.end))
    const isText = ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node)
    if (isText && !ts.isImportDeclaration(node.parent) && !ts.isExportDeclaration(node.parent)) add(node.getStart(source), node.text)
    for (const child of node.getChildren(source)) visit(child)
  }
  visit(source)
  return found
}

/** Comments of Lua, SQL and style sheets. */
function proseOfScript (file: string, text: string): Prose[] {
  const comment = file.endsWith('.css') ? /\/\*[\s\S]*?\*\//g : /--.*(?:\n[^\S\n]*--.*)*|\/\*[\s\S]*?\*\//g
  return [...text.matchAll(comment)].map(match => {
    return { file, line: text.slice(0, match.index).split('\n').length, text: withoutMarks(match[0]) }
  })
}

/** A comment's text without slashes, stars and dashes. Line breaks stay. */
function withoutMarks (comment: string): string {
  return comment.replace(/^[^\S\n]*(?:\/\*\*?|\*\/|\*|\/\/|--)/gm, '').replace(/\*\/$/, '').replace(/`[^`\n]*`/g, '`x`')
}

function proseOf (file: string, text: string): Prose[] {
  if (file.endsWith('.md')) return proseOfPage(file, text)
  return /\.[jt]s$/.test(file) ? proseOfCode(file, text) : proseOfScript(file, text)
}

const folders = ['lib', 'routes', 'ui', 'examples', 'bin']
const files = folders.flatMap(folder => {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(entry => join(folder, entry))
})
const sources = files.filter(path => /\.(?:ts|js|lua|sql|css)$/.test(path) && !path.startsWith(join('ui', 'built')))
const texts = [
  ...pages().map(({ path, text }) => ({ file: path, text })),
  ...sources.map(file => ({ file, text: readFileSync(join(root, file), 'utf8') }))
]

t.test('pages, comments, messages and texts are in plain English, in American spelling', async t => {
  for (const { file, text } of texts) {
    const found = proseOf(file, text).flatMap(findingsIn)
    if (found.length === 0) t.pass(file)
    for (const { word, instead, where } of found) t.fail(`${where}: "${word}" is not used here; write: ${instead}`)
  }
})

t.test('every exception is still there, with its reason', async t => {
  for (const { file, has, reason } of exceptions) {
    const text = texts.find(each => each.file === file)?.text.replace(/\s+(?:\* |\/\/ |-- )?/g, ' ') ?? ''
    t.ok(reason.length > 10 && text.includes(has), `${file}: ${has}`)
  }
})

t.test('a planted word of each kind is found', async t => {
  const planted: readonly (readonly [file: string, text: string, found: number])[] = [
    ['page.md', 'The server\nanswers.\n\n```js\nconst answers = 1\n```\nUse `answers`, [see](answers.md).\n', 1],
    ['page.md', 'At most so\nmany sessions, for this behaviour.\n', 2],
    ['comment.ts', '// tells the caller\nexport const tells = 1 // nobody\n/** Returns it, and\n * starts anew. */\n', 3],
    ['lines.ts', 'const x = 1\n// it is true for so\n// long as that\n', 1],
    ['message.ts', 'throw new Error(`$' + '{name} wants a number, $' + '{other} lies`)\n', 2],
    ['name.ts', 'import { x } from \'./answers.ts\'\nconst somebody = x.told\n', 0],
    ['texts.ts', 'export const en = { title: \'Colours: as your system\', body: "Whoever signed in" }\n', 2],
    ['page.js', 'html`<p>$' + '{name} is told</p>`\n', 1],
    ['script.lua', '-- answers the\n-- ended ones\nlocal told = 1 -- for good\n', 2],
    ['script.sql', '-- what nobody wants\nselect told from answers; /* anew */\n', 3],
    ['style.css', '/* as the system wants */ .told { color: red }\n', 1]
  ]
  for (const [file, text, count] of planted) t.equal(proseOf(file, text).flatMap(findingsIn).length, count, `${file}: ${text}`)
  for (const [pattern] of denied) t.ok(pattern.length > 3, pattern)
})
