-- What the SQLite store says, prepared once. `-- :name (values in their order) → columns` starts a statement; {p} is the prefix of the
-- tables, {record} and {ended} are the columns of rows.ts.

-- :begin () : takes the one write lock; waits for it as long as busy_timeout says
BEGIN IMMEDIATE;
-- :commit ()
COMMIT;
-- :rollback ()
ROLLBACK;

-- :version () → how many commits of other connections this one knows of: another number after each that it sees
PRAGMA data_version;
-- :changes () → how many rows this connection has changed, triggers included
SELECT total_changes();
-- :read (id) → {record}
SELECT {record} FROM {p}live WHERE id = ?;
-- :left (id) → {ended}
SELECT {ended} FROM {p}ended WHERE id = ?;
-- :known (id, id) → a row if the id was used
SELECT 1 FROM {p}live WHERE id = ? UNION ALL SELECT 1 FROM {p}ended WHERE id = ?;
-- :mark (key) → id
SELECT id FROM {p}marks WHERE key = ?;
-- :adopt (key, id, until)
INSERT INTO {p}marks (key, id, until) VALUES (?, ?, ?);

-- :countOf (user, except, now, now) → how many live sessions a user has
SELECT count(*) FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_at > ? AND last_seen_at + idle > ?;
-- :oldestOf (user, except, now, now, limit) → {record}
SELECT {record} FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_at > ? AND last_seen_at + idle > ? ORDER BY created_at, id LIMIT ?;
-- :idlestOf (user, except, now, now, limit) → {record}
SELECT {record} FROM {p}live WHERE user_id = ? AND id <> ? AND absolute_at > ? AND last_seen_at + idle > ? ORDER BY last_seen_at, created_at, id LIMIT ?;

-- :insert (the columns of rows.ts `toValues`)
INSERT INTO {p}live (id, user_id, generation, hash, previous_hash, rotated_at, confirmed_at, created_at, authenticated_at, methods, last_seen_at, idle, absolute_at, sweep_at, requests, remembered, ip, agent, device, name, moved, first_ip, first_agent, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :touch (requests, seen, generation, confirmed, id, now, now) : what nearly every touch is; changes no indexed column
UPDATE {p}live SET requests = requests + ?, last_seen_at = max(last_seen_at, ?),
  confirmed_at = CASE WHEN confirmed_at IS NULL AND generation = ? THEN ? ELSE confirmed_at END
WHERE id = ? AND absolute_at > ? AND last_seen_at + idle > ?;
-- :move (ip given, ip, agent given, agent, device given, device, id) : the right-hand sides see the row as it was
UPDATE {p}live SET moved = 1, first_ip = CASE WHEN moved THEN first_ip ELSE ip END, first_agent = CASE WHEN moved THEN first_agent ELSE agent END,
  ip = CASE WHEN ? THEN ? ELSE ip END, agent = CASE WHEN ? THEN ? ELSE agent END, device = CASE WHEN ? THEN ? ELSE device END WHERE id = ?;
-- :change (…, end, id) : whatever `update` may change; sweep_at is never later than the end
UPDATE {p}live SET generation = ?, hash = ?, previous_hash = ?, rotated_at = ?, confirmed_at = ?, authenticated_at = ?, methods = ?, last_seen_at = ?,
  idle = ?, absolute_at = ?, name = ?, data = ?, sweep_at = min(sweep_at, ?) WHERE id = ?;

-- :remove (id)
DELETE FROM {p}live WHERE id = ?;
-- :remember ({ended})
INSERT INTO {p}ended ({ended}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
-- :trim (user, kept) : of a user's ended sessions the newest stay
DELETE FROM {p}past WHERE rowid IN (SELECT rowid FROM {p}past WHERE user = (SELECT n FROM {p}words WHERE text = ?) ORDER BY ended_at DESC, rowid DESC LIMIT -1 OFFSET ?);

-- :due (now, limit) → {record}
SELECT {record} FROM {p}live WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ?;
-- :rearm (end, id)
UPDATE {p}live SET sweep_at = ? WHERE id = ?;
-- :purgeEnded (instant, limit)
DELETE FROM {p}past WHERE rowid IN (SELECT rowid FROM {p}past WHERE ended_at <= ? LIMIT ?);
-- :purgeMarks (instant, limit)
DELETE FROM {p}marks WHERE key IN (SELECT key FROM {p}marks WHERE until <= ? LIMIT ?);
-- :purgeSlices (instant, limit)
DELETE FROM {p}slices WHERE rowid IN (SELECT rowid FROM {p}slices WHERE until <= ? LIMIT ?);
-- :purgeChanges (instant, limit) : the last one stays, because it holds the number
DELETE FROM {p}changes WHERE seq IN (SELECT seq FROM {p}changes WHERE at <= ? AND seq < (SELECT max(seq) FROM {p}changes) LIMIT ?);
-- :blankChange (instant) : and says nothing any more
UPDATE {p}changes SET id = '', ended = NULL WHERE seq = (SELECT max(seq) FROM {p}changes) AND at <= ? AND id <> '';

-- :observe (at, span, node, value, until)
INSERT INTO {p}slices (at, span, node, value, until) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (at, span, node) DO UPDATE SET value = excluded.value, until = excluded.until;
-- :slices (from, to) → node, at, span, value, until
SELECT node, at, span, value, until FROM {p}slices WHERE at >= ? AND at < ?;
-- :counts () → live, users, guests, remembered
SELECT live, users, guests, remembered FROM {p}state;

-- :tell (source, at, id, ended)
INSERT INTO {p}changes (source, at, id, ended) VALUES (?, ?, ?, ?);
-- :crop (kept) : the newest so many stay
DELETE FROM {p}changes WHERE seq <= (SELECT max(seq) FROM {p}changes) - ?;
-- :told () → the number of the last change
SELECT coalesce(max(seq), 0) FROM {p}changes;
-- :news (seq, limit) → seq, source, id, ended
SELECT seq, source, id, ended FROM {p}changes WHERE seq > ? ORDER BY seq LIMIT ?;
