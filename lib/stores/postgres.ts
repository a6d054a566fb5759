import { checkNames, invalidOption, namesOf } from '../options.ts'
import type { CacheOptions, Store } from '../store.ts'
import { toCacheOptions } from './cache-options.ts'
import { connectionOf, openUrl } from './postgres/client.ts'
import type { PostgresClient } from './postgres/client.ts'
import type { Connection } from './postgres/connection.ts'
import { statementsFor } from './postgres/statements.ts'
import { PostgresStore } from './postgres/store.ts'

export { postgresSchema } from './postgres/schema.ts'
export type { PostgresClient } from './postgres/client.ts'
export type { PgPool } from './postgres/pg.ts'
export type { PostgresJs } from './postgres/postgres-js.ts'

/** Options of a PostgreSQL store. */
export interface PostgresStoreOptions {
  /** The store's own schema; each app requires its own. Default `fastify_sessions`. */
  readonly schema?: string
  /** `false`: you run the SQL of `postgresSchema()`, and the store only checks that the schema exists. Default `true`. */
  readonly migrate?: boolean
  /** `false` for a pooler that does not keep prepared statements. Default `true`. */
  readonly prepared?: boolean
  /**
   * Connection for LISTEN, if there is a pooler in between: a URL or pool that reaches the server itself. `false`: none, so that this node
   * is not notified when other nodes end sessions.
   */
  readonly listen?: PostgresClient | string | false
  /** Milliseconds after which a statement is canceled, and its connection closed: 100 or more. Default 5000. */
  readonly timeout?: number
  /** Validates from a cache in this process. Default `false`. */
  readonly cache?: boolean | CacheOptions
}

const names = namesOf<PostgresStoreOptions>({ schema: true, migrate: true, prepared: true, listen: true, timeout: true, cache: true })

/**
 * Creates a store in PostgreSQL 13 or newer, for many machines.
 *
 * @param client a `pg` Pool, what @fastify/postgres decorates, the function that `postgres` makes, or a URL, for which `pg` or `postgres`
 *   must be installed. What is handed in is never closed; what a URL opened is, with the store.
 */
export function postgresStore (client: PostgresClient | string, options: PostgresStoreOptions = {}): Store {
  checkNames(options, '', names)
  const { schema = 'fastify_sessions', migrate = true, prepared = true, timeout = 5000, listen, cache = false } = options
  if (!Number.isFinite(timeout) || timeout < 100) throw invalidOption('timeout', '100 milliseconds or more')
  const cacheOptions = toCacheOptions(cache)
  if (cacheOptions !== null && listen === false) {
    throw invalidOption('listen', 'left on with `cache`: notifications of other nodes keep the cache valid')
  }
  return new PostgresStore({
    schema,
    migrate,
    prepared,
    timeout,
    cache: cacheOptions,
    statements: statementsFor(schema),
    connect: connector(client, timeout),
    listen: listen === false ? null : listen === undefined ? undefined : connector(listen, timeout)
  })
}

function connector (
  client: PostgresClient | string,
  timeout: number
): () => Promise<{ readonly connection: Connection, readonly owned: boolean }> {
  if (typeof client === 'string') {
    return async () => ({ connection: await openUrl(client, { timeout, load: name => import(name) }), owned: true })
  }
  const connection = connectionOf(client)
  return async () => ({ connection, owned: false })
}
