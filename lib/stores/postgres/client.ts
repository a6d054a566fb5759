import type { Awaitable } from '../../store.ts'
import { refuse } from '../../settings.ts'
import { PgConnection } from './pg.ts'
import type { PgPool } from './pg.ts'
import { PostgresJsConnection } from './postgresjs.ts'
import type { PostgresJs } from './postgresjs.ts'

/** A client that was handed in: a `pg` pool, what @fastify/postgres decorates an app with, or the function that `postgres` (postgres.js) makes. */
export type PostgresClient = PgPool | { readonly pool: PgPool } | PostgresJs

/** How statements are sent. */
export interface Send {
  /** Prepare it once per connection, and then send its name only. */
  readonly prepared: boolean
  /** Milliseconds until it is given up. */
  readonly timeout: number
}

/** Hears notifications, until it is closed. Reconnects by itself. */
export interface Subscription {
  /** The connection is believed dead: makes it anew, where the client lets us. */
  renew? (): void
  close (): Awaitable<void>
}

export interface Hearing {
  /** A notification came. */
  heard (payload: string): void
  /** It listens; told again each time that it does so anew. */
  listening (): void
  /** The connection is gone. */
  lost (cause: unknown): void
}

/** One way to talk to the server, whatever the client. */
export interface Connection {
  /** The first column of each row, which must be text. */
  ask (text: string, values: readonly (string | null)[], send: Send): Promise<string[]>
  /** Several statements at once, in one transaction. */
  run (text: string): Promise<void>
  /** Resolves when it listens for the first time. */
  listen (channel: string, hearing: Hearing): Promise<Subscription>
  /** Ends what was handed in or opened. */
  end (): Promise<void>
}

/** Recognises a client by its shape. Throws `FST_SESSION_INVALID_OPTION` for anything else. */
export function connectionOf (client: unknown): Connection {
  if (isPool(client)) return new PgConnection(client)
  if (isPool((client as { readonly pool?: unknown } | null)?.pool)) return new PgConnection((client as { readonly pool: PgPool }).pool)
  if (isPostgresJs(client)) return new PostgresJsConnection(client)
  throw refuse('store', 'a Pool of `pg`, what @fastify/postgres decorates, or the function that `postgres` makes (a single connection is not enough)')
}

/**
 * Opens a client from a URL: `pg`, or `postgres`, whichever the app has installed. Throws `FST_SESSION_INVALID_OPTION` if it has neither.
 *
 * @param load imports a package
 */
export async function openUrl (url: string, options: { readonly timeout: number, readonly load: (name: string) => Promise<unknown> }): Promise<Connection> {
  const { timeout, load } = options
  const pg = await attempt(load, 'pg') as { readonly default: { readonly Pool: new (options: object) => PgPool } } | null
  if (pg !== null) return new PgConnection(new pg.default.Pool({ connectionString: url, connectionTimeoutMillis: timeout, keepAlive: true }))
  const postgresJs = await attempt(load, 'postgres') as { readonly default: (url: string, options: object) => PostgresJs } | null
  if (postgresJs !== null) return new PostgresJsConnection(postgresJs.default(url, { connect_timeout: Math.ceil(timeout / 1000), onnotice: () => {} }))
  throw refuse('store', 'a PostgreSQL URL with a client that is installed: npm install pg (or postgres)')
}

function isPool (value: unknown): value is PgPool {
  const pool = value as Partial<PgPool> | null | undefined
  return typeof pool === 'object' && pool !== null && typeof pool.query === 'function' && typeof pool.options === 'object' && typeof pool.totalCount === 'number'
}

function isPostgresJs (value: unknown): value is PostgresJs {
  const sql = value as Partial<PostgresJs>
  return typeof value === 'function' && typeof sql.unsafe === 'function' && typeof sql.listen === 'function'
}

async function attempt (load: (name: string) => Promise<unknown>, name: string): Promise<unknown> {
  try {
    return await load(name)
  } catch (error) {
    // an installed client that does not load is not the same as none
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' || (error as { code?: unknown }).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}
