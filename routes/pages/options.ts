import { checkNames, invalidOption, namesOf } from '../../lib/options.ts'

/** A page of this package in your app. */
export interface PageOptions {
  /** The page's path. Its files are below. */
  readonly path?: string
  /**
   * The page to which browsers that are not signed in are redirected; `next` is added, with the page's own path. Default: the page responds
   * with 401.
   */
  readonly login?: string
  /** Translations of the English texts, by key: docs/reference/texts.md lists them. */
  readonly messages?: Readonly<Record<string, string>>
  /** Language of the page (BCP 47): for its texts, dates and numbers. Default `en`. */
  readonly lang?: string
}

const names = namesOf<PageOptions>({ path: true, login: true, messages: true, lang: true })

/** The options of a page, checked. */
export interface CheckedPageOptions {
  readonly path: string
  readonly login: string | undefined
  readonly messages: Readonly<Record<string, string>>
  readonly lang: string
}

/** Checks the options of a page. Throws `FST_SESSION_INVALID_OPTION`. */
export function toPageOptions (options: PageOptions, option: string, path: string): CheckedPageOptions {
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null) {
    throw invalidOption(option, 'an object with `path`, or false')
  }
  checkNames(options, option, names)
  const checked = { path, login: undefined, messages: {}, lang: 'en', ...options }
  if (typeof checked.path !== 'string' || !/^\/.*[^/]$/.test(checked.path)) {
    throw invalidOption(`${option}.path`, 'a path that starts with / and does not end with it')
  }
  if (checked.login !== undefined && typeof checked.login !== 'string') throw invalidOption(`${option}.login`, 'a URL')
  if (!areTexts(checked.messages)) throw invalidOption(`${option}.messages`, 'an object of texts')
  if (!isLanguage(checked.lang)) throw invalidOption(`${option}.lang`, 'a language such as en or pt-BR')
  return checked
}

function areTexts (messages: unknown): boolean {
  return typeof messages === 'object' && messages !== null && Object.values(messages).every(text => typeof text === 'string')
}

function isLanguage (lang: unknown): boolean {
  try {
    return typeof lang === 'string' && Intl.getCanonicalLocales(lang).length === 1
  } catch {
    return false
  }
}
