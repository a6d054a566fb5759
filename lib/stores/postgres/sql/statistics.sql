-- Totals and statistics.

-- Saves the statistics of one node for one time bucket, and overwrites earlier ones of the same bucket.
-- r: node, start_at, interval_ms, value, until.
CREATE OR REPLACE FUNCTION "fastify_sessions".save_statistics(r jsonb) RETURNS json LANGUAGE sql AS $$
  INSERT INTO "fastify_sessions".statistics_slice SELECT * FROM jsonb_populate_record(NULL::"fastify_sessions".statistics_slice, r)
  ON CONFLICT (start_at, interval_ms, node) DO UPDATE SET value = excluded.value, until = excluded.until
  RETURNING 'null'::json
$$;

-- Returns [live, users, guests, remembered, [[node, start_at, interval_ms, value, until], …]]. r: from, to.
CREATE OR REPLACE FUNCTION "fastify_sessions".statistics(r jsonb) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_array(sum(c.live), sum(c.users), sum(c.guests), sum(c.remembered), (
    SELECT coalesce(json_agg(json_build_array(l.node, l.start_at, l.interval_ms, l.value, l.until)), '[]') FROM "fastify_sessions".statistics_slice l
    WHERE l.start_at >= (r->>'from')::bigint AND l.start_at < (r->>'to')::bigint))
  FROM "fastify_sessions".counter c
$$;

-- Counts again, for admins who inserted or deleted sessions by other means. Sessions cannot start or end meanwhile.
CREATE OR REPLACE FUNCTION "fastify_sessions".recount() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE "fastify_sessions".session IN SHARE ROW EXCLUSIVE MODE;
  UPDATE "fastify_sessions".counter SET live = 0, guests = 0, remembered = 0, users = 0;
  UPDATE "fastify_sessions".counter SET (live, guests, remembered, users) = (
    SELECT count(*), count(*) FILTER (WHERE s.user_id IS NULL), count(*) FILTER (WHERE s.remembered), count(DISTINCT s.user_id)
    FROM "fastify_sessions".session s WHERE NOT "fastify_sessions".is_block(s.id)) WHERE shard = 0;
END
$$;
