-- Where sessions live. Run by the store when it opens (or by you: `postgresSchema()`), in one transaction; does nothing where it has run before.
-- "fastify_sessions" stands for the option `schema`, here and in every other file. Instants and lengths are milliseconds.
-- All text is COLLATE "C": compared by bytes, the same on every server.
-- Functions of verbs have `enable_seqscan = off`: PostgreSQL keeps the plans in them for as long as a connection lives, and one that was made while a
-- table had a page or two reads all of it ever after, or until somebody analyses it.

SELECT pg_advisory_xact_lock(hashtextextended('fastify_sessions schema', 0));

DO $do$ BEGIN
  -- not IF NOT EXISTS: that wants CREATE on the database even where the schema exists
  IF to_regnamespace('"fastify_sessions"') IS NULL THEN CREATE SCHEMA "fastify_sessions"; END IF;
END $do$;

-- Live sessions. No index has a column that a touch changes, and pages keep room for it: a touch is a HOT update.
-- due_at: when a sweep looks at the session; never later than its end, and moved only by the sweep itself.
-- ip, agent: the last ones, if they ever changed (`ip_moved`, `agent_moved`); otherwise NULL, and the first ones are the last.
CREATE TABLE IF NOT EXISTS "fastify_sessions".session (
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  idle bigint NOT NULL,
  absolute_at bigint NOT NULL,
  due_at bigint NOT NULL,
  requests bigint NOT NULL,
  rotated_at bigint NOT NULL,
  confirmed_at bigint,
  authenticated_at bigint,
  generation integer NOT NULL,
  remembered boolean NOT NULL,
  ip_moved boolean NOT NULL,
  agent_moved boolean NOT NULL,
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C",
  hash text COLLATE "C" NOT NULL,
  previous_hash text COLLATE "C",
  methods text COLLATE "C" NOT NULL,
  first_ip text COLLATE "C",
  first_agent text COLLATE "C",
  ip text COLLATE "C",
  agent text COLLATE "C",
  device text COLLATE "C",
  name text COLLATE "C",
  data jsonb CHECK (jsonb_typeof(data) = 'object')
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS session_user_id ON "fastify_sessions".session (user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_created_at ON "fastify_sessions".session (created_at, id);
CREATE INDEX IF NOT EXISTS session_due_at ON "fastify_sessions".session (due_at);

-- What is left of sessions that ended, for as long as history reaches.
CREATE TABLE IF NOT EXISTS "fastify_sessions".ended (
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  requests bigint NOT NULL,
  remembered boolean NOT NULL,
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL CHECK (reason IN ('logout', 'revoked', 'evicted', 'idle', 'absolute', 'replaced', 'reused')),
  ended_by text COLLATE "C",
  ip text COLLATE "C",
  device text COLLATE "C",
  name text COLLATE "C"
);
CREATE INDEX IF NOT EXISTS ended_user_id ON "fastify_sessions".ended (user_id, ended_at, id);
CREATE INDEX IF NOT EXISTS ended_ended_at ON "fastify_sessions".ended (ended_at, id);

-- Credentials of other libraries that were taken over, and the session that did.
CREATE TABLE IF NOT EXISTS "fastify_sessions".mark (
  key text COLLATE "C" NOT NULL PRIMARY KEY,
  id text COLLATE "C" NOT NULL,
  until bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS mark_until ON "fastify_sessions".mark (until);

-- Each node's numbers of each stretch of time.
CREATE TABLE IF NOT EXISTS "fastify_sessions".slice (
  at bigint NOT NULL,
  span bigint NOT NULL,
  until bigint NOT NULL,
  node text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (at, span, node)
);
CREATE INDEX IF NOT EXISTS slice_until ON "fastify_sessions".slice (until);

-- How many sessions live: the sum of 16 rows, so that parallel sign-ins do not wait for one.
CREATE TABLE IF NOT EXISTS "fastify_sessions".counter (
  shard integer NOT NULL PRIMARY KEY,
  live bigint NOT NULL DEFAULT 0,
  guests bigint NOT NULL DEFAULT 0,
  remembered bigint NOT NULL DEFAULT 0,
  users bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO "fastify_sessions".counter (shard) SELECT generate_series(0, 15) ON CONFLICT DO NOTHING;

-- Which versions of all this were put here.
CREATE TABLE IF NOT EXISTS "fastify_sessions".version (
  version integer NOT NULL PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO "fastify_sessions".version (version) VALUES (1) ON CONFLICT DO NOTHING;
