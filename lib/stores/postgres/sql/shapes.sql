-- The JSON of sessions: small functions that the planner inlines, used by all others.

-- The store's clock.
CREATE OR REPLACE FUNCTION "fastify_sessions".clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- The reply to a request that arrived after its deadline.
CREATE OR REPLACE FUNCTION "fastify_sessions".late() RETURNS json LANGUAGE sql VOLATILE AS $$
  SELECT json_build_array('late', "fastify_sessions".clock())
$$;

-- When a session expires without further requests.
CREATE OR REPLACE FUNCTION "fastify_sessions".expires_at(s "fastify_sessions".session) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT least(s.absolute_expires_at, s.last_seen_at + s.idle_timeout)
$$;

-- A live session as one JSON array, in the order that rows.ts reads; the clock comes last.
CREATE OR REPLACE FUNCTION "fastify_sessions".record_of(s "fastify_sessions".session) RETURNS json LANGUAGE sql VOLATILE AS $$
  SELECT json_build_array(
    s.id, s.user_id, s.generation, s.hash, s.previous_hash, s.rotated_at, s.confirmed_at, s.created_at, s.authenticated_at, s.methods,
    s.last_seen_at, s.idle_timeout, s.absolute_expires_at, s.request_count, s.remembered,
    CASE WHEN s.ip_changed THEN s.ip ELSE s.first_ip END, CASE WHEN s.user_agent_changed THEN s.user_agent ELSE s.first_user_agent END, s.first_ip, s.first_user_agent,
    s.device, s.device_name, s.data, "fastify_sessions".clock())
$$;

-- An ended session as one JSON array.
CREATE OR REPLACE FUNCTION "fastify_sessions".ended_of(e "fastify_sessions".ended) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_array(e.id, e.user_id, e.reason, e.ended_by, e.created_at, e.last_seen_at, e.ended_at, e.request_count, e.remembered, e.ip, e.device, e.device_name)
$$;

-- Returns the live session of an id, its ended-session record, or NULL. Not LANGUAGE sql, which is planned again with each statement.
CREATE OR REPLACE FUNCTION "fastify_sessions".find_session(p_id text) RETURNS json LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
  RETURN coalesce(
    (SELECT "fastify_sessions".record_of(s) FROM "fastify_sessions".session s WHERE s.id = p_id),
    (SELECT "fastify_sessions".ended_of(e) FROM "fastify_sessions".ended e WHERE e.id = p_id));
END
$$;

-- For people: the live sessions, with readable times and without the columns that verify a token.
CREATE OR REPLACE VIEW "fastify_sessions".live_session AS
SELECT s.id, s.user_id, s.device_name, s.device,
  CASE WHEN s.ip_changed THEN s.ip ELSE s.first_ip END AS ip, CASE WHEN s.user_agent_changed THEN s.user_agent ELSE s.first_user_agent END AS user_agent,
  to_timestamp(s.created_at / 1000.0) AS created_at, to_timestamp(s.last_seen_at / 1000.0) AS last_seen_at,
  to_timestamp("fastify_sessions".expires_at(s) / 1000.0) AS expires_at, s.request_count, s.remembered
FROM "fastify_sessions".session s
WHERE "fastify_sessions".clock() < "fastify_sessions".expires_at(s);
