-- The statements of the SQLite store, prepared once. `-- :name (values in their order) → columns` starts a statement; {p} is the
-- prefix of the tables, {record} and {ended} are the columns of rows.ts.

-- :begin () : takes the one write lock; waits at most busy_timeout for it
BEGIN IMMEDIATE;
-- :commit ()
COMMIT;
-- :rollback ()
ROLLBACK;

-- :version () → a number that differs after each commit of another connection
PRAGMA data_version;
-- :changes () → number of rows that this connection has changed, triggers included
SELECT total_changes();
-- :read (id) → {record}
SELECT {record} FROM {p}live WHERE id = ?;
-- :readEnded (id) → {ended}
SELECT {ended} FROM {p}ended WHERE id = ?;
-- :isUsed (id, id) → a row if the id was used
SELECT 1 FROM {p}live WHERE id = ? UNION ALL SELECT 1 FROM {p}ended WHERE id = ?;
-- :adopter (key) → id
SELECT id FROM {p}adopted_credentials WHERE key = ?;
-- :adopt (key, id, until)
INSERT INTO {p}adopted_credentials (key, id, until) VALUES (?, ?, ?);

-- :countOf (user, except, now, now) → how many live sessions a user has
SELECT count(*) FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_expires_at > ? AND last_seen_at + idle_timeout > ?;
-- :oldestOf (user, except, now, now, limit) → {record}
SELECT {record} FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_expires_at > ? AND last_seen_at + idle_timeout > ?
  ORDER BY created_at, id LIMIT ?;
-- :idlestOf (user, except, now, now, limit) → {record}
SELECT {record} FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_expires_at > ? AND last_seen_at + idle_timeout > ?
  ORDER BY last_seen_at, created_at, id LIMIT ?;

-- :insert (the columns of rows.ts `toValues`)
INSERT INTO {p}live (id, user_id, generation, hash, previous_hash, rotated_at, confirmed_at, created_at, authenticated_at, methods,
  last_seen_at, idle_timeout, absolute_expires_at, cleanup_at, request_count, remembered, ip, user_agent, device, device_name, client_changed,
  first_ip, first_user_agent, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :touch (request count, last seen, generation, confirmed, id, now, now) : nearly every touch; changes no indexed column
UPDATE {p}live SET request_count = request_count + ?, last_seen_at = max(last_seen_at, ?),
  confirmed_at = CASE WHEN confirmed_at IS NULL AND generation = ? THEN ? ELSE confirmed_at END
WHERE id = ? AND absolute_expires_at > ? AND last_seen_at + idle_timeout > ?;
-- :changeClient (ip given, ip, user agent given, user agent, device given, device, id) : the right-hand sides see the row as it was
UPDATE {p}live SET client_changed = 1, first_ip = CASE WHEN client_changed THEN first_ip ELSE ip END,
  first_user_agent = CASE WHEN client_changed THEN first_user_agent ELSE user_agent END,
  ip = CASE WHEN ? THEN ? ELSE ip END, user_agent = CASE WHEN ? THEN ? ELSE user_agent END, device = CASE WHEN ? THEN ? ELSE device END
WHERE id = ?;
-- :update (…, expiry, id) : every column that `update` can change; cleanup_at is never later than the expiry
UPDATE {p}live SET generation = ?, hash = ?, previous_hash = ?, rotated_at = ?, confirmed_at = ?, authenticated_at = ?,
  methods = ?, last_seen_at = ?,
  idle_timeout = ?, absolute_expires_at = ?, device_name = ?, data = ?, cleanup_at = min(cleanup_at, ?) WHERE id = ?;

-- :delete (id)
DELETE FROM {p}live WHERE id = ?;
-- :insertEnded ({ended})
INSERT INTO {p}ended ({ended}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :trimHistory (user, max) : keeps the newest ended sessions of a user
DELETE FROM {p}history WHERE rowid IN (SELECT rowid FROM {p}history WHERE user = (SELECT n FROM {p}strings WHERE text = ?)
  ORDER BY ended_at DESC, rowid DESC LIMIT -1 OFFSET ?);

-- :due (now, limit) → {record}
SELECT {record} FROM {p}live WHERE cleanup_at <= ? ORDER BY cleanup_at LIMIT ?;
-- :reschedule (expiry, id)
UPDATE {p}live SET cleanup_at = ? WHERE id = ?;
-- :deleteHistory (user)
DELETE FROM {p}history WHERE user = (SELECT n FROM {p}strings WHERE text = ?);
-- :redactChanges (user) : other processes that have not read these entries are notified of the end without its user and client
UPDATE {p}changes SET ended = json_set(ended, '$.userId', NULL, '$.ip', NULL, '$.device', NULL, '$.deviceName', NULL)
  WHERE ended IS NOT NULL AND json_extract(ended, '$.userId') = ?;
-- :purgeHistory (timestamp, limit)
DELETE FROM {p}history WHERE rowid IN (SELECT rowid FROM {p}history WHERE ended_at <= ? LIMIT ?);
-- :purgeCredentials (timestamp, limit)
DELETE FROM {p}adopted_credentials WHERE key IN (SELECT key FROM {p}adopted_credentials WHERE until <= ? LIMIT ?);
-- :purgeStatistics (timestamp, limit)
DELETE FROM {p}statistics WHERE rowid IN (SELECT rowid FROM {p}statistics WHERE until <= ? LIMIT ?);
-- :purgeChanges (timestamp, limit) : the last row stays, because it holds the number
DELETE FROM {p}changes WHERE seq IN (SELECT seq FROM {p}changes WHERE at <= ? AND seq < (SELECT max(seq) FROM {p}changes) LIMIT ?);
-- :clearLastChange (timestamp) : keeps its number only
UPDATE {p}changes SET id = '', ended = NULL WHERE seq = (SELECT max(seq) FROM {p}changes) AND at <= ? AND id <> '';

-- :saveStatistics (start, interval, node, value, until)
INSERT INTO {p}statistics (start_at, interval_ms, node, value, until) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (start_at, interval_ms, node) DO UPDATE SET value = excluded.value, until = excluded.until;
-- :statistics (from, to) → node, start_at, interval_ms, value, until
SELECT node, start_at, interval_ms, value, until FROM {p}statistics WHERE start_at >= ? AND start_at < ?;
-- :totals () → live, users, guests, remembered
SELECT live, users, guests, remembered FROM {p}state;

-- :insertChange (source, at, id, ended)
INSERT INTO {p}changes (source, at, id, ended) VALUES (?, ?, ?, ?);
-- :trimChanges (max) : keeps the newest rows
DELETE FROM {p}changes WHERE seq <= (SELECT max(seq) FROM {p}changes) - ?;
-- :lastChange () → the number of the last change
SELECT coalesce(max(seq), 0) FROM {p}changes;
-- :changesAfter (seq, limit) → seq, source, id, ended
SELECT seq, source, id, ended FROM {p}changes WHERE seq > ? ORDER BY seq LIMIT ?;
