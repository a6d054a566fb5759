-- The filter language of lib/filter.ts, whose `compileFilter` is the definition. `f`: the filter as filter.ts prepares it, `net`: its `ip`.

-- Lower case like JavaScript's, where the server has ICU; else the database's own.
DO $do$ BEGIN
  EXECUTE $sql$CREATE OR REPLACE FUNCTION "fastify_sessions".fold(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t COLLATE "und-x-icu") COLLATE "C"'$sql$;
EXCEPTION WHEN undefined_object THEN
  EXECUTE $sql$CREATE OR REPLACE FUNCTION "fastify_sessions".fold(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t COLLATE "default") COLLATE "C"'$sql$;
END $do$;

-- Whether an address lies in a network. IPv4 lies in IPv6 networks as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2); what is no address lies in none.
CREATE OR REPLACE FUNCTION "fastify_sessions".in_network(address text, net inet) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF family(net) = 6 AND strpos(address, ':') = 0 THEN RETURN ('::ffff:' || address)::inet <<= net; END IF;
  RETURN address::inet <<= net;
EXCEPTION WHEN invalid_text_representation THEN
  RETURN false;
END
$$;

-- What live and ended sessions have in common.
CREATE OR REPLACE FUNCTION "fastify_sessions".matches_any(
  id text, user_id text, remembered boolean, created_at bigint, last_seen_at bigint, requests bigint, ip text, device text, name text, f jsonb, net inet
) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (f->>'userId' IS NULL OR user_id = f->>'userId')
    AND (f->>'guest' IS NULL OR (user_id IS NULL) = (f->>'guest')::boolean)
    AND (f->>'remembered' IS NULL OR remembered = (f->>'remembered')::boolean)
    AND (f->>'createdAfter' IS NULL OR created_at >= (f->>'createdAfter')::bigint)
    AND (f->>'createdBefore' IS NULL OR created_at < (f->>'createdBefore')::bigint)
    AND (f->>'seenAfter' IS NULL OR last_seen_at >= (f->>'seenAfter')::bigint)
    AND (f->>'seenBefore' IS NULL OR last_seen_at < (f->>'seenBefore')::bigint)
    AND (f->>'requestsMin' IS NULL OR requests >= (f->>'requestsMin')::bigint)
    AND (f->>'requestsMax' IS NULL OR requests <= (f->>'requestsMax')::bigint)
    AND (net IS NULL OR "fastify_sessions".in_network(ip, net))
    AND (f->>'browser' IS NULL OR "fastify_sessions".fold(regexp_replace(split_part(coalesce(device, ''), '|', 1), ' [0-9.]+$', '')) = f->>'browser')
    AND (f->>'system' IS NULL OR "fastify_sessions".fold(split_part(coalesce(device, ''), '|', 2)) = f->>'system')
    AND (f->>'search' IS NULL OR starts_with("fastify_sessions".fold(id), f->>'search')
      OR coalesce(strpos("fastify_sessions".fold(user_id), f->>'search'), 0) > 0 OR coalesce(strpos("fastify_sessions".fold(ip), f->>'search'), 0) > 0
      OR coalesce(strpos("fastify_sessions".fold(device), f->>'search'), 0) > 0 OR coalesce(strpos("fastify_sessions".fold(name), f->>'search'), 0) > 0)
$$;

CREATE OR REPLACE FUNCTION "fastify_sessions".matches(s "fastify_sessions".session, f jsonb, net inet) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT f ?| '{reason,endedAfter,endedBefore}'
    AND (f->>'expiresAfter' IS NULL OR "fastify_sessions".expires_at(s) >= (f->>'expiresAfter')::bigint)
    AND (f->>'expiresBefore' IS NULL OR "fastify_sessions".expires_at(s) < (f->>'expiresBefore')::bigint)
    AND "fastify_sessions".matches_any(s.id, s.user_id, s.remembered, s.created_at, s.last_seen_at, s.requests,
      CASE WHEN s.ip_moved THEN s.ip ELSE s.first_ip END, s.device, s.name, f, net)
$$;

CREATE OR REPLACE FUNCTION "fastify_sessions".matches(e "fastify_sessions".ended, f jsonb, net inet) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT f ?| '{expiresAfter,expiresBefore}'
    AND (f->>'reason' IS NULL OR e.reason = f->>'reason')
    AND (f->>'endedAfter' IS NULL OR e.ended_at >= (f->>'endedAfter')::bigint)
    AND (f->>'endedBefore' IS NULL OR e.ended_at < (f->>'endedBefore')::bigint)
    AND "fastify_sessions".matches_any(e.id, e.user_id, e.remembered, e.created_at, e.last_seen_at, e.requests, e.ip, e.device, e.name, f, net)
$$;
