-- Shared by every script of this store, and put before each of them.
--
-- KEYS     either one key, and the script touches no other; or the base of the shard, "<prefix>{<tag>}:", which never exists, and then the
--          keys that the script touches, as far as they are known. Every key is the base and a suffix, so that all are in one slot. While
--          a cluster moves the slot, the server redirects one key to where it is, and rejects base and keys with TRYAGAIN: no script with
--          several keys ever runs where some of them are missing.
--            s:<id>    hash    a session, until it ends
--            r         hash    ended-session records by id: JSON, see `end_session`
--            u:<user>  zset    ids of a user's live sessions by createdAt
--            i  x      zsets   ids of all live sessions by createdAt; by when they may be due
--            h:<user>  zset    ids of a user's ended sessions by endedAt
--            e         zset    ids of all ended sessions by endedAt
--            c  n      hashes  counters; the last batches of activity of each node
--            m  a      zset, hash  keys of adopted credentials by when they are forgotten; the session that adopted each
-- ARGV[1]  the present in milliseconds, or '': the server's time (only tests move time)
-- ARGV[2]  how long ended sessions are kept, milliseconds; 0 keeps none
-- ARGV[3]  how many ended sessions are kept of a user
-- ARGV[4]  channel on which ends and changes are published
-- ARGV[5]  the latest moment at which the script may still run, or '': a write that comes later than that is refused
--
-- Each script returns an array that starts with the present.

local base, channel = KEYS[1], ARGV[4]
local history, history_per_user = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if ARGV[5] ~= '' and now > tonumber(ARGV[5]) then return { now, 'late' } end

-- native expiry is a backstop only, for a server on which no cleanup runs any more
local backstop = 86400000

local function session_key(id) return base .. 's:' .. id end

-- the end of a key: braces would be read as a hash tag by tools that look for the last one
local function user_key(user) return (user:gsub('[{}%%]', { ['{'] = '%7B', ['}'] = '%7D', ['%'] = '%25' })) end

-- whether an id is that of a mark that blocks legacy credentials: it counts as neither a session nor a guest
local function is_block(id) return id:sub(3, 9) == '_______' end

local function round(instant) return math.floor(instant + 0.5) end

-- a long text is stored in pieces: name, 1name, 2name, …
local function join(fields, name)
  local text, n = fields[name] or '', 1
  while fields[n .. name] do
    text = text .. fields[n .. name]
    n = n + 1
  end
  return text
end

local function clear(key, name)
  redis.call('HDEL', key, name)
  local n = 1
  while redis.call('HDEL', key, n .. name) == 1 do n = n + 1 end
end

-- in batches, because a call takes some thousand arguments at most
local function write(key, list, from)
  for n = from, #list, 400 do redis.call('HSET', key, unpack(list, n, math.min(n + 399, #list))) end
end

local function count(name, by)
  if redis.call('HINCRBY', base .. 'c', name, by) <= 0 then redis.call('HDEL', base .. 'c', name) end
end

-- Reads a key that may be of another type: that counts as missing, and any other error is raised.
local function attempt(...)
  local reply = redis.pcall(...)
  if reply.err and not reply.err:find('WRONGTYPE', 1, true) then error(reply.err, 0) end
  return reply
end

-- Returns the fields that decide about a session without an end, expired or not; nil if it does not exist or cannot be parsed.
local function find_at(key, id)
  local fields = attempt('HMGET', key, 't', 'l', 'g')
  if not fields[1] or not fields[2] or not fields[3] then return nil end
  local created, absolute_expires_at, idle_timeout, remembered, authenticated = fields[1]:match('^(%d+) (%d+) (%d+) ([01]) (%-?%d*)$')
  local generation, rotated, confirmed = fields[3]:match('^(%d+) (%d+) (%-?%d*)$')
  local last_seen = tonumber(fields[2])
  if not created or not generation or not last_seen then return nil end
  absolute_expires_at, idle_timeout = tonumber(absolute_expires_at), tonumber(idle_timeout)
  return {
    id = id, created = created, absolute_expires_at = absolute_expires_at, idle_timeout = idle_timeout, remembered = remembered,
    authenticated = authenticated, last_seen = last_seen, generation = tonumber(generation), rotated = rotated, confirmed = confirmed,
    due = math.min(absolute_expires_at, last_seen + idle_timeout)
  }
