import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { addAbortSignal, Readable } from 'node:stream'
import Fastify from 'fastify'
import type { InjectOptions } from 'fastify'
import type { Duration } from '../options.ts'
import type { SessionPluginOptions } from '../plugin/options.ts'
import { fastifySessionManager } from '../plugin/plugin.ts'
import type { CommandOptions } from './option.ts'
import { toCount } from './filter.ts'
import { CommandError, UsageError } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/** A call of an admin route. */
export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly query?: URLSearchParams
  readonly body?: unknown
  /** Rows, as NDJSON. */
  readonly rows?: AsyncIterable<Buffer>
}

/** The sessions of a command: of a running app, or in a store. Both are reached through the admin routes. */
export interface Target {
  readonly name: string
  /** Returns the response as a stream. Throws `CommandError` for any status but 200. */
  stream (path: string, call?: Call): Promise<AsyncIterable<Buffer>>
  close (): Promise<void>
}

/** The options of all commands on sessions. */
export const targetOptions = {
  store: { type: 'string', value: '<url>', help: 'sessions in a store: file:sessions.db, redis://…, postgres://… (or SESSION_STORE)' },
  url: {
    type: 'string',
    value: '<url>',
    help: 'sessions of a running app, through its admin routes: https://app.example (or SESSION_URL)'
  },
  header: {
    type: 'string',
    multiple: true,
    value: '<header>',
    help: 'with --url: a header of each request, such as "authorization: Bearer …"; may be repeated'
  },
  prefix: { type: 'string', value: '<path>', help: 'with --url: the path of the admin routes, if it is not the default' },
  'cookie-name': { type: 'string', value: '<name>', help: 'with --store: the name of the session cookie, if it is not the default' },
  history: { type: 'string', value: '<duration>', help: 'with --store: the option `historyRetention` of the app, such as 30d' },
  'history-per-user': { type: 'string', value: '<n>', help: 'with --store: the option `historyPerUser` of the app' },
  'encrypted-fields': {
    type: 'string',
    multiple: true,
    value: 'ip,userAgent',
    help: 'with --store: the fields that the app encrypts beside data; the key is in SESSION_ENCRYPTION_KEY'
  }
} as const satisfies CommandOptions

/** The values of `targetOptions`. */
export interface TargetOptions {
  readonly store?: string | undefined
  readonly url?: string | undefined
  readonly header?: readonly string[] | undefined
  readonly prefix?: string | undefined
  readonly 'cookie-name'?: string | undefined
  readonly history?: string | undefined
  readonly 'history-per-user'?: string | undefined
  readonly 'encrypted-fields'?: readonly string[] | undefined
}

const defaultPrefix = '/api/v1/admin/sessions'

/** Opens a store (`--store`, or `SESSION_STORE`), or a running app (`--url`, or `SESSION_URL`). Throws `UsageError`, `CommandError`. */
export async function openTarget (options: TargetOptions, terminal: Terminal): Promise<Target> {
  const { store = options.url === undefined ? terminal.env['SESSION_STORE'] : undefined, url = terminal.env['SESSION_URL'] } = options
  if (store !== undefined) return storeTarget(store, options, terminal)
  if (url !== undefined) return appTarget(url, options, terminal)
  throw new UsageError('Which sessions? Give `--store file:sessions.db` (or redis://…, postgres://…), or `--url https://app.example`.')
}

/** Returns the whole response, as JSON. */
export async function requestJson <T> (target: Target, path: string, call: Call = {}): Promise<T> {
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
      const type = rows !== undefined
        ? { 'content-type': 'application/x-ndjson' }
        : body !== undefined ? { 'content-type': 'application/json' } : {}
      const init = {
        method,
        headers: { ...headers, ...type },
        signal: terminal.signal,
        redirect: 'error',
        ...rows !== undefined ? { body: Readable.from(rows), duplex: 'half' } : body !== undefined ? { body: JSON.stringify(body) } : {}
      }
      const response = await fetch(
        `${base}${path}${query === undefined ? '' : `?${query.toString()}`}`,
        init as unknown as RequestInit
      ).catch((error: unknown) => {
        throw terminal.signal.aborted ? error : new CommandError(`${new URL(url).origin} does not respond: ${reasonOf(error)}`)
      })
      if (response.status !== 200) throw new CommandError(messageOf(response.status, await response.text()))
      return response.body as unknown as AsyncIterable<Buffer>
    },
    async close () {}
  }
}

