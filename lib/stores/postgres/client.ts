import { invalidOption } from '../../options.ts'
import type { Connection } from './connection.ts'
import { PgConnection } from './pg.ts'
import type { PgPool } from './pg.ts'
import { PostgresJsConnection } from './postgres-js.ts'
import type { MakePostgresJs, PostgresJs } from './postgres-js.ts'

/** A client of the app: a `pg` pool, the decorator of @fastify/postgres, or the function that `postgres` (postgres.js) returns. */
export type PostgresClient = PgPool | { readonly pool: PgPool } | PostgresJs

/** Returns the connection for a client, recognized by its shape. Throws `FST_SESSION_INVALID_OPTION` for anything else. */
export function connectionOf (client: unknown): Connection {
  if (isPool(client)) return new PgConnection(client)
  if (isPool((client as { readonly pool?: unknown } | null)?.pool)) return new PgConnection((client as { readonly pool: PgPool }).pool)
  if (isPostgresJs(client)) return new PostgresJsConnection(client)
  throw invalidOption(
    'store',
    'a Pool of `pg`, what @fastify/postgres decorates, or the function that `postgres` makes (a single connection is not enough)'
  )
}

/**
 * Opens a client from a URL with the first installed package of `pg` and `postgres`. Throws `FST_SESSION_INVALID_OPTION` if neither is
 * installed.
 *
 * @param load imports a package
 */
export async function openUrl (
  url: string,
  options: { readonly timeout: number, readonly load: (name: string) => Promise<unknown> }
): Promise<Connection> {
  const { timeout, load } = options
  const pg = await attempt(load, 'pg') as { readonly default: { readonly Pool: new (options: object) => PgPool } } | null
  if (pg !== null) {
    return new PgConnection(new pg.default.Pool({ connectionString: url, connectionTimeoutMillis: timeout, keepAlive: true }))
  }
  const postgresJs = await attempt(load, 'postgres') as { readonly default: MakePostgresJs } | null
  if (postgresJs !== null) {
    const { default: make } = postgresJs
    return new PostgresJsConnection(make(url, { connect_timeout: Math.ceil(timeout / 1000), onnotice: () => {} }), make)
  }
  throw invalidOption('store', 'a PostgreSQL URL with a client that is installed: npm install pg (or postgres)')
}

function isPool (value: unknown): value is PgPool {
  const pool = value as Partial<PgPool> | null | undefined
  return typeof pool === 'object' &&
    pool !== null &&
    typeof pool.query === 'function' &&
    typeof pool.options === 'object' &&
    typeof pool.totalCount === 'number'
}

function isPostgresJs (value: unknown): value is PostgresJs {
  const sql = value as Partial<PostgresJs>
  return typeof value === 'function' && typeof sql.unsafe === 'function' && typeof sql.listen === 'function'
}

async function attempt (load: (name: string) => Promise<unknown>, name: string): Promise<unknown> {
  try {
    return await load(name)
  } catch (error) {
    // an installed client that fails to load must not count as missing
    if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' || (error as { code?: unknown }).code === 'MODULE_NOT_FOUND') {
      return null
    }
    throw error
  }
}
