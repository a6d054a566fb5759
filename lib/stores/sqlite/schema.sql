-- The tables of one app in one file. {p} is its prefix. Timestamps are milliseconds since the epoch, durations are milliseconds.
-- schema.ts runs this inside BEGIN IMMEDIATE if {p}state does not exist. Each published change of it raises `version` there.

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
  idle_timeout INTEGER NOT NULL,
  absolute_expires_at INTEGER NOT NULL,
  -- when the cleanup looks at the session: never later than its expiry; activity does not change it
  cleanup_at INTEGER NOT NULL,
  request_count INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  ip TEXT,
  user_agent TEXT,
  device TEXT,
  device_name TEXT,
  -- 0: the first IP address and user agent are those of the last request, and are not stored twice
  client_changed INTEGER NOT NULL,
  first_ip TEXT,
  first_user_agent TEXT,
  -- JSON object of texts. The last column, so that queries without data do not read it
  data TEXT
) STRICT;
-- queries sort rows of one timestamp by id: 23 bytes less in each index
CREATE INDEX {p}live_user ON {p}live (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX {p}live_created ON {p}live (created_at);
CREATE INDEX {p}live_cleanup ON {p}live (cleanup_at);

-- texts that ended sessions share, with the number of uses: user ids and devices are half of what is stored of an ended session
CREATE TABLE {p}strings (n INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, uses INTEGER NOT NULL) STRICT;
CREATE TABLE {p}history (
  id TEXT NOT NULL UNIQUE,
  user INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended_by TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  request_count INTEGER NOT NULL,
  remembered INTEGER NOT NULL,
  ip TEXT,
  -- the number of a string; a text of 64 characters or more is encrypted and unique, and stored here itself
  device ANY,
  device_name TEXT
) STRICT;
CREATE INDEX {p}history_user ON {p}history (user, ended_at);
CREATE INDEX {p}history_ended ON {p}history (ended_at);

-- ended sessions as they are read and written
CREATE VIEW {p}ended AS SELECT id, user, (SELECT text FROM {p}strings WHERE n = user) AS user_id, reason, ended_by, created_at, last_seen_at,
  ended_at, request_count, remembered, ip,
  CASE typeof(device) WHEN 'integer' THEN (SELECT text FROM {p}strings WHERE n = device) ELSE device END AS device, device_name
FROM {p}history;
CREATE TRIGGER {p}ended_inserted INSTEAD OF INSERT ON {p}ended BEGIN
  INSERT INTO {p}strings (text, uses) SELECT value, 1
    FROM (SELECT new.user_id AS value UNION ALL SELECT new.device WHERE length(new.device) < 64) WHERE true
    ON CONFLICT (text) DO UPDATE SET uses = uses + 1;
  INSERT INTO {p}history VALUES (new.id, (SELECT n FROM {p}strings WHERE text = new.user_id), new.reason, new.ended_by, new.created_at,
    new.last_seen_at, new.ended_at, new.request_count, new.remembered, new.ip,
    iif(length(new.device) < 64, (SELECT n FROM {p}strings WHERE text = new.device), new.device), new.device_name);
END;
CREATE TRIGGER {p}history_deleted AFTER DELETE ON {p}history BEGIN
  UPDATE {p}strings SET uses = uses - 1 - (old.user IS old.device) WHERE n IN (old.user, old.device);
  DELETE FROM {p}strings WHERE n IN (old.user, old.device) AND uses <= 0;
END;

-- which session adopted a credential of another library
CREATE TABLE {p}adopted_credentials (key TEXT PRIMARY KEY, id TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX {p}adopted_credentials_until ON {p}adopted_credentials (until);

CREATE TABLE {p}statistics (
  start_at INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  node TEXT NOT NULL,
  value TEXT NOT NULL,
  until INTEGER NOT NULL,
  UNIQUE (start_at, interval_ms, node)
) STRICT;
CREATE INDEX {p}statistics_until ON {p}statistics (until);

-- changes for the other processes; numbered without gaps, so that a process that reads too late finds one missing
CREATE TABLE {p}changes (
  seq INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  at INTEGER NOT NULL,
  id TEXT NOT NULL,
  -- JSON of the ended-session record; NULL: the session changed
  ended TEXT
) STRICT;

-- one row: the version of this schema, and totals that need no scan
CREATE TABLE {p}state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  live INTEGER NOT NULL,
  users INTEGER NOT NULL,
  guests INTEGER NOT NULL,
  remembered INTEGER NOT NULL
) STRICT;
INSERT INTO {p}state VALUES (1, {version}, 0, 0, 0, 0);

-- marks that block legacy credentials do not count: characters 3 to 9 of their ids are `_`
CREATE TRIGGER {p}live_inserted AFTER INSERT ON {p}live WHEN substr(new.id, 3, 7) <> '_______' BEGIN
  UPDATE {p}state SET live = live + 1, guests = guests + (new.user_id IS NULL), remembered = remembered + new.remembered,
    users = users + (new.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {p}live WHERE user_id = new.user_id AND rowid <> new.rowid));
END;
CREATE TRIGGER {p}live_deleted AFTER DELETE ON {p}live WHEN substr(old.id, 3, 7) <> '_______' BEGIN
  UPDATE {p}state SET live = live - 1, guests = guests - (old.user_id IS NULL), remembered = remembered - old.remembered,
    users = users - (old.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {p}live WHERE user_id = old.user_id));
END;
