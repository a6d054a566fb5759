-- Ends again what had ended before the server lost writes, without a second message. Called when a connection was lost.
--
-- ARGV[6]  and so on, for each session: id, reason, who or '', endedAt
-- Returns  { now }

for n = 6, #ARGV, 4 do
  local record = find(ARGV[n])
  if record then end_session(record, ARGV[n + 1], ARGV[n + 2], tonumber(ARGV[n + 3]), true) end
end
return { now }
