-- What every script of this store shares; put before each of them.
--
-- KEYS     the shard, "<prefix>{<tag>}:": every key is this and a suffix, so that all lie in one slot
--            s:<id>    hash    a session, until it ends
--            r         hash    what is left of ended sessions, by id: JSON, see `finish`
--            u:<user>  zset    ids of a user's live sessions by createdAt
--            i  x      zsets   ids of all live sessions by createdAt; by when they may be due
--            h:<user>  zset    ids of a user's ended sessions by endedAt
--            e         zset    ids of all ended sessions by endedAt
--            c  n      hashes  counters; the last batches of activity of each node
--            m  a      zset, hash  keys of adopted credentials by when they are forgotten; whose session they are
-- ARGV[1]  the present in milliseconds, or '': the server's time (only tests move time)
-- ARGV[2]  how long ended sessions are kept, milliseconds; 0: not at all
-- ARGV[3]  how many are kept of a user
-- ARGV[4]  channel on which ends and changes are told
-- ARGV[5]  the latest moment at which the script may still run, or '': a write that comes later than that is refused
--
-- Each script answers an array that starts with the present.

local base, channel = KEYS[1], ARGV[4]
local history, perUser = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if ARGV[5] ~= '' and now > tonumber(ARGV[5]) then return { now, 'late' } end

-- native expiry is a backstop only, for a server whose sessions nobody sweeps any more
local backstop = 86400000

local function keyOf(id) return base .. 's:' .. id end

-- the end of a key: braces would be read as a hash tag by tools that look for the last one
local function named(user) return (user:gsub('[{}%%]', { ['{'] = '%7B', ['}'] = '%7D', ['%'] = '%25' })) end

local function round(instant) return math.floor(instant + 0.5) end

-- a long text lies in pieces: name, 1name, 2name, …
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

-- in slices, because a call takes some thousand arguments at most
local function write(key, list, from)
  for n = from, #list, 400 do redis.call('HSET', key, unpack(list, n, math.min(n + 399, #list))) end
end

local function count(name, by)
  if redis.call('HINCRBY', base .. 'c', name, by) <= 0 then redis.call('HDEL', base .. 'c', name) end
end

-- Reads what may not be what its name says: a key of another type is as good as none, but any other trouble is trouble.
local function attempt(...)
  local reply = redis.pcall(...)
  if reply.err and not reply.err:find('WRONGTYPE', 1, true) then error(reply.err, 0) end
  return reply
end

-- What decides about a session that has not ended, swept or not; nil if there is none, or if it cannot be understood.
local function find(id)
  local fields = attempt('HMGET', keyOf(id), 't', 'l', 'g')
  if not fields[1] or not fields[2] or not fields[3] then return nil end
  local created, absolute, idle, remembered, authenticated = fields[1]:match('^(%d+) (%d+) (%d+) ([01]) (%-?%d*)$')
  local generation, rotated, confirmed = fields[3]:match('^(%d+) (%d+) (%-?%d*)$')
  local seen = tonumber(fields[2])
  if not created or not generation or not seen then return nil end
  absolute, idle = tonumber(absolute), tonumber(idle)
  return {
    id = id, created = created, absolute = absolute, idle = idle, remembered = remembered, authenticated = authenticated, seen = seen,
    generation = tonumber(generation), rotated = rotated, confirmed = confirmed, due = math.min(absolute, seen + idle)
  }
end

local function times(record)
  return ('%.0f %.0f %.0f %s %s'):format(record.created, record.absolute, record.idle, record.remembered, record.authenticated)
end

-- A field that may be missing by now, and its owner's index with it.
local function leave(user, id)
  local index = base .. 'u:' .. named(user)
  if redis.call('ZREM', index, id) == 1 and redis.call('EXISTS', index) == 0 then count('users', -1) end
end

local function forget(user, id)
  redis.call('HDEL', base .. 'r', id)
  redis.call('ZREM', base .. 'e', id)
  redis.call('ZREM', base .. 'h:' .. named(user), id)
end

-- no two messages are alike: whoever hears one twice knows it
local function tellChanged(id)
  local time = redis.call('TIME')
  redis.call('PUBLISH', channel, ('c%s %s.%s'):format(id, time[1], time[2]))
end

-- texts of a record, and what stands for one that is missing
local function text(fields, name) return fields[name] and join(fields, name) or cjson.null end

-- Ends a session. The first write frees memory, so that a full server does not stop halfway. Answers what is left of it, as JSON:
-- [ id, user, reason, who, createdAt, lastSeenAt, endedAt, requests, remembered, address, device, name ]
local function finish(record, reason, by, at, silent)
  local key, id, fields = keyOf(record.id), record.id, {}
  local list = redis.call('HGETALL', key)
  for n = 1, #list, 2 do fields[list[n]] = list[n + 1] end
  local address = text(fields, fields.i and 'i' or 'j')
  local left = cjson.encode({
    id, text(fields, 'u'), reason, by ~= '' and by or cjson.null, tonumber(record.created), record.seen, at, tonumber(fields.n) or 0,
    tonumber(record.remembered), address ~= '\0' and address or cjson.null, text(fields, 'd'), text(fields, 'w')
  })
  local user = join(fields, 'u')
  redis.call('DEL', key)
  redis.call('ZREM', base .. 'x', id)
  redis.call('ZREM', base .. 'i', id)
  if record.remembered == '1' then count('remembered', -1) end
  if user == '' then
    count('guests', -1)
  else
    leave(user, id)
    if history > 0 then
      local all, ended, texts = base .. 'e', base .. 'h:' .. named(user), base .. 'r'
      redis.call('HSET', texts, id, left)
      redis.call('ZADD', all, at, id)
      redis.call('ZADD', ended, at, id)
      for _, index in ipairs({ texts, all, ended }) do redis.call('PEXPIRE', index, history + backstop) end
      if redis.call('ZCARD', ended) > perUser then forget(user, redis.call('ZRANGE', ended, 0, 0)[1]) end
    end
  end
  if silent then tellChanged(id) else redis.call('PUBLISH', channel, 'e' .. left) end
  return left
end

-- What there is of a session: its fields, or what is left of it, or false.
local function look(id)
  local fields = redis.call('HGETALL', keyOf(id))
  return #fields > 0 and fields or redis.call('HGET', base .. 'r', id)
end

-- The records of a user's live sessions, oldest first.
local function liveOf(user)
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', base .. 'u:' .. named(user), 0, -1)) do
    local record = find(id)
    if record and record.due > now then
      live[#live + 1] = record
    elseif not record and redis.call('EXISTS', keyOf(id)) == 0 then
      leave(user, id)
    end
  end
  return live
end
