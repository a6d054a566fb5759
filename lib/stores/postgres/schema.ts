import { readFileSync } from 'node:fs'
import { invalidOption } from '../../options.ts'
import { withSchema } from './schema-name.ts'
import { codeOf } from './server.ts'
import type { Server } from './server.ts'
import type { Statements } from './statements.ts'

/** The schema version that this version of the package expects. */
const currentVersion = 1

/** The SQL files, in the order in which they must run. */
const files = ['tables', 'shapes', 'filter', 'end', 'create', 'update', 'touch', 'cleanup', 'statistics']

/**
 * Returns all SQL that the store needs, for apps that run migrations themselves (`migrate: false`): tables, functions, a view. Run it in
 * one transaction. Running it again changes nothing.
 *
 * @param schema the option `schema`; default `fastify_sessions`
 */
export function postgresSchema (schema = 'fastify_sessions'): string {
  return files.map(file => withSchema(readFileSync(new URL(`./sql/${file}.sql`, import.meta.url), 'utf8'), schema)).join('\n')
}

export interface PrepareOptions {
  readonly schema: string
  readonly migrate: boolean
  readonly statements: Statements
  readonly warn: (message: string) => void
}

/**
 * Ensures that the server has the tables and functions of this version, and compatible settings. Throws `FST_SESSION_INVALID_OPTION`
 * otherwise.
 */
export async function prepareSchema (server: Server, { schema, migrate, statements, warn }: PrepareOptions): Promise<void> {
  const [text = ''] = await server.read(statements.settings, [])
  const [encoding, isolation, standby, ...durability] = JSON.parse(text) as readonly [string, string, boolean, string, string]
  if (encoding !== 'UTF8') throw invalidOption('store', `a database with encoding UTF8, not ${encoding}`)
  // the SQL functions read again after they waited for a lock; an older snapshot would hide the changes
  if (isolation !== 'read committed') {
    throw invalidOption('store', `a role whose default_transaction_isolation is 'read committed', not '${isolation}'`)
  }
  const version = await versionOf(server, statements)
  if (version < currentVersion) {
    if (!migrate) {
      const expected = `true, or the schema "${schema}" to be at version ${currentVersion}, not ${version}`
      throw invalidOption('migrate', `${expected}: run what postgresSchema() returns`)
    }
    await server.run(postgresSchema(schema))
  }
  if (version > currentVersion) warn(`The schema "${schema}" is of a newer version of this package (${version}, not ${currentVersion}).`)
  if (standby) warn('The store is connected to a standby: it can be read only, and lags. Connect to the primary.')
  if (durability.includes('off')) {
    warn('PostgreSQL runs with fsync or synchronous_commit off: a crash of the server can bring back ended sessions, and lose new ones.')
  }
}

/** Returns the version of the schema; 0: it does not exist. */
async function versionOf (server: Server, statements: Statements): Promise<number> {
  try {
    return Number((await server.read(statements.version, []))[0])
  } catch (error) {
    const code = codeOf(error)
    if (code === '3F000' || code === '42P01') return 0
    throw error
  }
}
