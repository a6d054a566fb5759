-- The tables of one app in one file. {p} is its prefix. Instants are milliseconds since the epoch, lengths milliseconds.
-- Who runs it: schema.ts, inside BEGIN IMMEDIATE, if {p}state is not there. A change of it raises `version` there.

CREATE TABLE {p}live (
  id TEXT NOT NULL UNIQUE,
  user_id TEXT,
  generation INTEGER NOT NULL,
  hash TEXT NOT NULL,
  previous_hash TEXT,
  rotated_at INTEGER NOT NULL,
  confirmed_at INTEGER,
  created_at INTEGER NOT NULL,
  authenticated_at INTEGER,
  methods TEXT NOT NULL,
  last_seen_at INTEGER NOT NULL,
  idle INTEGER NOT NULL,
  absolute_at INTEGER NOT NULL,
  -- never later than the session's end, and not moved by activity: the sweep looks again when it comes
  sweep_at INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  ip TEXT,
  agent TEXT,
  device TEXT,
  name TEXT,
  -- 0: the first address and agent are the last ones, and are not kept twice
  moved INTEGER NOT NULL,
  first_ip TEXT,
  first_agent TEXT,
  -- JSON object of texts, last of all so that what does not want it does not read it
  data TEXT
) STRICT;
-- rows of one instant are put in the order of their ids as they are read: 23 bytes less in each index
CREATE INDEX {p}live_user ON {p}live (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX {p}live_created ON {p}live (created_at);
CREATE INDEX {p}live_sweep ON {p}live (sweep_at);

CREATE TABLE {p}ended (
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  ended_by TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  ip TEXT,
  device TEXT,
  name TEXT
) STRICT;
CREATE INDEX {p}ended_user ON {p}ended (user_id, ended_at);
CREATE INDEX {p}ended_at ON {p}ended (ended_at);

-- credentials of other libraries that were taken over
CREATE TABLE {p}marks (key TEXT PRIMARY KEY, id TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX {p}marks_until ON {p}marks (until);

CREATE TABLE {p}slices (at INTEGER NOT NULL, span INTEGER NOT NULL, node TEXT NOT NULL, value TEXT NOT NULL, until INTEGER NOT NULL, UNIQUE (at, span, node)) STRICT;
CREATE INDEX {p}slices_until ON {p}slices (until);

-- what other processes want to hear; numbered without gaps, so that whoever reads too late knows it
CREATE TABLE {p}changes (
  seq INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  at INTEGER NOT NULL,
  id TEXT NOT NULL,
  -- JSON of what is left of an ended session; NULL: the session changed
  ended TEXT
) STRICT;

-- one row: the version of this schema, and counts that need no scan
CREATE TABLE {p}state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  live INTEGER NOT NULL,
  users INTEGER NOT NULL,
  guests INTEGER NOT NULL,
  remembered INTEGER NOT NULL
) STRICT;
INSERT INTO {p}state VALUES (1, {version}, 0, 0, 0, 0);

CREATE TRIGGER {p}live_born AFTER INSERT ON {p}live BEGIN
  UPDATE {p}state SET live = live + 1, guests = guests + (new.user_id IS NULL), remembered = remembered + new.remembered,
    users = users + (new.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {p}live WHERE user_id = new.user_id AND rowid <> new.rowid));
END;
CREATE TRIGGER {p}live_gone AFTER DELETE ON {p}live BEGIN
  UPDATE {p}state SET live = live - 1, guests = guests - (old.user_id IS NULL), remembered = remembered - old.remembered,
    users = users - (old.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {p}live WHERE user_id = old.user_id));
END;