end

local function find(id) return find_at(session_key(id), id) end

local function format_times(record)
  return ('%.0f %.0f %.0f %s %s'):format(
    record.created, record.absolute_expires_at, record.idle_timeout, record.remembered, record.authenticated)
end

-- Removes a session from the index of its user, and counts a user less with the last one.
local function remove_from_user(user, id)
  local index = base .. 'u:' .. user_key(user)
  if redis.call('ZREM', index, id) == 1 and redis.call('EXISTS', index) == 0 then count('users', -1) end
end

local function forget_ended(user, id)
  redis.call('HDEL', base .. 'r', id)
  redis.call('ZREM', base .. 'e', id)
  redis.call('ZREM', base .. 'h:' .. user_key(user), id)
end

-- no two messages are equal, so that receivers detect duplicates
local function publish_changed(id)
  local time = redis.call('TIME')
  redis.call('PUBLISH', channel, ('c%s %s.%s'):format(id, time[1], time[2]))
end

-- a text of a record; JSON null if it is missing
local function text(fields, name) return fields[name] and join(fields, name) or cjson.null end

-- Ends a session. The first write frees memory, so that a full server does not stop halfway. Returns its ended-session record as JSON:
-- [ id, user, reason, who, createdAt, lastSeenAt, endedAt, requestCount, remembered, ip, device, deviceName ]
local function end_session(record, reason, by, at, silent)
  local key, id, fields = session_key(record.id), record.id, {}
  local list = redis.call('HGETALL', key)
  for n = 1, #list, 2 do fields[list[n]] = list[n + 1] end
  local ip = text(fields, fields.i and 'i' or 'j')
  local left = cjson.encode({
    id, text(fields, 'u'), reason, by ~= '' and by or cjson.null, tonumber(record.created), record.last_seen, at, tonumber(fields.n) or 0,
    tonumber(record.remembered), ip ~= '\0' and ip or cjson.null, text(fields, 'd'), text(fields, 'w')
  })
  local user = join(fields, 'u')
  redis.call('DEL', key)
  redis.call('ZREM', base .. 'x', id)
  redis.call('ZREM', base .. 'i', id)
  if record.remembered == '1' then count('remembered', -1) end
  if user == '' then
    count(is_block(id) and 'blocks' or 'guests', -1)
  else
    remove_from_user(user, id)
    if history > 0 then
      local all, ended, texts = base .. 'e', base .. 'h:' .. user_key(user), base .. 'r'
      redis.call('HSET', texts, id, left)
      redis.call('ZADD', all, at, id)
      redis.call('ZADD', ended, at, id)
      for _, index in ipairs({ texts, all, ended }) do redis.call('PEXPIRE', index, history + backstop) end
      if redis.call('ZCARD', ended) > history_per_user then forget_ended(user, redis.call('ZRANGE', ended, 0, 0)[1]) end
    end
  end
  if silent then publish_changed(id) else redis.call('PUBLISH', channel, 'e' .. left) end
  return left
end

-- Returns the fields of a session, its ended-session record, or false.
local function look_up(id)
  local fields = redis.call('HGETALL', session_key(id))
  return #fields > 0 and fields or redis.call('HGET', base .. 'r', id)
end

-- Returns the records of a user's live sessions, oldest first.
local function live_of(user)
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', base .. 'u:' .. user_key(user), 0, -1)) do
    local record = find(id)
    if record and record.due > now then
      live[#live + 1] = record
    elseif not record and redis.call('EXISTS', session_key(id)) == 0 then
      remove_from_user(user, id)
    end
  end
  return live
end
