import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { addAbortSignal, Readable } from 'node:stream'
import Fastify from 'fastify'
import type { InjectOptions } from 'fastify'
import type { Duration } from '../options.ts'
import type { SessionPluginOptions } from '../plugin/options.ts'
import { fastifySessionManager } from '../plugin/plugin.ts'
import { CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/** What a command asks for. */
export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly query?: URLSearchParams
  readonly body?: unknown
  /** Rows, as NDJSON. */
  readonly rows?: AsyncIterable<Buffer>
}

/** The sessions that a command is about: those of a running app, or those in a store. Both are spoken to in the admin routes' words. */
export interface Target {
  readonly name: string
  /** The answer as it arrives. Throws `CommandError` for any status but 200. */
  stream (path: string, call?: Call): Promise<AsyncIterable<Buffer>>
  close (): Promise<void>
}

/** Where the sessions are, as given on the command line. */
export interface TargetOptions {
  readonly store?: string | undefined
  readonly url?: string | undefined
  readonly header?: readonly string[] | undefined
  readonly prefix?: string | undefined
  readonly name?: string | undefined
  readonly history?: string | undefined
  /** What the app encrypts beside data. */
  readonly encrypted?: readonly string[] | undefined
}

const defaultPrefix = '/api/v1/admin/sessions'

/** Opens a store (`--store`, or `SESSION_STORE`), or reaches for a running app (`--url`, or `SESSION_URL`). Throws `UsageError`, `CommandError`. */
export async function openTarget (options: TargetOptions, terminal: Terminal): Promise<Target> {
  const { store = options.url === undefined ? terminal.env['SESSION_STORE'] : undefined, url = terminal.env['SESSION_URL'] } = options
  if (store !== undefined) return storeTarget(store, options, terminal)
  if (url !== undefined) return appTarget(url, options, terminal)
  throw new UsageError('Which sessions? Give `--store file:sessions.db` (or redis://…, postgres://…), or `--url https://app.example`.')
}

/** The whole answer, as JSON. */
export async function ask <T> (target: Target, path: string, call: Call = {}): Promise<T> {
  const chunks: Buffer[] = []
  for await (const chunk of await target.stream(path, call)) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as T
}

function appTarget (url: string, options: TargetOptions, terminal: Terminal): Target {
  if (!URL.canParse(url)) throw new UsageError('Expected `--url` to be one such as https://app.example.')
  const headers = Object.fromEntries((options.header ?? []).map(header => {
    const [name = '', value] = header.split(/:(.*)/s)
    if (value === undefined) throw new UsageError('Expected `--header` to be one such as "authorization: Bearer …".')
    return [name.trim(), value.trim()]
  }))
  const base = url.replace(/\/$/, '') + (options.prefix ?? defaultPrefix)
  return {
    name: new URL(url).origin,
    async stream (path, { method = 'GET', query, body, rows } = {}) {
      const type = rows !== undefined ? { 'content-type': 'application/x-ndjson' } : body !== undefined ? { 'content-type': 'application/json' } : {}
      const init = { method, headers: { ...headers, ...type }, signal: terminal.signal, redirect: 'error', ...rows !== undefined ? { body: Readable.from(rows), duplex: 'half' } : body !== undefined ? { body: JSON.stringify(body) } : {} }
      const response = await fetch(`${base}${path}${query === undefined ? '' : `?${query.toString()}`}`, init as unknown as RequestInit).catch((error: unknown) => {
        throw terminal.signal.aborted ? error : new CommandError(`${new URL(url).origin} does not answer: ${reasonOf(error)}`)
      })
      if (response.status !== 200) throw new CommandError(messageOf(response.status, await response.text()))
      return response.body as unknown as AsyncIterable<Buffer>
    },
    async close () {}
  }
}

/** An app of nobody else's in this process: no port, no users, only the admin routes over the store. */
async function storeTarget (store: string, options: TargetOptions, terminal: Terminal): Promise<Target> {
  const { SESSION_SECRET: secret, SESSION_ENCRYPTION_KEY: key } = terminal.env
  const app = Fastify()
  app.register(fastifySessionManager, {
    store,
    // seals cursors and confirmations of this run, unless the app's own is there
    secret: secret ?? randomBytes(32).toString('base64url'),
    ...options.name === undefined ? {} : { cookie: { name: options.name } },
    ...options.history === undefined ? {} : { history: options.history as Duration },
    ...encryptionOf(key, options.encrypted),
    storeTimeout: '30s',
    sweep: '1d',
    routes: false,
    admin: { prefix: defaultPrefix, authorize: () => true, actor: () => 'cli' }
  })
  try {
    await app.ready()
  } catch (error) {
    throw new CommandError(reasonOf(error))
  }
  return {
    name: store.replace(/\/\/[^@/]*@/, '//'),
    async stream (path, { method = 'GET', query, body, rows } = {}) {
      const { signal } = terminal
      const payload = rows !== undefined ? { payload: Readable.from(rows, { signal }), headers: { 'content-type': 'application/x-ndjson' } } : body !== undefined ? { payload: body } : {}
      // not inject's own `signal`: it throws where nobody can catch when it is aborted before the head of the answer
      const response = await interruptible(() => app.inject({ method, url: `${defaultPrefix}${path}`, query: query?.toString() ?? '', ...payload, payloadAsStream: true } as InjectOptions), signal)
      const stream = addAbortSignal(signal, response.stream())
      // whoever iterates is told; between pages nobody does
      stream.on('error', () => {})
      if (response.statusCode === 200) return stream as AsyncIterable<Buffer>
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      throw new CommandError(messageOf(response.statusCode, text))
    },
    async close () { await app.close() }
  }
}

/** The option `encryption` as the app has it; sessions from before it are read, too. */
function encryptionOf (key: string | undefined, encrypted: readonly string[] = []): Pick<SessionPluginOptions, 'encryption'> {
  const parts = encrypted.flatMap(text => text.split(','))
  if (parts.some(part => part !== 'ip' && part !== 'agent')) throw new UsageError('Expected `--encrypted` to be ip, agent or ip,agent.')
  if (key !== undefined) return { encryption: { key, ip: parts.includes('ip'), agent: parts.includes('agent'), plain: true } }
  if (parts.length > 0) throw new UsageError('`--encrypted` wants the key in SESSION_ENCRYPTION_KEY.')
  return {}
}

/** What `start` answers; throws why the signal was aborted, as soon as it is. */
async function interruptible <T> (start: () => PromiseLike<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const answered = new AbortController()
  const aborted = once(signal, 'abort', { signal: answered.signal }).then((): never => { throw signal.reason as Error })
  try {
    return await Promise.race([start(), aborted])
  } finally {
    answered.abort()
  }
}

function messageOf (status: number, text: string): string {
  try {
    const { message, code } = JSON.parse(text) as { message?: string, code?: string }
    return `${status} ${message ?? 'refused'}${code === undefined ? '' : ` (${code})`}`
  } catch {
    return `${status}: no answer of the admin routes. Is \`--prefix\` right?`
  }
}

/** Why, in words; a connection string in it would show a password. */
function reasonOf (error: unknown): string {
  const { message, cause } = error as Error
  const inner = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  return `${message}${inner}`.replace(/\/\/[^@/\s]*@/g, '//')
}
