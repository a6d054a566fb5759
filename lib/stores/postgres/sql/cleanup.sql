-- Ends expired sessions and purges what is old, in one bounded step. One node cleans up at a time, and waits for no lock: locked rows and
-- users are left for the next step.
-- r: max, now (null: the clock), history, historyPerUser.
-- Returns [ended[], more].
CREATE OR REPLACE FUNCTION "fastify_sessions".cleanup(r jsonb) RETURNS json LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
DECLARE
  v_max int := (r->>'max')::int;
  v_now bigint := coalesce((r->>'now')::bigint, "fastify_sessions".clock());
  v_old bigint := v_now - (r->>'history')::bigint;
  v_due text[];
  v_ids text[];
  v_moved int;
  v_purged int;
  v_gone record;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('fastify_sessions cleanup', 0)) THEN RETURN '[[], false]'; END IF;
  v_due := ARRAY(SELECT s.id FROM "fastify_sessions".session s WHERE s.cleanup_at <= v_now ORDER BY s.cleanup_at LIMIT v_max FOR UPDATE SKIP LOCKED);
  -- seen since the last look: they come up again when they expire
  UPDATE "fastify_sessions".session s SET cleanup_at = "fastify_sessions".expires_at(s) WHERE s.id = ANY (v_due) AND v_now < "fastify_sessions".expires_at(s);
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  v_ids := ARRAY(
    SELECT s.id FROM "fastify_sessions".session s
    WHERE s.id = ANY (v_due) AND v_now >= "fastify_sessions".expires_at(s)
      AND (s.user_id IS NULL OR pg_try_advisory_xact_lock(hashtextextended('fastify_sessions ' || s.user_id, 0))));
  v_gone := "fastify_sessions".end_live(v_ids, r - 'reason', v_now);

  DELETE FROM "fastify_sessions".ended WHERE id IN (SELECT e.id FROM "fastify_sessions".ended e WHERE e.ended_at <= v_old ORDER BY e.ended_at LIMIT 1000 FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS v_purged = ROW_COUNT;
  DELETE FROM "fastify_sessions".adopted_credential WHERE key IN (SELECT m.key FROM "fastify_sessions".adopted_credential m WHERE m.until <= v_now ORDER BY m.until LIMIT 1000 FOR UPDATE SKIP LOCKED);
  DELETE FROM "fastify_sessions".statistics_slice WHERE (start_at, interval_ms, node) IN (
    SELECT l.start_at, l.interval_ms, l.node FROM "fastify_sessions".statistics_slice l WHERE l.until <= v_now ORDER BY l.until LIMIT 1000 FOR UPDATE SKIP LOCKED);
  PERFORM "fastify_sessions".add_to_counters(-v_gone.live, -v_gone.guests, -v_gone.remembered, -v_gone.users);
  RETURN json_build_array(v_gone.ended, (cardinality(v_due) = v_max AND v_moved + json_array_length(v_gone.ended) > 0) OR v_purged = 1000);
END
$$;
