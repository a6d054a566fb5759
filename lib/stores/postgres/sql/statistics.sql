-- Counts and slices.

-- Keeps a node's slice, in place of the same node's of the same stretch. r: node, at, span, value, until.
CREATE OR REPLACE FUNCTION "fastify_sessions".observe_slice(r jsonb) RETURNS json LANGUAGE sql AS $$
  INSERT INTO "fastify_sessions".slice SELECT * FROM jsonb_populate_record(NULL::"fastify_sessions".slice, r)
  ON CONFLICT (at, span, node) DO UPDATE SET value = excluded.value, until = excluded.until
  RETURNING 'null'::json
$$;

-- Answers [live, users, guests, remembered, [[node, at, span, value, until], …]]. r: from, to.
CREATE OR REPLACE FUNCTION "fastify_sessions".statistics(r jsonb) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_array(sum(c.live), sum(c.users), sum(c.guests), sum(c.remembered), (
    SELECT coalesce(json_agg(json_build_array(l.node, l.at, l.span, l.value, l.until)), '[]') FROM "fastify_sessions".slice l
    WHERE l.at >= (r->>'from')::bigint AND l.at < (r->>'to')::bigint))
  FROM "fastify_sessions".counter c
$$;

-- Counts anew, for whoever has put sessions here or taken them away by other means. Sessions cannot begin or end meanwhile.
CREATE OR REPLACE FUNCTION "fastify_sessions".recount() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE "fastify_sessions".session IN SHARE ROW EXCLUSIVE MODE;
  UPDATE "fastify_sessions".counter SET live = 0, guests = 0, remembered = 0, users = 0;
  UPDATE "fastify_sessions".counter SET (live, guests, remembered, users) = (
    SELECT count(*), count(*) FILTER (WHERE s.user_id IS NULL), count(*) FILTER (WHERE s.remembered), count(DISTINCT s.user_id)
    FROM "fastify_sessions".session s) WHERE shard = 0;
END
$$;
