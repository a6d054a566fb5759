const valued: Record<string, 'jar' | 'cookies' | 'headers' | 'body' | 'method' | 'agent'> = {
  '-c': 'jar',
  '-b': 'cookies',
  '-H': 'headers',
  '-d': 'body',
  '-X': 'method',
  '-A': 'agent'
}

/** As much of curl as the documentation uses, on fetch: its jars of cookies are files in the pages, and maps here. */
export class Curl {
  readonly #jars = new Map<string, Map<string, string>>()
  readonly #origin: string

  constructor (origin: string) {
    this.#origin = origin
  }

  /** Runs one command on the app. */
  async run (command: string): Promise<Response> {
    const given: Record<(typeof valued)[string], string[]> = { jar: [], cookies: [], headers: [], body: [], method: [], agent: [] }
    let url = ''
    const words = (command.replace(/\\\n/g, ' ').match(/'[^']*'|\S+/g) ?? []).slice(1).map(word => word.replace(/^'|'$/g, ''))
    for (let i = 0; i < words.length; i++) {
      const word = words[i] ?? ''
      const option = valued[word]
      if (option !== undefined) given[option].push(words[++i] ?? '')
      else if (!word.startsWith('-')) url = word
      else if (!['-s', '-i'].includes(word)) throw new Error(`the pages have no curl ${word}`)
    }
    return this.#send(new URL(new URL(url).pathname + new URL(url).search, this.#origin), given)
  }

  async #send (
    url: URL,
    {
      jar: [jar],
      cookies: [from],
      headers,
      body: [body],
      method: [method = body === undefined ? 'GET' : 'POST'],
      agent: [agent = 'curl/8']
    }: Record<(typeof valued)[string], string[]>
  ): Promise<Response> {
    const cookie = [...this.#jar(from)].map(([name, value]) => `${name}=${value}`).join('; ')
    const named = headers.map(header => header.split(/: (.*)/s, 2) as [string, string])
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: [...named, ['user-agent', agent], ...(cookie === '' ? [] : [['cookie', cookie] as [string, string]])],
      ...(body === undefined ? {} : { body })
    })
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = set.split(';', 1).join('').split(/=(.*)/s)
      if (value === '') this.#jar(jar).delete(name)
      else this.#jar(jar).set(name, value)
    }
    return response
  }

  #jar (file: string | undefined): Map<string, string> {
    const jar = (file === undefined ? undefined : this.#jars.get(file)) ?? new Map<string, string>()
    if (file !== undefined) this.#jars.set(file, jar)
    return jar
  }
}

/**
 * Whether an answer is what a page shows: the same keys, and of lists as many. Texts are the same but for `…`, which stands for anything;
 * numbers are the same where they are a status.
 */
export function isShown (shown: unknown, answer: unknown, key = ''): boolean {
  if (Array.isArray(shown)) { return Array.isArray(answer) && shown.length === answer.length && shown.every((each, i) => isShown(each, answer[i])) }
  if (typeof shown === 'object' && shown !== null) {
    if (typeof answer !== 'object' || answer === null) return false
    const names = [...new Set([...Object.keys(shown), ...Object.keys(answer)])]
    return names.every(
      name =>
        name in shown &&
        name in answer &&
        isShown((shown as Record<string, unknown>)[name], (answer as Record<string, unknown>)[name], name)
    )
  }
  if (typeof shown === 'string' && typeof answer === 'string') {
    return new RegExp(
      `^${shown
        .split('…')
        .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`
    ).test(answer)
  }
  if (typeof shown === 'number' && key !== 'statusCode') return typeof answer === 'number'
  return shown === answer
}