/** Opens an app in this process, without port and users: only the admin routes over the store. */
async function storeTarget (store: string, options: TargetOptions, terminal: Terminal): Promise<Target> {
  requireSharedStore(store)
  const { SESSION_SECRET: secret, SESSION_ENCRYPTION_KEY: key } = terminal.env
  const { 'cookie-name': name, 'history-per-user': historyPerUser } = options
  const app = Fastify()
  app.register(fastifySessionManager, {
    store,
    // signs cursors and confirmations of this run, unless the app's own secret is set
    secret: secret ?? randomBytes(32).toString('base64url'),
    ...name === undefined ? {} : { cookie: { name } },
    ...options.history === undefined ? {} : { historyRetention: options.history as Duration },
    ...historyPerUser === undefined ? {} : { historyPerUser: toCount(historyPerUser, 'history-per-user') },
    ...encryptionOf(key, options['encrypted-fields']),
    storeTimeout: '30s',
    cleanupInterval: '1d',
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
      const payload = rows !== undefined
        ? { payload: Readable.from(rows, { signal }), headers: { 'content-type': 'application/x-ndjson' } }
        : body !== undefined ? { payload: body } : {}
      // not the `signal` of inject: if it is aborted before the response starts, it throws where no caller can catch it
      const response = await interruptible(() => app.inject({
        method,
        url: `${defaultPrefix}${path}`,
        query: query?.toString() ?? '',
        ...payload,
        payloadAsStream: true
      } as InjectOptions), signal)
      const stream = addAbortSignal(signal, response.stream())
      // the iterating caller gets the error; between pages there is no such caller
      stream.on('error', () => {})
      if (response.statusCode === 200) return stream as AsyncIterable<Buffer>
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      throw new CommandError(messageOf(response.statusCode, text))
    },
    async close () { await app.close() }
  }
}

/** Throws `UsageError` for a store in the app's own process. */
export function requireSharedStore (url: string): void {
  if (url === 'memory') {
    throw new UsageError('A memory store is in the process of the app. Give `--url`, to use the admin routes of the app.')
  }
}

/** Returns the option `encryption` of the app; unencrypted sessions can be read, too. */
function encryptionOf (key: string | undefined, encrypted: readonly string[] = []): Pick<SessionPluginOptions, 'encryption'> {
  const parts = encrypted.flatMap(text => text.split(','))
  if (parts.some(part => part !== 'ip' && part !== 'userAgent')) {
    throw new UsageError('Expected `--encrypted-fields` to be ip, userAgent or ip,userAgent.')
  }
  if (key !== undefined) {
    return { encryption: { keys: key, ip: parts.includes('ip'), userAgent: parts.includes('userAgent'), allowPlaintext: true } }
  }
  if (parts.length > 0) throw new UsageError('`--encrypted-fields` requires the key in SESSION_ENCRYPTION_KEY.')
  return {}
}

/** Returns the result of `start`; throws the reason of the signal as soon as it is aborted. */
async function interruptible <T> (start: () => PromiseLike<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const settled = new AbortController()
  const aborted = once(signal, 'abort', { signal: settled.signal }).then((): never => { throw signal.reason as Error })
  try {
    return await Promise.race([start(), aborted])
  } finally {
    settled.abort()
  }
}

function messageOf (status: number, text: string): string {
  try {
    const { message, code } = JSON.parse(text) as { message?: string, code?: string }
    return `${status} ${message ?? 'refused'}${code === undefined ? '' : ` (${code})`}`
  } catch {
    return `${status}: no response of the admin routes. Is \`--prefix\` right?`
  }
}

/** Returns the message of an error, without the credentials of a connection string. */
function reasonOf (error: unknown): string {
  const { message, cause } = error as Error
  const inner = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  return `${message}${inner}`.replace(/\/\/[^@/\s]*@/g, '//')
}
