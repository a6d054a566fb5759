import { refuse } from '../options.ts'
import type { CacheOptions, Store } from '../store.ts'
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
  /** The schema that the store makes and has for itself; each app its own. Default `fastify_sessions`. */
  readonly schema?: string
  /** `false`: you run what `postgresSchema()` returns, and the store only looks whether it is there. Default `true`. */
  readonly migrate?: boolean
  /** `false` behind a pooler that does not keep prepared statements. Default `true`. */
  readonly prepared?: boolean
  /** Where to LISTEN, if a pooler lies between: a URL or pool that reaches the server itself; `false`: nowhere, other nodes' ends are not heard as they happen. */
  readonly listen?: PostgresClient | string | false
  /** Milliseconds after which a statement is given up, and its connection closed: 100 or more. Default 5000. */
  readonly timeout?: number
  /** Answer repeated validations from copies in this process. Default `false`. */
  readonly cache?: boolean | CacheOptions
}

/**
 * Sessions in PostgreSQL 13 or newer, for many machines.
 *
 * @param client a `pg` Pool, what @fastify/postgres decorates, the function that `postgres` makes, or a URL, for which `pg` or `postgres`
 *   must be installed. What is handed in is never closed; what a URL opened is, with the store.
 */
export function postgresStore (client: PostgresClient | string, options: PostgresStoreOptions = {}): Store {
  const { schema = 'fastify_sessions', migrate = true, prepared = true, timeout = 5000, listen, cache = false } = options
  if (!Number.isFinite(timeout) || timeout < 100) throw refuse('timeout', '100 milliseconds or more')
  const copies = cache === true ? {} : cache === false ? null : cache
  if (copies !== null && listen === false) throw refuse('listen', 'left on with `cache`: copies are kept true by what other nodes tell')
  return new PostgresStore({
    schema,
    migrate,
    prepared,
    timeout,
    cache: copies,
    statements: statementsFor(schema),
    connect: connector(client, timeout),
    listen: listen === false ? null : listen === undefined ? undefined : connector(listen, timeout)
  })
}

function connector (client: PostgresClient | string, timeout: number): () => Promise<{ readonly connection: Connection, readonly owned: boolean }> {
  if (typeof client === 'string') return async () => ({ connection: await openUrl(client, { timeout, load: name => import(name) }), owned: true })
  const connection = connectionOf(client)
  return async () => ({ connection, owned: false })
}
