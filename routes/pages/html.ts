import { posix } from 'node:path'
import { loadAsset } from './assets.ts'
import type { AssetName } from './assets.ts'

/**
 * Security headers of the pages: scripts, styles and data from the same origin, nothing inline, no text as markup (Trusted Types), no
 * framing.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store'
}

/** The frame of a page: its files, and the one element that its script fills. */
export interface Shell {
  readonly title: string
  /** BCP 47. */
  readonly lang: string
  /** The URL of its files, relative to the page. */
  readonly files: string
  readonly styles: readonly AssetName[]
  readonly scripts: readonly AssetName[]
  readonly element: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  /** Whether the element needs `<main>` around it. */
  readonly main?: boolean
  /** Markup within the element, already escaped. */
  readonly text: string
}

/** Returns a page as HTML. */
export async function toPage (shell: Shell): Promise<string> {
  const { title, lang, files, styles, scripts, element, attributes, main = false, text } = shell
  const link = async (name: AssetName): Promise<string> => escape(`${files}${name}?v=${(await loadAsset(name)).version}`)
  const head = [
    ...await Promise.all(styles.map(async name => `<link rel="stylesheet" href="${await link(name)}">`)),
    `<link rel="icon" href="${await link('icon.svg')}">`,
    ...await Promise.all(scripts.map(async name => `<script type="module" src="${await link(name)}"></script>`))
  ]
  const given = Object.entries(attributes).flatMap(([name, value]) => value === undefined ? [] : [` ${name}="${escape(value)}"`])
  return `<!doctype html>
<html lang="${escape(lang)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escape(title)}</title>
${head.join('\n')}
</head>
<body>
${main ? '<main>' : ''}<${element}${given.join('')}>${text}</${element}>${main ? '</main>' : ''}
</body>
</html>
`
}

/** Returns the relative URL from a page to another path, so that both work behind a proxy that adds a prefix. */
export function wayTo (target: string, page: { readonly path: string, readonly slash: boolean }): string {
  const from = page.slash ? page.path : posix.dirname(page.path)
  return posix.relative(from, target) || '.'
}

export function escape (text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
