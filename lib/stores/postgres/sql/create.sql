-- The only insert: atomic with the limit, the replaced session and the adoption. A function, because a plain statement would take its
-- snapshot before it has the lock.
-- r: record (columns of a session, timestamps as milliseconds from now), limit { max, onExceeded } or null, replaces or null, adopts { key, until }
-- or null, now (null: the clock), deadline, history, historyPerUser.
-- Returns [status, …]: created, record, ended[] · refused, records[] · adopted, the live or ended session or null · exists · late, clock.
CREATE OR REPLACE FUNCTION "fastify_sessions".create_session(r jsonb) RETURNS json LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
DECLARE
  s "fastify_sessions".session;
  v_now bigint;
  v_replaced text := nullif(r->>'replaces', r->'record'->>'id');
  v_over bigint;
  v_live text[];
  v_new_user bigint;
  v_evicted record;
  v_gone record;
BEGIN
  s := jsonb_populate_record(s, r->'record');
  PERFORM "fastify_sessions".lock_names(ARRAY[s.user_id, 'adopts ' || (r->'adopts'->>'key'),
    (SELECT o.user_id FROM "fastify_sessions".session o WHERE o.id = v_replaced)]);
  -- the lock was awaited meanwhile
  IF "fastify_sessions".clock() > (r->>'deadline')::bigint THEN RETURN "fastify_sessions".late(); END IF;
  v_now := coalesce((r->>'now')::bigint, "fastify_sessions".clock());

  IF EXISTS (SELECT FROM "fastify_sessions".adopted_credential m WHERE m.key = r->'adopts'->>'key') THEN
    RETURN json_build_array('adopted', (SELECT "fastify_sessions".find_session(m.id) FROM "fastify_sessions".adopted_credential m WHERE m.key = r->'adopts'->>'key'));
  END IF;
  IF EXISTS (SELECT FROM "fastify_sessions".ended e WHERE e.id = s.id) THEN RETURN '["exists"]'; END IF;

  IF s.user_id IS NOT NULL AND r->'limit'->>'max' IS NOT NULL THEN
    v_live := ARRAY(
      SELECT o.id FROM "fastify_sessions".session o
      WHERE o.user_id = s.user_id AND o.id IS DISTINCT FROM v_replaced AND v_now < "fastify_sessions".expires_at(o)
      ORDER BY CASE WHEN r->'limit'->>'onExceeded' = 'evict-idle' THEN o.last_seen_at ELSE 0 END, o.created_at, o.id);
    v_over := cardinality(v_live) - (r->'limit'->>'max')::bigint + 1;
    IF v_over > 0 AND r->'limit'->>'onExceeded' = 'reject' THEN
      RETURN json_build_array('refused', (
        SELECT json_agg("fastify_sessions".record_of(o) ORDER BY o.created_at, o.id) FROM "fastify_sessions".session o WHERE o.id = ANY (v_live)));
    END IF;
  END IF;

  v_new_user := (s.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM "fastify_sessions".session o WHERE o.user_id = s.user_id))::int;
  s.created_at := s.created_at + v_now;
  s.last_seen_at := s.last_seen_at + v_now;
  s.absolute_expires_at := s.absolute_expires_at + v_now;
  s.rotated_at := s.rotated_at + v_now;
  s.confirmed_at := s.confirmed_at + v_now;
  s.authenticated_at := s.authenticated_at + v_now;
  s.cleanup_at := "fastify_sessions".expires_at(s);
  INSERT INTO "fastify_sessions".session SELECT s.* ON CONFLICT (id) DO NOTHING;
  IF NOT FOUND THEN RETURN '["exists"]'; END IF;
  INSERT INTO "fastify_sessions".adopted_credential (key, id, until)
  SELECT r->'adopts'->>'key', s.id, v_now + (r->'adopts'->>'until')::bigint WHERE r->'adopts'->>'key' IS NOT NULL;

  v_evicted := "fastify_sessions".end_live(v_live[1:greatest(v_over, 0)::int], r || '{"reason": "evicted"}', v_now);
  v_gone := "fastify_sessions".end_live(ARRAY[v_replaced], r || '{"reason": "replaced"}', v_now);
  PERFORM "fastify_sessions".add_to_counters(
    (NOT "fastify_sessions".is_block(s.id))::int - v_evicted.live - v_gone.live,
    (s.user_id IS NULL AND NOT "fastify_sessions".is_block(s.id))::int - v_evicted.guests - v_gone.guests,
    s.remembered::int - v_evicted.remembered - v_gone.remembered, v_new_user - v_evicted.users - v_gone.users);
  RETURN json_build_array('created', "fastify_sessions".record_of(s), (v_evicted.ended::jsonb || v_gone.ended::jsonb)::json);
END
$$;
