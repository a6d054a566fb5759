-- Ends sessions, and the helpers of every operation that ends sessions. The order of locks, so that no two operations wait for each other: users
-- (sorted), rows of sessions (sorted by id), one row of counters (last). An operation is one statement: its commit frees them.

-- Locks names until the end of the transaction.
CREATE OR REPLACE FUNCTION "fastify_sessions".lock_names(p_names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_key bigint;
BEGIN
  FOR v_key IN SELECT DISTINCT hashtextextended('fastify_sessions ' || n, 0) FROM unnest(p_names) n WHERE n IS NOT NULL ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(v_key);
  END LOOP;
END
$$;

-- Adds to the counters. Always the last step. Not LANGUAGE sql, which is planned again with each call.
CREATE OR REPLACE FUNCTION "fastify_sessions".add_to_counters(p_live bigint, p_guests bigint, p_remembered bigint, p_users bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "fastify_sessions".counter
  SET live = live + p_live, guests = guests + p_guests, remembered = remembered + p_remembered, users = users + p_users
  WHERE shard = pg_backend_pid() % 16 AND (p_live, p_guests, p_remembered, p_users) <> (0, 0, 0, 0);
END
$$;

-- Notifies all nodes of ended sessions. NOTIFY carries less than 8000 bytes: several messages, and without the long texts where one session alone
-- is too long.
CREATE OR REPLACE FUNCTION "fastify_sessions".notify_ended(p_ended json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_item json;
  v_batch text := '';
BEGIN
  FOR v_item IN SELECT value FROM json_array_elements(p_ended) LOOP
    IF octet_length(v_item::text) > 7000 THEN
      v_item := json_build_array(v_item->0, v_item->1, v_item->2, NULL, v_item->4, v_item->5, v_item->6, v_item->7, v_item->8, NULL, NULL, NULL);
    END IF;
    IF octet_length(v_batch) + octet_length(v_item::text) > 7900 THEN
      PERFORM pg_notify('fastify_sessions', '["ended"' || v_batch || ']');
      v_batch := '';
    END IF;
    v_batch := v_batch || ',' || v_item::text;
  END LOOP;
  IF v_batch <> '' THEN PERFORM pg_notify('fastify_sessions', '["ended"' || v_batch || ']'); END IF;
END
$$;

-- Moves live sessions (reason null: expired ones) to history, notifies all nodes, and keeps the history of each user bounded.
-- The caller holds the locks of their users, and subtracts the returned numbers from the counters.
-- r: now (ms), history (ms), historyPerUser; reason, by; matching { filter, net }: what must match at this moment, if given.
CREATE OR REPLACE FUNCTION "fastify_sessions".end_live(p_ids text[], r jsonb, p_now bigint,
  OUT ended json, OUT live bigint, OUT guests bigint, OUT remembered bigint, OUT users bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_reason text := r->>'reason';
  v_net inet := (r->'matching'->>'net')::inet;
  v_filter jsonb := (r->'matching'->>'filter')::jsonb;
  v_users text[];
BEGIN
  -- most sign-ins end no session
  IF coalesce(cardinality(array_remove(p_ids, NULL)), 0) = 0 THEN
    ended := '[]';
    live := 0;
    guests := 0;
    remembered := 0;
    users := 0;
    RETURN;
  END IF;
  PERFORM FROM "fastify_sessions".session s WHERE s.id = ANY (p_ids) ORDER BY s.id FOR UPDATE;
  WITH gone AS (
    DELETE FROM "fastify_sessions".session s
    WHERE s.id = ANY (p_ids) AND (p_now < "fastify_sessions".expires_at(s)) = (v_reason IS NOT NULL)
      AND (v_filter IS NULL OR "fastify_sessions".matches(s, v_filter, v_net))
    RETURNING s.created_at, s.last_seen_at,
      CASE WHEN v_reason IS NULL THEN "fastify_sessions".expires_at(s) ELSE p_now END AS ended_at,
      s.request_count, s.remembered, s.id, s.user_id,
      coalesce(v_reason, CASE WHEN s.last_seen_at + s.idle_timeout < s.absolute_expires_at THEN 'idle-timeout' ELSE 'absolute-timeout' END) AS reason,
      r->>'by' AS ended_by, CASE WHEN s.ip_changed THEN s.ip ELSE s.first_ip END AS ip, s.device, s.device_name
  ), kept AS (
    INSERT INTO "fastify_sessions".ended SELECT * FROM gone g WHERE g.user_id IS NOT NULL AND (r->>'history')::bigint > 0
  )
  SELECT coalesce(json_agg("fastify_sessions".ended_of(g::"fastify_sessions".ended) ORDER BY g.created_at, g.id), '[]'), count(*) FILTER (WHERE NOT "fastify_sessions".is_block(g.id)),
    count(*) FILTER (WHERE g.user_id IS NULL AND NOT "fastify_sessions".is_block(g.id)), count(*) FILTER (WHERE g.remembered), array_agg(DISTINCT g.user_id) FILTER (WHERE g.user_id IS NOT NULL)
  INTO ended, live, guests, remembered, v_users FROM gone g;

  SELECT count(*) INTO users FROM unnest(v_users) u WHERE NOT EXISTS (SELECT FROM "fastify_sessions".session s WHERE s.user_id = u);
  DELETE FROM "fastify_sessions".ended e WHERE e.id IN (
    SELECT old.id FROM unnest(v_users) u CROSS JOIN LATERAL (
      SELECT o.id FROM "fastify_sessions".ended o WHERE o.user_id = u ORDER BY o.ended_at DESC, o.id DESC OFFSET (r->>'historyPerUser')::int) old);
  PERFORM "fastify_sessions".notify_ended(ended);
END
$$;

-- Ends sessions by ids, or all of a user. Returns each that it ended, oldest first, or late, clock.
-- r: ids, or userId, except, createdUntil (null: no bound) and max (null: all); now (null: the clock), deadline, history, historyPerUser,
-- reason, by, matching.
CREATE OR REPLACE FUNCTION "fastify_sessions".end_sessions(r jsonb) RETURNS json LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
DECLARE
  v_ids text[];
  v_gone record;
  v_now bigint;
BEGIN
  IF r->>'userId' IS NOT NULL THEN
    PERFORM "fastify_sessions".lock_names(ARRAY[r->>'userId']);
    v_now := coalesce((r->>'now')::bigint, "fastify_sessions".clock());
    v_ids := ARRAY(SELECT s.id FROM "fastify_sessions".session s
      WHERE s.user_id = r->>'userId' AND s.id IS DISTINCT FROM r->>'except' AND v_now < "fastify_sessions".expires_at(s)
        AND (s.created_at <= (r->>'createdUntil')::bigint) IS NOT FALSE
      ORDER BY s.created_at, s.id LIMIT (r->>'max')::bigint);
  ELSE
    v_ids := ARRAY(SELECT jsonb_array_elements_text(r->'ids'));
    PERFORM "fastify_sessions".lock_names(ARRAY(SELECT DISTINCT s.user_id FROM "fastify_sessions".session s WHERE s.id = ANY (v_ids)));
  END IF;
  -- the lock was awaited meanwhile
  IF "fastify_sessions".clock() > (r->>'deadline')::bigint THEN RETURN "fastify_sessions".late(); END IF;
  v_gone := "fastify_sessions".end_live(v_ids, r, coalesce((r->>'now')::bigint, "fastify_sessions".clock()));
  PERFORM "fastify_sessions".add_to_counters(-v_gone.live, -v_gone.guests, -v_gone.remembered, -v_gone.users);
  RETURN v_gone.ended;
END
$$;
