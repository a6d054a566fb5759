-- Returns the next positions of an index in its order, after one of them. Writes nothing.
-- Called by `list`, `history`, `count` and `end` by filter.
--
-- KEYS     the index: i, e, u:<user> or h:<user>
-- ARGV[6]  newest | oldest
-- ARGV[7]  score and ARGV[8] id of the position, or '' and '': from the start
-- ARGV[9]  how many
-- Returns  { now, id, score, … }

local index, newest, limit = base, ARGV[6] == 'newest', tonumber(ARGV[9])
local range, rank = newest and 'ZREVRANGE' or 'ZRANGE', newest and 'ZREVRANK' or 'ZRANK'

local from = 0
if ARGV[7] ~= '' then
  local place = redis.call(rank, index, ARGV[8])
  if place and tonumber(redis.call('ZSCORE', index, ARGV[8])) == tonumber(ARGV[7]) then
    from = place + 1
  else
    from = newest and redis.call('ZCOUNT', index, '(' .. ARGV[7], '+inf') or redis.call('ZCOUNT', index, '-inf', '(' .. ARGV[7])
    -- of those with the same score, the ids up to the place have been shown
    while true do
      local next = redis.call(range, index, from, from, 'WITHSCORES')
      if not next[1] or tonumber(next[2]) ~= tonumber(ARGV[7]) then break end
      if newest and next[1] < ARGV[8] or not newest and next[1] > ARGV[8] then break end
      from = from + 1
    end
  end
end

return { now, unpack(redis.call(range, index, from, from + limit - 1, 'WITHSCORES')) }
