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

-- what ended sessions have in common, and how many have it: users and devices make up half of what is kept of one
CREATE TABLE {p}words (n INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, uses INTEGER NOT NULL) STRICT;
CREATE TABLE {p}past (
  id TEXT NOT NULL UNIQUE,
  user INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended_by TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  ip TEXT,
  -- a word; a long one is sealed, like no other, and stands here itself
  device ANY,
  name TEXT
) STRICT;
CREATE INDEX {p}past_user ON {p}past (user, ended_at);
CREATE INDEX {p}past_ended ON {p}past (ended_at);

-- ended sessions as they are read and written
CREATE VIEW {p}ended AS SELECT id, user, (SELECT text FROM {p}words WHERE n = user) AS user_id, reason, ended_by, created_at, last_seen_at, ended_at,
  requests, remembered, ip, CASE typeof(device) WHEN 'integer' THEN (SELECT text FROM {p}words WHERE n = device) ELSE device END AS device, name FROM {p}past;
CREATE TRIGGER {p}ended_born INSTEAD OF INSERT ON {p}ended BEGIN
  INSERT INTO {p}words (text, uses) SELECT value, 1 FROM (SELECT new.user_id AS value UNION ALL SELECT new.device WHERE length(new.device) < 64) WHERE true
    ON CONFLICT (text) DO UPDATE SET uses = uses + 1;
  INSERT INTO {p}past VALUES (new.id, (SELECT n FROM {p}words WHERE text = new.user_id), new.reason, new.ended_by, new.created_at, new.last_seen_at, new.ended_at,
    new.requests, new.remembered, new.ip, iif(length(new.device) < 64, (SELECT n FROM {p}words WHERE text = new.device), new.device), new.name);
END;
CREATE TRIGGER {p}past_gone AFTER DELETE ON {p}past BEGIN
  UPDATE {p}words SET uses = uses - 1 - (old.user IS old.device) WHERE n IN (old.user, old.device);
  DELETE FROM {p}words WHERE n IN (old.user, old.device) AND uses <= 0;
END;

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
