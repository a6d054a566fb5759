-- Ends live sessions of a user, oldest first, but one if that is named: one step, which looks at a bounded number. Called by `end`.
--
-- ARGV[6]   reason
-- ARGV[7]   who, or ''
-- ARGV[8]   user
-- ARGV[9]   id of the session that stays, or ''
-- ARGV[10]  the most sessions to look at
-- ARGV[11]  of a further step: until when sessions end that were created, and ARGV[12] createdAt and ARGV[13] id of the last session that it looked at; or ''
-- Returns   { now, { JSON of each that ended, oldest first … }, ARGV[11] of the next step, createdAt and id of the last; or nothing }

local index, max, before, ended = base .. 'u:' .. user_key(ARGV[8]), tonumber(ARGV[10]), tonumber(ARGV[11]), {}
local from = 0
if not before then
  -- all that exist now, those as well that were created before the server's clock was set back
  before = math.max(now, tonumber(redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]) or 0)
else
  from = redis.call('ZCOUNT', index, '-inf', '(' .. ARGV[12])
  -- those with the same createdAt that stay
  while true do
    local next = redis.call('ZRANGE', index, from, from, 'WITHSCORES')
    if not next[1] or tonumber(next[2]) ~= tonumber(ARGV[12]) or next[1] > ARGV[13] then break end
    from = from + 1
  end
end

local found = redis.call('ZRANGE', index, from, from + max, 'WITHSCORES')
for n = 1, math.min(#found, max * 2), 2 do
  local id, created = found[n], tonumber(found[n + 1])
  -- it was created since the first step: the user has signed in again
  if created > before then return { now, ended } end
  local record = id ~= ARGV[9] and find(id)
  if record and record.due > now then
    ended[#ended + 1] = end_session(record, ARGV[6], ARGV[7], now)
  elseif not record and redis.call('EXISTS', session_key(id)) == 0 then
    remove_from_user(ARGV[8], id)
  end
end
if #found <= max * 2 then return { now, ended } end
return { now, ended, ('%.0f'):format(before), found[max * 2], found[max * 2 - 1] }
