-- The filter language of lib/model/filter.ts, which `compileFilter` defines. `f`: the filter as sql-filter.ts prepares it, `net`: its `ip`.

-- Lower case like JavaScript's, where the server has ICU; else the database's own.
DO $do$ BEGIN
  EXECUTE $sql$CREATE OR REPLACE FUNCTION "fastify_sessions".fold_case(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t COLLATE "und-x-icu") COLLATE "C"'$sql$;
EXCEPTION WHEN undefined_object THEN
  EXECUTE $sql$CREATE OR REPLACE FUNCTION "fastify_sessions".fold_case(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t COLLATE "default") COLLATE "C"'$sql$;
END $do$;

-- Whether an IP address is in a network. IPv4 addresses match IPv6 networks as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). Other texts match none.
CREATE OR REPLACE FUNCTION "fastify_sessions".in_network(address text, net inet) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF family(net) = 6 AND strpos(address, ':') = 0 THEN RETURN ('::ffff:' || address)::inet <<= net; END IF;
  RETURN address::inet <<= net;
EXCEPTION WHEN invalid_text_representation THEN
  RETURN false;
END
$$;

-- Whether an id is that of a mark that blocks legacy credentials: the same as `isBlockId` in lib/token/token.ts. No filter matches one.
CREATE OR REPLACE FUNCTION "fastify_sessions".is_block(id text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT substr(id, 3, 7) = '_______' $$;

-- The conditions that live and ended sessions share.
CREATE OR REPLACE FUNCTION "fastify_sessions".matches_any(
  id text, user_id text, remembered boolean, created_at bigint, last_seen_at bigint, request_count bigint, ip text, device text, device_name text, f jsonb, net inet
) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT substr(id, 3, 7) <> '_______'
    AND (f->>'userId' IS NULL OR user_id = f->>'userId')
    AND (f->>'guest' IS NULL OR (user_id IS NULL) = (f->>'guest')::boolean)
    AND (f->>'remembered' IS NULL OR remembered = (f->>'remembered')::boolean)
    AND (f->>'createdAfter' IS NULL OR created_at >= (f->>'createdAfter')::bigint)
    AND (f->>'createdBefore' IS NULL OR created_at < (f->>'createdBefore')::bigint)
    AND (f->>'lastSeenAfter' IS NULL OR last_seen_at >= (f->>'lastSeenAfter')::bigint)
    AND (f->>'lastSeenBefore' IS NULL OR last_seen_at < (f->>'lastSeenBefore')::bigint)
    AND (f->>'minRequests' IS NULL OR request_count >= (f->>'minRequests')::bigint)
    AND (f->>'maxRequests' IS NULL OR request_count <= (f->>'maxRequests')::bigint)
    AND (net IS NULL OR "fastify_sessions".in_network(ip, net))
    AND (f->>'browser' IS NULL OR "fastify_sessions".fold_case(regexp_replace(split_part(coalesce(device, ''), '|', 1), ' [0-9.]+$', '')) = f->>'browser')
    AND (f->>'os' IS NULL OR "fastify_sessions".fold_case(split_part(coalesce(device, ''), '|', 2)) = f->>'os')
    AND (f->>'search' IS NULL OR starts_with("fastify_sessions".fold_case(id), f->>'search')
      OR coalesce(strpos("fastify_sessions".fold_case(user_id), f->>'search'), 0) > 0 OR coalesce(strpos("fastify_sessions".fold_case(ip), f->>'search'), 0) > 0
      OR coalesce(strpos("fastify_sessions".fold_case(device), f->>'search'), 0) > 0 OR coalesce(strpos("fastify_sessions".fold_case(device_name), f->>'search'), 0) > 0)
$$;

CREATE OR REPLACE FUNCTION "fastify_sessions".matches(s "fastify_sessions".session, f jsonb, net inet) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT f ?| '{reason,endedAfter,endedBefore}'
    AND (f->>'expiresAfter' IS NULL OR "fastify_sessions".expires_at(s) >= (f->>'expiresAfter')::bigint)
    AND (f->>'expiresBefore' IS NULL OR "fastify_sessions".expires_at(s) < (f->>'expiresBefore')::bigint)
    AND "fastify_sessions".matches_any(s.id, s.user_id, s.remembered, s.created_at, s.last_seen_at, s.request_count,
      CASE WHEN s.ip_changed THEN s.ip ELSE s.first_ip END, s.device, s.device_name, f, net)
$$;

CREATE OR REPLACE FUNCTION "fastify_sessions".matches(e "fastify_sessions".ended, f jsonb, net inet) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT f ?| '{expiresAfter,expiresBefore}'
    AND (f->>'reason' IS NULL OR e.reason = f->>'reason')
    AND (f->>'endedAfter' IS NULL OR e.ended_at >= (f->>'endedAfter')::bigint)
    AND (f->>'endedBefore' IS NULL OR e.ended_at < (f->>'endedBefore')::bigint)
    AND "fastify_sessions".matches_any(e.id, e.user_id, e.remembered, e.created_at, e.last_seen_at, e.request_count, e.ip, e.device, e.device_name, f, net)
$$;
