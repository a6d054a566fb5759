-- The only insert: atomic with the limit, the adoption, and the replaced session if it is in this shard. Called by `create`.
--
-- ARGV[6]   id
-- ARGV[7]   user, or '' for a guest
-- ARGV[8]   the caller's present: timestamps below are moved by the difference to the server's
-- ARGV[9]   the most live sessions of the user, or '': no limit
-- ARGV[10]  evict-oldest | evict-idle | reject
-- ARGV[11]  id of the browser's former session in this shard, or ''
-- ARGV[12]  key of the adopted credential, or ''
-- ARGV[13]  when that key is forgotten
-- ARGV[14]  createdAt, ARGV[15] absoluteExpiresAt, ARGV[16] idleTimeout, ARGV[17] remembered (0 or 1),
-- ARGV[18]  authenticatedAt or '-', ARGV[19] lastSeenAt
-- ARGV[20]  generation, ARGV[21] rotatedAt, ARGV[22] confirmedAt or '-'
-- ARGV[23]  and so on: the other fields, name and value; first `h` and the hash
-- Returns   { now, 'created', { JSON of each that ended … } }
--         | { now, 'adopted', id, fields, or JSON of its ended-session record }
--         | { now, 'refused', { { id, fields } … } }
--         | { now, 'exists' }

local id, user, max, replaces, credential = ARGV[6], ARGV[7], tonumber(ARGV[9]), ARGV[11], ARGV[12]
local shift = now - tonumber(ARGV[8])
local function at(instant) return instant == '-' and '-' or ('%.0f'):format(round(instant + shift)) end

if credential ~= '' and (tonumber(redis.call('ZSCORE', base .. 'm', credential)) or 0) > now then
  local adopter = redis.call('HGET', base .. 'a', credential)
  return { now, 'adopted', adopter, look_up(adopter) }
end
if redis.call('EXISTS', session_key(id)) == 1 then
  -- a client that lost the reply sends the same again
  if redis.call('HGET', session_key(id), 'h') == ARGV[24] then return { now, 'created', {} } end
  return { now, 'exists' }
end
if redis.call('HEXISTS', base .. 'r', id) == 1 then return { now, 'exists' } end

local ended = {}
if max and user ~= '' and redis.call('ZCARD', base .. 'u:' .. user_key(user)) >= max then
  local live = {}
  for _, record in ipairs(live_of(user)) do
    if record.id ~= replaces then live[#live + 1] = record end
  end
  local over = #live - max + 1
  if over > 0 and ARGV[10] == 'reject' then
    for n, record in ipairs(live) do live[n] = { record.id, redis.call('HGETALL', session_key(record.id)) } end
    return { now, 'refused', live }
  end
  if ARGV[10] == 'evict-idle' then
    table.sort(live, function(a, b)
      if a.last_seen ~= b.last_seen then return a.last_seen < b.last_seen end
      if a.created ~= b.created then return a.created < b.created end
      return a.id < b.id
    end)
  end
  for n = 1, over do ended[n] = end_session(live[n], 'evicted', '', now) end
end
if replaces ~= '' then
  local former = find(replaces)
  if former and former.due > now then ended[#ended + 1] = end_session(former, 'replaced', '', now) end
end

local record = {
  created = at(ARGV[14]), absolute_expires_at = at(ARGV[15]), idle_timeout = ARGV[16], remembered = ARGV[17],
  authenticated = at(ARGV[18])
}
local last_seen = at(ARGV[19])
local rotation = ('%s %s %s'):format(ARGV[20], at(ARGV[21]), at(ARGV[22]))
redis.call('HSET', session_key(id), 't', format_times(record), 'l', last_seen, 'g', rotation)
write(session_key(id), ARGV, 23)
redis.call('PEXPIRE', session_key(id), math.max(record.absolute_expires_at - now, 0) + backstop)
redis.call('ZADD', base .. 'i', record.created, id)
redis.call('ZADD', base .. 'x', math.min(record.absolute_expires_at, last_seen + record.idle_timeout), id)
if user == '' then
  count(is_block(id) and 'blocks' or 'guests', 1)
else
  local index = base .. 'u:' .. user_key(user)
  if redis.call('ZADD', index, record.created, id) == 1 and redis.call('ZCARD', index) == 1 then count('users', 1) end
end
if record.remembered == '1' then count('remembered', 1) end
if credential ~= '' then
  redis.call('HSET', base .. 'a', credential, id)
  redis.call('ZADD', base .. 'm', round(ARGV[13] + shift), credential)
end
return { now, 'created', ended }
