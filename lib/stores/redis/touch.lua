-- Adds the activity of requests to sessions of this shard: adds up, never moves back, never creates. Called by `touch`.
--
-- KEYS     the base, `n` and the sessions; or one session, while a cluster moves the slot: batches are then not compared
-- ARGV[6]  the caller's present
-- ARGV[7]  the node, ARGV[8] the number of its batch: a client that lost the reply sends the same again, and must not count twice
-- ARGV[9]  and so on, for each session: id, requestCount, seenAt (0: not seen), generation (-1: confirms nothing),
--          how many fields to clear, their names, how many texts to set, names and values
-- Returns  { now, ids that are not live … }

local shift, node, batch = now - tonumber(ARGV[6]), ARGV[7], ARGV[8] .. ' '
local alone, batches, again = #KEYS == 1, base .. 'n', false

-- a write that takes no memory: after it, a full server lets the others pass, and sessions in use stay in use
if not alone then
  redis.call('HDEL', batches, '')
  local past = redis.call('HGET', batches, node)
  again = past and past:find(' ' .. batch, 1, true)
  if not again then
    if not past and redis.call('HLEN', batches) >= 256 then redis.call('DEL', batches) end
    past = (past or ' ') .. batch
    -- the last dozens are enough: a client that sends again does so soon
    if #past > 256 then past = past:sub((past:find(' ', 128, true))) end
    redis.call('HSET', batches, node, past)
  end
end

local answer, n = { now }, 9
while ARGV[n] do
  local id, request_count, seen_at, generation = ARGV[n], tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2]), tonumber(ARGV[n + 3])
  local names = n + 5
  local texts = names + ARGV[n + 4] + 1
  n = texts + ARGV[texts - 1] * 2
  local key = alone and base or session_key(id)
  local record = find_at(key, id)
  if record and record.due > now then
    local seen = seen_at == 0 and 0 or math.min(now, round(seen_at + shift))
    if request_count > 0 and not again then redis.call('HINCRBY', key, 'n', request_count) end
    if seen > record.last_seen then redis.call('HSET', key, 'l', seen) end
    if generation == record.generation and record.confirmed == '-' then
      redis.call('HSET', key, 'g', ('%d %s %.0f'):format(record.generation, record.rotated, seen > 0 and seen or now))
    end
    for name = names, texts - 2 do clear(key, ARGV[name]) end
    for text = texts, n - 2, 2 do redis.call('HSET', key, ARGV[text], ARGV[text + 1]) end
  else
    answer[#answer + 1] = id
  end
end
return answer
