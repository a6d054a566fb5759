import { refuse } from '../../options.ts'

/** SQL that says "fastify_sessions", for another schema. Throws `FST_SESSION_INVALID_OPTION` for a name that is none. */
export function named (sql: string, schema: string): string {
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema)) throw refuse('schema', 'a name of at most 48 small letters, digits and _')
  return sql.replaceAll('fastify_sessions', schema)
}
