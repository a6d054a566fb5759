import { invalidOption } from '../../options.ts'

/** Returns SQL with `schema` in the place of "fastify_sessions". Throws `FST_SESSION_INVALID_OPTION` for an invalid name. */
export function withSchema (sql: string, schema: string): string {
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema)) throw invalidOption('schema', 'a name of at most 48 small letters, digits and _')
  return sql.replaceAll('fastify_sessions', schema)
}
