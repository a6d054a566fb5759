import { withSchema } from './schema-name.ts'

/** Maximum number of rows that one page, or one step of a count, examines, so that a filter without matches stays cheap. */
export const scanned = { page: 5000, count: 10_000 }

/**
 * Returns the statement of a page, whose rows are JSON texts: `[at, id, row]` for each match, at most one more than the limit; then, if
 * rows may remain, the position of the last row: `[at, id]`. Both use one snapshot, so that no row is missed between two pages.
 *
 * $1 filter, $2 network or null, $3 limit, $4 $5 the position to continue after; $6, of live sessions: now or null
 */
function pageOf (list: {
  readonly table: string
  readonly at: string
  readonly live: string
  readonly row: string
  readonly range: readonly [after: string, before: string]
}, order: 'newest' | 'oldest'): string {
  const [direction, beyond] = order === 'newest' ? ['DESC', '<'] : ['ASC', '>']
  const from = `FROM "fastify_sessions".${list.table} s
    WHERE (s.${list.at}, s.id) ${beyond} ($4::text::bigint, $5::text)
      AND ($1::text::jsonb->>'userId' IS NULL OR s.user_id = $1::text::jsonb->>'userId')
      AND ($1::text::jsonb->>'${list.range[0]}' IS NULL OR s.${list.at} >= ($1::text::jsonb->>'${list.range[0]}')::bigint)
      AND ($1::text::jsonb->>'${list.range[1]}' IS NULL OR s.${list.at} < ($1::text::jsonb->>'${list.range[1]}')::bigint)
    ORDER BY s.${list.at} ${direction}, s.id ${direction}`
  return `WITH page AS (
    SELECT s.* FROM (SELECT s.* ${from} LIMIT ${scanned.page}) s
    WHERE ${list.live} AND "fastify_sessions".matches(s::"fastify_sessions".${list.table}, $1::text::jsonb, $2::text::inet)
    ORDER BY s.${list.at} ${direction}, s.id ${direction} LIMIT $3::text::int + 1
  )
  SELECT json_build_array(s.${list.at}, s.id, ${list.row})::text FROM page s
  UNION ALL
  SELECT json_build_array(e.at, e.id)::text FROM (SELECT s.${list.at} AS at, s.id ${from} OFFSET ${scanned.page - 1} LIMIT 1) e
  WHERE (SELECT count(*) FROM page) <= $3::text::int`
}

const alive = (now: string): string =>
  `(SELECT coalesce(${now}::text::bigint, "fastify_sessions".clock())) < "fastify_sessions".expires_at(s::"fastify_sessions".session)`
const session = { table: 'session', at: 'created_at', live: alive('$6'), range: ['createdAfter', 'createdBefore'] } as const
const live = { ...session, row: '"fastify_sessions".record_of(s::"fastify_sessions".session)' }
const ids = { ...session, row: 's.id' }
const ended = {
  table: 'ended',
  at: 'ended_at',
  live: 'true',
  range: ['endedAfter', 'endedBefore'],
  row: '"fastify_sessions".ended_of(s::"fastify_sessions".ended)'
} as const

/** Every statement of one schema. */
export type Statements = ReturnType<typeof statementsFor>

/** Returns the statements of one schema. */
export function statementsFor (schema: string) {
  const sql = (text: string): string => withSchema(text, schema)
  /** `deadline`: after that moment of the server's clock the call changes nothing, and returns `['late', clock]`. */
  const call = (name: string): string => sql(`SELECT CASE WHEN "fastify_sessions".clock() > ($1::text::jsonb->>'deadline')::bigint
    THEN "fastify_sessions".late() ELSE "fastify_sessions".${name}($1::text::jsonb) END::text`)
  return {
    settings: `SELECT json_build_array(current_setting('server_encoding'), current_setting('default_transaction_isolation'),
      pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit'))::text`,
    version: sql('SELECT coalesce(max(version), 0)::text FROM "fastify_sessions".version'),
    clock: sql('SELECT "fastify_sessions".clock()::text'),
    read: sql("SELECT coalesce(\"fastify_sessions\".find_session($1::text)::text, 'null')"),
    /** As many rows as ids, in their order. */
    reads: sql(`SELECT coalesce("fastify_sessions".find_session(k.id)::text, 'null')
      FROM unnest($1::text::text[]) WITH ORDINALITY k(id, place) ORDER BY k.place`),
    notify: sql("SELECT pg_notify('fastify_sessions', $1::text)::text"),
    create: call('create_session'),
    update: call('update_session'),
    touch: call('touch_sessions'),
    end: call('end_sessions'),
    cleanup: call('cleanup'),
    deleteHistory: sql('DELETE FROM "fastify_sessions".ended WHERE user_id = $1::text'),
    saveStatistics: call('save_statistics'),
    statistics: call('statistics'),
    live: { newest: sql(pageOf(live, 'newest')), oldest: sql(pageOf(live, 'oldest')) },
    ids: sql(pageOf(ids, 'oldest')),
    history: { newest: sql(pageOf(ended, 'newest')), oldest: sql(pageOf(ended, 'oldest')) },
    /**
     * One step of a count: `[matches]`, or `[matches, at, id]` if rows may remain. $1 filter, $2 network, $3 $4 the position to continue
     * after, $5 now.
     */
    count: sql(`WITH step AS (
      SELECT s.* FROM "fastify_sessions".session s
      WHERE (s.created_at, s.id) < ($3::text::bigint, $4::text)
        AND ($1::text::jsonb->>'userId' IS NULL OR s.user_id = $1::text::jsonb->>'userId')
      ORDER BY s.created_at DESC, s.id DESC LIMIT ${scanned.count}
    )
    SELECT ((SELECT jsonb_build_array(count(*) FILTER (WHERE ${alive('$5')}
        AND "fastify_sessions".matches(s::"fastify_sessions".session, $1::text::jsonb, $2::text::inet))) FROM step s) ||
      coalesce((SELECT jsonb_build_array(e.created_at, e.id) FROM step e
        ORDER BY e.created_at DESC, e.id DESC OFFSET ${scanned.count - 1} LIMIT 1), '[]'))::text`)
  }
}
