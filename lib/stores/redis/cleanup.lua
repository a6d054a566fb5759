-- Ends expired sessions of this shard, and deletes what is too old. Called by `cleanup`.
-- A touch never changes the index of due sessions: this script puts live sessions that it finds there back, with their new expiry.
--
-- ARGV[6]  the most sessions to look at
-- Returns  { now, 1 if there is more to do, { JSON of each that ended … } }

local max, step, more, ended = tonumber(ARGV[6]), 100, 0, {}
local due = redis.call('ZRANGEBYSCORE', base .. 'x', '-inf', now, 'LIMIT', 0, max + 1)
for n, id in ipairs(due) do
  if n > max then
    more = 1
    break
  end
  local record = find(id)
  if not record then
    redis.call('ZREM', base .. 'x', id)
    redis.call('ZREM', base .. 'i', id)
  elseif record.due > now then
    redis.call('ZADD', base .. 'x', record.due, id)
  else
    local idle = record.last_seen + record.idle_timeout < record.absolute_expires_at
    ended[#ended + 1] = end_session(record, idle and 'idle-timeout' or 'absolute-timeout', '', record.due)
  end
end

local old = redis.call('ZRANGEBYSCORE', base .. 'e', '-inf', now - history, 'LIMIT', 0, step)
for _, id in ipairs(old) do
  local left = redis.call('HGET', base .. 'r', id)
  local user = left and cjson.decode(left)[2]
  forget_ended(type(user) == 'string' and user or '', id)
end
local credentials = redis.call('ZRANGEBYSCORE', base .. 'm', '-inf', now, 'LIMIT', 0, step)
for _, credential in ipairs(credentials) do
  redis.call('ZREM', base .. 'm', credential)
  redis.call('HDEL', base .. 'a', credential)
end
local slices = redis.call('ZRANGEBYSCORE', base .. 'ou', '-inf', now, 'LIMIT', 0, step)
for _, slice in ipairs(slices) do
  redis.call('ZREM', base .. 'ou', slice)
  redis.call('ZREM', base .. 'oa', slice)
  redis.call('HDEL', base .. 'o', slice)
end
if math.max(#old, #credentials, #slices) == step then more = 1 end
-- counters and batch numbers start again when no session is left
if redis.call('EXISTS', base .. 'i') == 0 then redis.call('DEL', base .. 'c', base .. 'n') end
return { now, more, ended }
