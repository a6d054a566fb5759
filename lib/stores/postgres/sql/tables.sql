-- The tables. The store runs this when it opens (or you run `postgresSchema()`), in one transaction. Running it again changes nothing.
-- "fastify_sessions" stands for the option `schema`, here and in every other file. Timestamps and durations are milliseconds.
-- All text is COLLATE "C": compared by bytes, the same on every server.
-- Functions of operations have `enable_seqscan = off`: PostgreSQL keeps their plans as long as a connection is open. A plan that was made while a
-- table had a page or two reads the whole table from then on, until the table is analyzed.

SELECT pg_advisory_xact_lock(hashtextextended('fastify_sessions schema', 0));

DO $do$ BEGIN
  -- not IF NOT EXISTS: that requires CREATE on the database even where the schema exists
  IF to_regnamespace('"fastify_sessions"') IS NULL THEN CREATE SCHEMA "fastify_sessions"; END IF;
END $do$;

-- Live sessions. No index has a column that a touch changes, and pages keep room for it: a touch is a HOT update.
-- cleanup_at: when the cleanup looks at the session; never later than its expiry, and only the cleanup moves it on.
-- ip, user_agent: those of the last request, if they ever changed (`ip_changed`, `user_agent_changed`); otherwise NULL, and the first ones hold.
CREATE TABLE IF NOT EXISTS "fastify_sessions".session (
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  idle_timeout bigint NOT NULL,
  absolute_expires_at bigint NOT NULL,
  cleanup_at bigint NOT NULL,
  request_count bigint NOT NULL,
  rotated_at bigint NOT NULL,
  confirmed_at bigint,
  authenticated_at bigint,
  generation integer NOT NULL,
  remembered boolean NOT NULL,
  ip_changed boolean NOT NULL,
  user_agent_changed boolean NOT NULL,
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C",
  hash text COLLATE "C" NOT NULL,
  previous_hash text COLLATE "C",
  methods text COLLATE "C" NOT NULL,
  first_ip text COLLATE "C",
  first_user_agent text COLLATE "C",
  ip text COLLATE "C",
  user_agent text COLLATE "C",
  device text COLLATE "C",
  device_name text COLLATE "C",
  data jsonb CHECK (jsonb_typeof(data) = 'object')
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS session_user_id ON "fastify_sessions".session (user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_created_at ON "fastify_sessions".session (created_at, id);
CREATE INDEX IF NOT EXISTS session_cleanup_at ON "fastify_sessions".session (cleanup_at);

-- Ended-session records, kept as long as the history retention says.
CREATE TABLE IF NOT EXISTS "fastify_sessions".ended (
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  request_count bigint NOT NULL,
  remembered boolean NOT NULL,
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL CHECK (reason IN ('logout', 'revoked', 'evicted', 'idle-timeout', 'absolute-timeout', 'replaced', 'token-reuse')),
  ended_by text COLLATE "C",
  ip text COLLATE "C",
  device text COLLATE "C",
  device_name text COLLATE "C"
);
CREATE INDEX IF NOT EXISTS ended_user_id ON "fastify_sessions".ended (user_id, ended_at, id);
CREATE INDEX IF NOT EXISTS ended_ended_at ON "fastify_sessions".ended (ended_at, id);

-- Which session adopted a credential of another library.
CREATE TABLE IF NOT EXISTS "fastify_sessions".adopted_credential (
  key text COLLATE "C" NOT NULL PRIMARY KEY,
  id text COLLATE "C" NOT NULL,
  until bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS adopted_credential_until ON "fastify_sessions".adopted_credential (until);

-- The statistics of each node for each time bucket.
CREATE TABLE IF NOT EXISTS "fastify_sessions".statistics_slice (
  start_at bigint NOT NULL,
  interval_ms bigint NOT NULL,
  until bigint NOT NULL,
  node text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (start_at, interval_ms, node)
);
CREATE INDEX IF NOT EXISTS statistics_slice_until ON "fastify_sessions".statistics_slice (until);

-- The number of live sessions: the sum of 16 rows, so that parallel sign-ins do not wait for one.
CREATE TABLE IF NOT EXISTS "fastify_sessions".counter (
  shard integer NOT NULL PRIMARY KEY,
  live bigint NOT NULL DEFAULT 0,
  guests bigint NOT NULL DEFAULT 0,
  remembered bigint NOT NULL DEFAULT 0,
  users bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO "fastify_sessions".counter (shard) SELECT generate_series(0, 15) ON CONFLICT DO NOTHING;

-- The versions of this schema that were installed.
CREATE TABLE IF NOT EXISTS "fastify_sessions".version (
  version integer NOT NULL PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO "fastify_sessions".version (version) VALUES (1) ON CONFLICT DO NOTHING;
