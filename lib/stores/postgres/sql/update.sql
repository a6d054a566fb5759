-- Applies one patch to one live session: all of it, or nothing. Notifies all nodes that the session changed.
-- r: id, expect (a generation, or null), now (null: the clock), deadline, change: set { key: text }, unset [key], rotate { hash, keep },
-- maxBytes, deviceName, seen, authenticate { methods, idleTimeout, absoluteTimeout }, shorten { absoluteTimeout }.
-- Returns [status, …]: done, record · conflict, record · gone, the ended-session record or null · too-large, bytes · late, clock.
CREATE OR REPLACE FUNCTION "fastify_sessions".update_session(r jsonb) RETURNS json LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
DECLARE
  s "fastify_sessions".session;
  c jsonb := r->'change';
  v_now bigint;
  v_bytes bigint;
BEGIN
  SELECT * INTO s FROM "fastify_sessions".session o WHERE o.id = r->>'id' FOR UPDATE;
  -- the lock was awaited meanwhile
  IF "fastify_sessions".clock() > (r->>'deadline')::bigint THEN RETURN "fastify_sessions".late(); END IF;
  v_now := coalesce((r->>'now')::bigint, "fastify_sessions".clock());
  IF NOT FOUND OR v_now >= "fastify_sessions".expires_at(s) THEN RETURN json_build_array('gone', "fastify_sessions".find_session(r->>'id')); END IF;
  IF s.generation <> (r->>'expect')::int THEN RETURN json_build_array('conflict', "fastify_sessions".record_of(s)); END IF;

  IF c ?| '{set,unset}' THEN
    s.data := nullif((coalesce(s.data, '{}') || coalesce(c->'set', '{}')) - ARRAY(SELECT jsonb_array_elements_text(c->'unset')), '{}');
    v_bytes := (SELECT sum(octet_length(d.key) + octet_length(d.value)) FROM jsonb_each_text(s.data) d);
    IF v_bytes > (c->>'maxBytes')::bigint THEN RETURN json_build_array('too-large', v_bytes); END IF;
  END IF;
  IF c ? 'rotate' THEN
    s.generation := s.generation + 1;
    s.previous_hash := CASE WHEN (c->'rotate'->>'keep')::boolean THEN s.hash END;
    s.hash := c->'rotate'->>'hash';
    s.rotated_at := v_now;
    s.confirmed_at := NULL;
  END IF;
  IF c ? 'deviceName' THEN s.device_name := c->>'deviceName'; END IF;
  IF c ? 'seen' THEN s.last_seen_at := greatest(s.last_seen_at, v_now); END IF;
  IF c ? 'authenticate' THEN
    s.authenticated_at := v_now;
    s.last_seen_at := v_now;
    s.methods := c->'authenticate'->>'methods';
    s.idle_timeout := (c->'authenticate'->>'idleTimeout')::numeric::bigint;
    s.absolute_expires_at := v_now + (c->'authenticate'->>'absoluteTimeout')::numeric::bigint;
  END IF;
  IF c ? 'shorten' THEN s.absolute_expires_at := least(s.absolute_expires_at, v_now + (c->'shorten'->>'absoluteTimeout')::numeric::bigint); END IF;

  UPDATE "fastify_sessions".session o
  SET data = s.data, generation = s.generation, previous_hash = s.previous_hash, hash = s.hash, rotated_at = s.rotated_at, confirmed_at = s.confirmed_at,
    device_name = s.device_name, last_seen_at = s.last_seen_at, authenticated_at = s.authenticated_at, methods = s.methods, idle_timeout = s.idle_timeout,
    absolute_expires_at = s.absolute_expires_at,
    -- the same value, and so the same index entries, unless the lifetime became shorter
    cleanup_at = least(s.cleanup_at, "fastify_sessions".expires_at(s))
  WHERE o.id = s.id;
  PERFORM pg_notify('fastify_sessions', json_build_array('changed', s.id)::text);
  RETURN json_build_array('done', "fastify_sessions".record_of(s));
END
$$;
