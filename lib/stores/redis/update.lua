-- Changes one live session: all of it happens, or nothing. Called by `update`.
--
-- ARGV[6]   id
-- ARGV[7]   the generation that must be the current one, or ''
-- ARGV[8]   hash of the new verifier, or ''; ARGV[9] 1: the old one stays good for a while
-- ARGV[10]  1: the session is seen now
-- ARGV[11]  idle and ARGV[12] absolute, lengths that start now because the user proved who they are, or ''
-- ARGV[13]  length to which the rest of the life is cut, or ''
-- ARGV[14]  how many fields to clear, their names; then names and values to set
-- Returns   { now, 'done' | 'conflict', fields } | { now, 'gone', fields, or JSON of what is left }

local id = ARGV[6]
local key, record = keyOf(id), find(id)
if not record or record.due <= now then return { now, 'gone', look(id) } end
if ARGV[7] ~= '' and tonumber(ARGV[7]) ~= record.generation then return { now, 'conflict', redis.call('HGETALL', key) } end

for name = 15, 14 + ARGV[14] do clear(key, ARGV[name]) end
write(key, ARGV, 15 + ARGV[14])
if ARGV[8] ~= '' then
  if ARGV[9] == '1' then redis.call('HSET', key, 'p', redis.call('HGET', key, 'h')) else redis.call('HDEL', key, 'p') end
  redis.call('HSET', key, 'h', ARGV[8], 'g', ('%d %.0f -'):format(record.generation + 1, now))
end
if ARGV[10] == '1' then record.seen = math.max(now, record.seen) end
if ARGV[11] ~= '' then
  record.authenticated = ('%.0f'):format(now)
  record.seen = now
  record.idle = ARGV[11]
  record.absolute = now + ARGV[12]
end
if ARGV[13] ~= '' then record.absolute = math.min(record.absolute, now + ARGV[13]) end
redis.call('HSET', key, 't', times(record), 'l', record.seen)
if ARGV[11] ~= '' or ARGV[13] ~= '' then
  redis.call('ZADD', base .. 'x', math.min(record.absolute, record.seen + record.idle), id)
  redis.call('PEXPIRE', key, ('%.0f'):format(record.absolute - now + backstop))
end
tellChanged(id)
return { now, 'done', redis.call('HGETALL', key) }
