-- Ends all live sessions of a user, but one if that is named. Called by `end`.
--
-- ARGV[6]  reason
-- ARGV[7]  who, or ''
-- ARGV[8]  user
-- ARGV[9]  id of the session that stays, or ''
-- Returns  { now, { JSON of each that ended, oldest first … } }

local ended = {}
for _, record in ipairs(live_of(ARGV[8])) do
  if record.id ~= ARGV[9] then ended[#ended + 1] = end_session(record, ARGV[6], ARGV[7], now) end
end
return { now, ended }
