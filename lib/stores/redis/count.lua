-- Counts live sessions: those that are not due, and of those that may be due, a bounded number. Writes nothing. Called by `count`.
--
-- ARGV[6]  how many that may be due to skip: those that are not due are counted at 0 only
-- ARGV[7]  how many to look at
-- Returns  { now, live, 1 if there are more to look at }

local skip, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
local live = skip == 0 and redis.call('ZCOUNT', base .. 'x', '(' .. now, '+inf') - (tonumber(redis.call('HGET', base .. 'c', 'blocks')) or 0) or 0
local due = redis.call('ZRANGEBYSCORE', base .. 'x', '-inf', now, 'LIMIT', skip, limit)
for _, id in ipairs(due) do
  local record = find(id)
  -- marks were taken off above, those that are due included
  if is_block(id) or record and record.due > now then live = live + 1 end
end
return { now, live, #due == limit and 1 or 0 }
