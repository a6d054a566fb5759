-- Adds the activity of requests to sessions: adds up, never moves back, never creates. One statement for a whole batch. It locks rows in the order
-- of their ids, so that two batches never wait for each other.
-- r: now (null: the clock), batch: [[id, request count, last seen (ms from now, or null), generation, { ip?, userAgent?, device? }?], …].
-- Returns the ids that are not live.
CREATE OR REPLACE FUNCTION "fastify_sessions".touch_sessions(r jsonb) RETURNS json LANGUAGE plpgsql SET lock_timeout = '2s' SET enable_seqscan = off AS $$
DECLARE
  v_now bigint := coalesce((r->>'now')::bigint, "fastify_sessions".clock());
  v_gone text[] := '{}';
  t jsonb;
BEGIN
  FOR t IN SELECT value FROM jsonb_array_elements(r->'batch') ORDER BY (value->>0) COLLATE "C" LOOP
    UPDATE "fastify_sessions".session s
    SET request_count = s.request_count + (t->>1)::bigint,
      last_seen_at = greatest(s.last_seen_at, CASE WHEN t->>2 IS NOT NULL THEN v_now + least(0, (t->>2)::bigint) END),
      confirmed_at = coalesce(s.confirmed_at, CASE WHEN s.generation = (t->>3)::int THEN v_now + least(0, (t->>2)::bigint) END),
      ip_changed = s.ip_changed OR (t->4 ? 'ip') IS TRUE,
      ip = CASE WHEN t->4 ? 'ip' THEN t->4->>'ip' ELSE s.ip END,
      user_agent_changed = s.user_agent_changed OR (t->4 ? 'userAgent') IS TRUE,
      user_agent = CASE WHEN t->4 ? 'userAgent' THEN t->4->>'userAgent' ELSE s.user_agent END,
      device = CASE WHEN t->4 ? 'device' THEN t->4->>'device' ELSE s.device END
    WHERE s.id = t->>0 AND v_now < "fastify_sessions".expires_at(s);
    IF NOT FOUND THEN v_gone := v_gone || (t->>0); END IF;
  END LOOP;
  RETURN array_to_json(v_gone);
END
$$;
