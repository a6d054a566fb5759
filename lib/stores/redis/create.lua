-- The only insert: atomic with the limit, the adoption, and the replaced session if it lies in this shard. Called by `create`.
--
-- ARGV[6]   id
-- ARGV[7]   user, or '' for a guest
-- ARGV[8]   the caller's present: instants below are moved by the difference to the server's
-- ARGV[9]   the most live sessions of the user, or '': no limit
-- ARGV[10]  oldest | idle | reject
-- ARGV[11]  id of the browser's former session in this shard, or ''
-- ARGV[12]  key of the adopted credential, or ''
-- ARGV[13]  when that key is forgotten
-- ARGV[14]  createdAt, ARGV[15] absoluteAt, ARGV[16] idle, ARGV[17] remembered (0 or 1), ARGV[18] authenticatedAt or '-', ARGV[19] lastSeenAt,
-- ARGV[20]  generation, ARGV[21] rotatedAt, ARGV[22] confirmedAt or '-'
-- ARGV[23]  and so on: the other fields, name and value; first `h` and the hash
-- Returns   { now, 'created', { JSON of each that ended … } }
--         | { now, 'adopted', id, fields, or JSON of what is left }
--         | { now, 'refused', { { id, fields } … } }
--         | { now, 'exists' }

local id, user, max, replaces, mark = ARGV[6], ARGV[7], tonumber(ARGV[9]), ARGV[11], ARGV[12]
local shift = now - tonumber(ARGV[8])
local function at(instant) return instant == '-' and '-' or ('%.0f'):format(round(instant + shift)) end

if mark ~= '' and (tonumber(redis.call('ZSCORE', base .. 'm', mark)) or 0) > now then
  local adopter = redis.call('HGET', base .. 'a', mark)
  return { now, 'adopted', adopter, look(adopter) }
end
if redis.call('EXISTS', keyOf(id)) == 1 then
  -- a client that lost the answer sends the same again
  if redis.call('HGET', keyOf(id), 'h') == ARGV[24] then return { now, 'created', {} } end
  return { now, 'exists' }
end
if redis.call('HEXISTS', base .. 'r', id) == 1 then return { now, 'exists' } end

local ended = {}
if max and user ~= '' and redis.call('ZCARD', base .. 'u:' .. named(user)) >= max then
  local live = {}
  for _, record in ipairs(liveOf(user)) do
    if record.id ~= replaces then live[#live + 1] = record end
  end
  local over = #live - max + 1
  if over > 0 and ARGV[10] == 'reject' then
    for n, record in ipairs(live) do live[n] = { record.id, redis.call('HGETALL', keyOf(record.id)) } end
    return { now, 'refused', live }
  end
  if ARGV[10] == 'idle' then
    table.sort(live, function(a, b)
      if a.seen ~= b.seen then return a.seen < b.seen end
      if a.created ~= b.created then return a.created < b.created end
      return a.id < b.id
    end)
  end
  for n = 1, over do ended[n] = finish(live[n], 'evicted', '', now) end
end
if replaces ~= '' then
  local former = find(replaces)
  if former and former.due > now then ended[#ended + 1] = finish(former, 'replaced', '', now) end
end

local record = {
  created = at(ARGV[14]), absolute = at(ARGV[15]), idle = ARGV[16], remembered = ARGV[17], authenticated = at(ARGV[18])
}
local seen = at(ARGV[19])
redis.call('HSET', keyOf(id), 't', times(record), 'l', seen, 'g', ('%s %s %s'):format(ARGV[20], at(ARGV[21]), at(ARGV[22])))
write(keyOf(id), ARGV, 23)
redis.call('PEXPIRE', keyOf(id), math.max(record.absolute - now, 0) + backstop)
redis.call('ZADD', base .. 'i', record.created, id)
redis.call('ZADD', base .. 'x', math.min(record.absolute, seen + record.idle), id)
if user == '' then
  count('guests', 1)
elseif redis.call('ZADD', base .. 'u:' .. named(user), record.created, id) == 1 and redis.call('ZCARD', base .. 'u:' .. named(user)) == 1 then
  count('users', 1)
end
if record.remembered == '1' then count('remembered', 1) end
if mark ~= '' then
  redis.call('HSET', base .. 'a', mark, id)
  redis.call('ZADD', base .. 'm', round(ARGV[13] + shift), mark)
end
return { now, 'created', ended }
