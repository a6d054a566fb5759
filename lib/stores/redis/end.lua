-- Ends live sessions of this shard by id. Called by `end`, and by `create` for a replaced session in another shard.
--
-- ARGV[6]  reason
-- ARGV[7]  who, or ''
-- ARGV[8]  and so on, for each session: id, lastSeenAt and requestCount that it must still have, or '' and ''
-- Returns  { now, { JSON of each that ended … }, ids that have changed … }

local ended, changed = {}, {}
for n = 8, #ARGV, 3 do
  local record = find(ARGV[n])
  if record and record.due > now then
    local seen, request_count = ARGV[n + 1], ARGV[n + 2]
    if seen == '' or (tonumber(seen) == record.last_seen and request_count == redis.call('HGET', session_key(record.id), 'n')) then
      ended[#ended + 1] = end_session(record, ARGV[6], ARGV[7], now)
    else
      changed[#changed + 1] = record.id
    end
  end
end
return { now, ended, changed }
