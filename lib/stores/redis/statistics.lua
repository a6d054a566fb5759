-- How many sessions this shard has. Writes nothing. Called by `statistics`.
--
-- Returns  { now, live, users, guests, remembered }

local counters = redis.call('HMGET', base .. 'c', 'users', 'guests', 'remembered', 'blocks')
local live = redis.call('ZCARD', base .. 'i') - (tonumber(counters[4]) or 0)
return { now, live, tonumber(counters[1]) or 0, tonumber(counters[2]) or 0, tonumber(counters[3]) or 0 }
